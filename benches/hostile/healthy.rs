//! Peers with which nothing is wrong.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::catalogue::Behaviour;
use crate::catalogue::Stage;
use crate::support::dns;
use crate::support::dns::Script;
use crate::support::http2;
use crate::support::peer;
use crate::support::peer::Peer;
use crate::support::pki::Authority;

/// Over http, by address.
pub const PLAIN: &str = "healthy, http";

/// Over http, by a name.
pub const NAMED: &str = "healthy, http by name";

/// Over https.
pub const TLS: &str = "healthy, https";

/// Over HTTP/2 without TLS.
pub const HTTP2: &str = "healthy, HTTP/2";

/// The name server of [`NAMED`], which never answers.
pub const DEAD_NAME: &str = "dead name";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Content-Length: 46\r\n\r\n{\"id\": 42, \"version\": 7, \"state\": \"confirmed\"}";

/// All of them.
pub fn all() -> Vec<Behaviour> {
    vec![
        Behaviour::new(PLAIN, || async { Stage::of(plain().await) }),
        Behaviour::new(NAMED, || async {
            let peer = plain().await;
            let answer = Script::Addresses(vec![peer.address.ip()], Duration::ZERO);
            let server = dns::serve(answer).await;
            let mut stage = Stage::at(format!("http://orders.test:{}/", peer.address.port()));
            stage.place.resolver = Some(server.address);
            stage.held_by(peer).held_by(server)
        }),
        Behaviour::new(TLS, || async {
            let authority = Authority::new();
            let acceptor = authority.server("127.0.0.1");
            let peer = peer::serve(move |stream| {
                let acceptor = acceptor.clone();
                async move {
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        peer::read_request(&mut stream).await;
                        peer::write(&mut stream, RESPONSE).await;
                    }
                }
            })
            .await;
            Stage::at(format!("https://{}/", peer.address))
                .trusting(&[authority.certificate()])
                .held_by(peer)
        }),
        Behaviour::new(HTTP2, || async {
            let answer = [
                http2::settings(),
                http2::head("200", &[], 0),
                http2::on_stream(http2::DATA, http2::END_STREAM, b"{}"),
            ]
            .concat();
            Stage::of(http2::answering(answer, peer::Then::Close).await)
        })
        .probed(|module| *module = http2::module()),
        Behaviour::new(DEAD_NAME, || async {
            let server = dns::serve(Script::Silent).await;
            let mut stage = Stage::at("http://orders.test/");
            stage.place.resolver = Some(server.address);
            stage.held_by(server)
        }),
    ]
}

async fn plain() -> Peer {
    peer::serve(|mut stream| async move {
        stream.set_nodelay(true).ok();
        peer::read_request(&mut stream).await;
        stream.write_all(RESPONSE).await.ok();
    })
    .await
}
