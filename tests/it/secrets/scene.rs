//! Servers that are told secrets, remember what they were told, and give back what they can.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::proxies::peer::{Manner, Proxy};
use crate::secrets::canary::{canary, filled, found};
use crate::support::dns::{NameServer, Script};
use crate::support::http2;
use crate::support::peer::{self, Peer, Then};
use crate::support::{dns, pki};

/// The answers of the first server by path. `{echo}` is what it was told, `{other}` another origin,
/// and `{own}` the server itself.
#[rustfmt::skip]
pub const ANSWERS: &[(&str, &str)] = &[
    ("/ok", "HTTP/1.1 200 {echo}\r\nX-Echo: {echo}\r\nSet-Cookie: s={setcookie}\r\nContent-Length: 2\r\n\r\nok"),
    ("/failed", "HTTP/1.1 500 {echo}\r\nX-Echo: {echo}\r\n\r\n{echo}"),
    ("/conflict", "HTTP/1.1 409 {echo}\r\nX-Reason: {echo}\r\n\r\n{\"reason\": \"{echo}\\nlevel=error msg=forged\\u001b[31m\\u2028\"}"),
    ("/same", "HTTP/1.1 307 {echo}\r\nSet-Cookie: s={setcookie}; Path=/\r\nLocation: /ok\r\n\r\n"),
    ("/echo", "HTTP/1.1 302 F\r\nLocation: /ok/{echo}?t={echo}\r\n\r\n"),
    ("/lost", "HTTP/1.1 302 F\r\nLocation: /failed/{echo}?t={echo}\r\n\r\n"),
    ("/away", "HTTP/1.1 302 {echo}\r\nLocation: http://{locationuser}:p@{other}/there?t={locationquery}\r\n\r\n"),
    ("/away307", "HTTP/1.1 307 {echo}\r\nLocation: http://{other}/back?t={locationquery}\r\n\r\n"),
    ("/nowhere", "HTTP/1.1 302 F\r\nLocation: http://{locationuser}:{locationquery}@{echo}.test/\r\n\r\n"),
    ("/scheme", "HTTP/1.1 302 F\r\nLocation: {echo}://x/\r\n\r\n"),
    ("/broken", "HTTP/1.1 302 F\r\nLocation: http://[{echo}/\r\n\r\n"),
    ("/no-http", "{echo} {echo}\r\n\r\n"),
    ("/no-status", "HTTP/1.1 {echo}\r\n\r\n"),
    ("/no-header", "HTTP/1.1 200 OK\r\n{echo} {echo}: \u{1}{echo}\r\n\r\n"),
    ("/cut", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{echo}"),
    ("/no-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{echo}\r\n{echo}"),
    ("/no-gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n{echo}"),
    ("/silent", ""),
];

/// What it gives to who asks for a token.
const TOKEN: (&str, &str) = (
    "/token",
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"access_token\": \"{token}\"}",
);

/// All that a server was told.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<String>>);

impl Told {
    fn note(&self, text: &str) {
        let mut told = self.0.lock().unwrap();
        told.push_str(text);
        told.push('\n');
    }

    /// The places whose secrets it knows.
    pub fn places(&self) -> Vec<&'static str> {
        found(&self.0.lock().unwrap())
    }
}

/// The servers, all on loopback.
pub struct Scene {
    pub own: Peer,
    pub own_told: Told,
    _other: Peer,
    pub other_told: Told,
    pub tls: Peer,
    pub http2: Peer,
    pub proxy: Proxy,
    pub refusing: Proxy,
    pub names: NameServer,
    pub authority: pki::Authority,
    /// The key of a client that the server with TLS lets in, in PEM form.
    pub client_key: String,
    pub client_chain: String,
}

