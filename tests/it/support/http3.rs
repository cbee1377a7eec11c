//! Scripted servers of QUIC and HTTP/3 on loopback, on quinn, each on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h3::server::RequestStream;
use httpcycle_exporter::target::module::{IpFamily, Module};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, Incoming, SendStream, TransportConfig, VarInt};
use rustls::ServerConfig;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::pki::Authority;

/// The name for which servers show a certificate.
pub const NAME: &str = "orders.test";

/// The frames of HTTP/3 (RFC 9114, 7.2).
pub const DATA: u64 = 0;
pub const HEADERS: u64 = 1;
pub const SETTINGS: u64 = 4;
pub const GOAWAY: u64 = 7;

/// A server that is gone with its connections when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub authority: Authority,
    endpoint: Endpoint,
    _tasks: JoinSet<()>,
}

impl Server {
    /// How many connections it has.
    pub fn n_connections(&self) -> usize {
        self.endpoint.open_connections()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.endpoint.close(VarInt::from_u32(0), b"");
    }
}

/// A request as a server has it.
pub struct Asked {
    pub connection: Connection,
    pub sending: SendStream,
}

/// A server that does `handle` for each connection that comes in, by the settings of TLS.
pub fn serve<F, Fut>(
    authority: Authority,
    tls: ServerConfig,
    transport: TransportConfig,
    handle: F,
) -> Server
where
    F: Fn(Incoming) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let crypto = QuicServerConfig::try_from(Arc::new(tls)).unwrap();
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    let endpoint = Endpoint::server(config, ([127, 0, 0, 1], 0).into()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let accepting = endpoint.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Some(incoming) = accepting.accept().await {
            connections.spawn(handle(incoming));
            // A set holds what has ended until somebody asks.
            while connections.try_join_next().is_some() {}
        }
    });
    Server {
        address,
        authority,
        endpoint,
        _tasks: tasks,
    }
}

/// The settings of TLS of a server with a good certificate.
pub fn tls(authority: &Authority) -> ServerConfig {
    let acceptor = authority.server_of(NAME, &["h3"]);
    ServerConfig::clone(acceptor.config())
}

/// A server on h3 that does `answer` for each request.
pub fn answering<F, Fut>(answer: F) -> Server
where
    F: Fn(http::Request<()>, RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>) -> Fut
        + Clone
        + Send
        + Sync
        + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new();
    let tls = tls(&authority);
    serve(
        authority,
        tls,
        TransportConfig::default(),
        move |incoming| {
            let answer = answer.clone();
            async move {
                if let Ok(connection) = incoming.await {
                    answer_on(connection, answer).await;
                }
            }
        },
    )
}

async fn answer_on<F, Fut>(connection: Connection, answer: F)
where
    F: Fn(http::Request<()>, RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let Ok(mut http) = h3::server::Connection::new(h3_quinn::Connection::new(connection)).await
    else {
        return;
    };
    let mut answers = JoinSet::new();
    while let Ok(Some(resolver)) = http.accept().await {
        if let Ok((request, stream)) = resolver.resolve_request().await {
            answers.spawn(answer(request, stream));
        }
    }
}

/// A server that sends its settings, reads the request to its end, and does `answer` by hand.
pub fn by_hand<F, Fut>(answer: F) -> Server
where
    F: Fn(Asked) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    by_hand_with(&[&[0][..], &frame(SETTINGS, &[])].concat(), answer)
}

/// Like [`by_hand`], with these bytes on the first stream that the server opens.
pub fn by_hand_with<F, Fut>(control: &[u8], answer: F) -> Server
where
    F: Fn(Asked) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new();
    let tls = tls(&authority);
    let control = control.to_vec();
    serve(
        authority,
        tls,
        TransportConfig::default(),
        move |incoming| {
            let (answer, control) = (answer.clone(), control.clone());
            async move {
                let Ok(connection) = incoming.await else {
                    return;
                };
                let Ok(mut settings) = connection.open_uni().await else {
                    return;
                };
                // Whoever is gone by then has no use for them.
                settings.write_all(&control).await.ok();
                let Ok((sending, mut receiving)) = connection.accept_bi().await else {
                    return;
                };
                // However much of it there is.
                while let Ok(Some(_)) = receiving.read_chunk(usize::MAX, true).await {}
                let held = connection.clone();
                answer(Asked {
                    connection,
                    sending,
                })
                .await;
                held.closed().await;
            }
        },
    )
}

/// A server that answers with these bytes on the stream of the request, and then does this.
pub fn sending(bytes: Vec<u8>, then: Then) -> Server {
    by_hand(move |asked| {
        let bytes = bytes.clone();
        async move { send(asked, &bytes, then).await }
    })
}

/// What becomes of a stream, or of its connection.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// It ends in order.
    Finish,
    /// It is left as it is.
    Hold,
    /// It is reset with this code.
    Reset(u32),
    /// The connection is closed with this code.
    Close(u32),
}

/// Sends an answer by hand.
pub async fn send(mut asked: Asked, bytes: &[u8], then: Then) {
    // A client may have enough of it.
    asked.sending.write_all(bytes).await.ok();
    match then {
        Then::Finish => {
            asked.sending.finish().unwrap();
        }
        Then::Hold => {
            asked.connection.closed().await;
            drop(asked);
        }
        Then::Reset(code) => {
            arrived(&asked.connection).await;
            asked.sending.reset(VarInt::from_u32(code)).unwrap();
        }
        Then::Close(code) => {
            arrived(&asked.connection).await;
            asked.connection.close(VarInt::from_u32(code), b"");
        }
    }
}

/// Waits until what was sent is likely to have been read: a reset overtakes it.
async fn arrived(connection: &Connection) {
    let sent = connection.stats().udp_tx.datagrams;
    for _ in 0..50 {
        sleep(Duration::from_millis(10)).await;
        if connection.stats().udp_tx.datagrams > sent {
            break;
        }
    }
    sleep(Duration::from_millis(100)).await;
}

/// An integer as QUIC has it (RFC 9000, 16).
pub fn integer(value: u64) -> Vec<u8> {
    match value {
        0..=0x3f => vec![value as u8],
        0x40..=0x3fff => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        _ => (value as u32 | 0x8000_0000).to_be_bytes().to_vec(),
    }
}

/// A frame of HTTP/3.
pub fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    [&integer(kind), &integer(payload.len() as u64), payload].concat()
}

/// A field in full.
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = prefixed(name.len(), 3, 0x20);
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend(prefixed(value.len(), 7, 0));
    bytes.extend_from_slice(value.as_bytes());
    bytes
}

/// An integer as QPACK has it, behind some bits.
fn prefixed(value: usize, prefix: u32, bits: u8) -> Vec<u8> {
    let max = (1_usize << prefix) - 1;
    if value < max {
        return vec![bits | value as u8];
    }
    let mut bytes = vec![bits | max as u8];
    let mut rest = value - max;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// A head with these fields besides its status.
pub fn head(code: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0, 0];
    block.extend(field(":status", code));
    for (name, value) in fields {
        block.extend(field(name, value));
    }
    frame(HEADERS, &block)
}

/// A module that speaks HTTP/3 with a server.
pub fn module(server: &Server) -> Module {
    let mut tls = server.authority.trusted();
    tls.server_name = Some(NAME.to_owned());
    Module {
        enable_http2: false,
        enable_http3: true,
        preferred_family: IpFamily::V4,
        tls,
        ..Module::http_2xx()
    }
}

/// Where a server is asked.
pub fn url(server: &Server) -> String {
    format!("https://{}/", server.address)
}
