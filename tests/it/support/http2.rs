//! Scripted peers that speak HTTP/2 in raw frames, so that they can break every rule of it.

use std::net::SocketAddr;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::target::checks::Checks;
use httpcycle_exporter::target::module::Module;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::support::peer::{self, Peer, Then};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;

const PREFACE_BYTES: usize = 24;

/// A frame of the connection.
pub fn control(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind, flags, 0, payload)
}

/// A frame of the stream of the one request.
pub fn on_stream(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind, flags, 1, payload)
}

/// A frame of any stream.
pub fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The settings of a server that leaves all at its default.
pub fn settings() -> Vec<u8> {
    control(SETTINGS, 0, &[])
}

/// Settings that let a client send as much as it likes on a stream, and the same for the
/// connection.
pub fn wide_open() -> Vec<u8> {
    let settings = control(SETTINGS, 0, &[0, 4, 0x40, 0, 0, 0]);
    [settings, control(WINDOW_UPDATE, 0, &[0x40, 0, 0, 0])].concat()
}

/// A field as a literal that no table keeps.
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127);
        field.push(u8::try_from(text.len()).unwrap());
        field.extend_from_slice(text.as_bytes());
    }
    field
}

/// The field `:status`, kept in the table as most servers send it.
pub fn status(code: &str) -> Vec<u8> {
    [&[0x48, u8::try_from(code.len()).unwrap()], code.as_bytes()].concat()
}

/// A whole head with these fields.
pub fn head(code: &str, fields: &[(&str, &str)], flags: u8) -> Vec<u8> {
    let fields = fields.iter().flat_map(|(name, value)| field(name, value));
    let block: Vec<u8> = status(code).into_iter().chain(fields).collect();
    on_stream(HEADERS, END_HEADERS | flags, &block)
}

pub fn goaway(last_stream: u8, code: u8, debug_data: &str) -> Vec<u8> {
    let payload = [
        &[0, 0, 0, last_stream, 0, 0, 0, code],
        debug_data.as_bytes(),
    ]
    .concat();
    control(GOAWAY, 0, &payload)
}

pub fn reset(code: u8) -> Vec<u8> {
    on_stream(RST_STREAM, 0, &[0, 0, 0, code])
}

/// Reads a request to the end of its stream and returns how many bytes of a body it had; `None` if
/// the connection ended before.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<usize> {
    let mut preface = [0; PREFACE_BYTES];
    stream.read_exact(&mut preface).await.ok()?;
    assert!(preface.starts_with(b"PRI * HTTP/2.0\r\n"), "{preface:?}");
    let mut body_bytes = 0;
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.ok()?;
        let [a, b, c, kind, flags, ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await.ok()?;
        if kind == DATA {
            body_bytes += payload.len();
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            return Some(body_bytes);
        }
    }
}

/// A peer without TLS that reads a request, sends `bytes` and does `then`.
pub async fn answering(bytes: Vec<u8>, then: Then) -> Peer {
    peer::serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            read_request(&mut stream).await;
            if stream.write_all(&bytes).await.is_ok() {
                peer::finish(stream, then).await;
            }
        }
    })
    .await
}

/// Answers a request, pausing in each of its phases. The pauses are full of frames that are none
/// of the response.
pub async fn slowly<P: Future<Output = ()>>(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    pause: impl Fn(Phase) -> P,
) {
    let ping = || control(PING, 0, &[0; 8]);
    peer::write(stream, &[settings(), ping()].concat()).await;
    pause(Phase::Send).await;
    peer::write(stream, &wide_open()).await;
    if read_request(stream).await.is_none() {
        return;
    }
    let interim = head("103", &[("link", "<x>")], 0);
    peer::write(stream, &[ping(), settings(), interim].concat()).await;
    pause(Phase::FirstByte).await;
    // The same again is a reference to the table of what was sent before.
    let again = on_stream(HEADERS, END_HEADERS, &[0xbe]);
    peer::write(stream, &[again, ping(), settings()].concat()).await;
    let half = [head("200", &[("a", "b")], 0), on_stream(DATA, 0, b"half")];
    peer::write(stream, &half.concat()).await;
    pause(Phase::Transfer).await;
    peer::write(
        stream,
        &[ping(), on_stream(DATA, END_STREAM, b"half")].concat(),
    )
    .await;
    stream.read_to_end(&mut Vec::new()).await.ok();
}

/// A module whose servers are known to speak HTTP/2, TLS or not.
pub fn module() -> Module {
    Module {
        checks: Checks {
            http_versions: vec!["HTTP/2.0".to_owned()],
            ..Checks::default()
        },
        follow_redirects: false,
        ..Module::http_2xx()
    }
}

pub fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}