impl Scene {
    pub async fn start() -> Self {
        let (own_told, other_told) = (Told::default(), Told::default());
        let other = {
            let told = other_told.clone();
            peer::serve(move |stream| at_other(stream, told.clone())).await
        };
        let own = {
            let (told, other) = (own_told.clone(), other.address.to_string());
            let turn = Arc::new(AtomicUsize::new(0));
            peer::serve(move |stream| at_own(stream, told.clone(), other.clone(), turn.clone()))
                .await
        };
        let authority = pki::Authority::new();
        let tls = {
            let (acceptor, told) = (authority.server_for_clients("127.0.0.1"), own_told.clone());
            let other = other.address.to_string();
            peer::serve(move |stream| {
                let (acceptor, told, other) = (acceptor.clone(), told.clone(), other.clone());
                async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        at_own(stream, told, other, Arc::default()).await;
                    }
                }
            })
            .await
        };
        let words = filled("calm down {bearer} {urlquery}\nlevel=error msg=forged\u{1b}[31m");
        let farewell = [http2::settings(), http2::goaway(0, 11, &words)].concat();
        let refusal = b"HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n";
        let client = authority.client();
        let key = client.key.expose().secret_der().to_vec();
        Self {
            own,
            own_told,
            _other: other,
            other_told,
            tls,
            http2: http2::answering(farewell, Then::Close).await,
            proxy: crate::proxies::peer::start(Manner::default()).await,
            refusing: crate::proxies::peer::start(Manner {
                refusal: Some(refusal),
                ..Manner::default()
            })
            .await,
            names: dns::serve(Script::Code(
                hickory_resolver::proto::op::ResponseCode::NXDomain,
            ))
            .await,
            client_key: pki::pem("PRIVATE KEY", &key),
            client_chain: pki::pem("CERTIFICATE", &client.chain[0]),
            authority,
        }
    }

    /// The PEM form of the authority that signed for the server with TLS.
    pub fn authority_pem(&self) -> String {
        let trusted = self.authority.trusted();
        pki::pem("CERTIFICATE", &trusted.authorities.unwrap()[0])
    }
}

/// The secrets in a request, those within the credentials too, another one first at each turn.
fn echo(request: &str, turn: usize) -> String {
    let mut places = found(request);
    if !places.is_empty() {
        let n_places = places.len();
        places.rotate_left(turn % n_places);
    }
    let echoed: Vec<String> = places.into_iter().map(canary).collect();
    echoed.join("-")
}

async fn at_own(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    told: Told,
    other: String,
    turn: Arc<AtomicUsize>,
) {
    let (head, body) = peer::read_request_and_body(&mut stream).await;
    let request = format!("{head}{}", String::from_utf8_lossy(&body));
    told.note(&request);
    let place = head.split(' ').nth(1).unwrap_or_default();
    // A proxy that forwards asks in absolute form.
    let path = place.split_once("//").map_or(place, |(_, rest)| {
        rest.find('/').map_or("", |slash| &rest[slash..])
    });
    let end = path[1.min(path.len())..].find(['/', '?']);
    let path = &path[..end.map_or(path.len(), |end| end + 1)];
    let answers = ANSWERS.iter().chain(std::iter::once(&TOKEN));
    let answer = answers.into_iter().find(|(known, _)| *known == path);
    let Some((_, answer)) = answer.filter(|(path, _)| *path != "/silent") else {
        return std::future::pending().await;
    };
    let echo = echo(&request, turn.fetch_add(1, Ordering::Relaxed));
    let answer = filled(answer)
        .replace("{echo}", &echo)
        .replace("{other}", &other);
    stream.write_all(answer.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

/// Another origin: whatever it is asked, it sends nobody back who must not come.
async fn at_other(mut stream: impl AsyncRead + AsyncWrite + Unpin, told: Told) {
    let (head, body) = peer::read_request_and_body(&mut stream).await;
    told.note(&format!("{head}{}", String::from_utf8_lossy(&body)));
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(answer).await.ok();
    stream.shutdown().await.ok();
}
