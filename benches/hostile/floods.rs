//! Peers that send without an end, as fast as they are read.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::rdata::CNAME;
use httpcycle_exporter::target::body::Compression;
use httpcycle_exporter::target::module::IpFamily;
use rustls::ServerConfig;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::catalogue::Behaviour;
use crate::catalogue::Stage;
use crate::support::dns;
use crate::support::http2;
use crate::support::peer;
use crate::support::pki::Authority;

/// Chunks of one byte.
pub const CRUMBS: &str = "chunks of 1 byte";

/// Frames of DATA of one byte.
pub const DATA_CRUMBS: &str = "HTTP/2: DATA of 1 byte";

/// A body as fast as it can be.
pub const FAST_BODY: &str = "a fast body";

/// Signs of life that are asked for.
pub const PINGS: &str = "HTTP/2: PING";

/// How much is written at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// All of them.
pub fn all() -> Vec<Behaviour> {
    let mut all = vec![
        text("interim responses", "", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        text("header lines", "HTTP/1.1 200 OK\r\n", "A: b\r\n"),
        text("one header line", "HTTP/1.1 200 OK\r\nA: ", "a"),
        text("empty lines", "", "\r\n"),
        text(CRUMBS, CHUNKED, "1\r\nx\r\n"),
        text(FAST_BODY, "HTTP/1.1 200 OK\r\n\r\n", "x"),
        text("trailers", &format!("{CHUNKED}0\r\n"), "A: b\r\n"),
        bomb(),
        text(
            "redirects",
            "HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n",
            "x",
        ),
        tickets(),
        key_updates(),
        forged_answers(),
        aliases("DNS: thousands of aliases", 2_400, short),
        // A hundred labels and more before the one that differs, which is all that is written again.
        aliases("DNS: aliases of long names", 2_400, |index| {
            format!("{index:04}.{}test.", "x.".repeat(120))
        }),
    ];
    let ok = || http2::head("200", &[], 0);
    let data = |body: &[u8]| http2::on_stream(http2::DATA, 0, body);
    let frames = [
        (PINGS, vec![], http2::control(http2::PING, 0, &[0; 8])),
        ("HTTP/2: SETTINGS", vec![], http2::settings()),
        (
            "HTTP/2: PRIORITY",
            vec![],
            http2::on_stream(http2::PRIORITY, 0, &[0, 0, 0, 3, 9]),
        ),
        (
            "HTTP/2: WINDOW_UPDATE",
            vec![],
            http2::control(http2::WINDOW_UPDATE, 0, &[0, 0, 0, 1]),
        ),
        (
            "HTTP/2: unknown frames",
            vec![],
            http2::control(0xbe, 0, b"x"),
        ),
        ("HTTP/2: interim heads", vec![], http2::head("103", &[], 0)),
        ("HTTP/2: empty DATA", ok(), data(b"")),
        (DATA_CRUMBS, ok(), data(b"x")),
        ("HTTP/2: a fast body", ok(), data(&[b'x'; 16 * 1024])),
    ];
    all.extend(frames.map(|(name, before, again)| {
        let before = [http2::settings(), before].concat();
        endless(name, before, again, true).probed(|module| *module = http2::module())
    }));
    all
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn text(name: &str, before: &str, again: &str) -> Behaviour {
    endless(name, before.into(), again.into(), false)
}

/// Sends `before` once and `again` for as long as anybody takes it.
fn endless(name: &str, before: Vec<u8>, again: Vec<u8>, is_http2: bool) -> Behaviour {
    let block: Arc<[u8]> = again.repeat(BLOCK_BYTES.div_ceil(again.len())).into();
    let before: Arc<[u8]> = before.into();
    Behaviour::new(name, move || {
        let (before, block) = (before.clone(), block.clone());
        let peer = peer::serve(move |stream| {
            let (before, block) = (before.clone(), block.clone());
            async move { pour(stream, &before, &block, is_http2).await }
        });
        async { Stage::of(peer.await) }
    })
}

async fn pour(mut stream: TcpStream, before: &[u8], block: &[u8], is_http2: bool) {
    if is_http2 {
        http2::read_request(&mut stream).await;
    } else {
        peer::read_request(&mut stream).await;
    }
    let mut going = stream.write_all(before).await;
    while going.is_ok() {
        going = stream.write_all(block).await;
    }
}

/// A quarter of a gigabyte of nothing in a quarter of a megabyte, for a module that unpacks it.
fn bomb() -> Behaviour {
    Behaviour::new("a bomb of gzip", || async {
        let mut packed = GzEncoder::new(Vec::new(), Level::default());
        let nothing = vec![0; 1 << 20];
        for _ in 0..256 {
            packed.write_all(&nothing).unwrap();
        }
        let packed = packed.finish().unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        );
        let response = [head.into_bytes(), packed].concat();
        Stage::of(peer::answering(response, peer::Then::Hold).await)
    })
    .probed(|module| module.checks.body.compression = Some(Compression::Gzip))
}

/// Session tickets behind the handshake.
fn tickets() -> Behaviour {
    over_tls("TLS: session tickets", 20_000, |mut stream| async move {
        peer::read_request(&mut stream).await;
        stream.read_u8().await.ok();
    })
}

/// Changes of the keys, as many as rustls takes behind one another, before each byte of a body.
fn key_updates() -> Behaviour {
    const IN_A_ROW: usize = 30;
    over_tls("TLS: key updates", 0, |mut stream| async move {
        peer::read_request(&mut stream).await;
        let head = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        if head.is_err() {
            return;
        }
        loop {
            for _ in 0..IN_A_ROW {
                let (_, connection) = stream.get_mut();
                if connection.refresh_traffic_keys().is_err() {
                    return;
                }
            }
            if stream.write_all(b"x").await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    })
}

fn over_tls<F, Fut>(name: &str, n_tickets: usize, handle: F) -> Behaviour
where
    F: Fn(tokio_rustls::server::TlsStream<TcpStream>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Behaviour::new(name, move || {
        let handle = handle.clone();
        async move {
            let authority = Authority::new();
            let mut config = ServerConfig::clone(authority.server("127.0.0.1").config());
            config.send_tls13_tickets = n_tickets;
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let peer = peer::serve(move |stream| {
                let (acceptor, handle) = (acceptor.clone(), handle.clone());
                async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        handle(stream).await;
                    }
                }
            })
            .await;
            Stage::at(format!("https://{}/", peer.address))
                .trusting(&[authority.certificate()])
                .held_by(peer)
        }
    })
}

/// A name server that answers every question with large answers to other ones.
fn forged_answers() -> Behaviour {
    /// For as long, then it is asked again.
    const FLOODS_FOR: Duration = Duration::from_secs(1);
    Behaviour::new("DNS: forged answers", || async {
        let socket = Arc::new(UdpSocket::bind(("127.0.0.1", 0)).await.unwrap());
        let resolver = socket.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut question = [0; 1500];
            let mut floods = JoinSet::new();
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                let mut forged = reply(&question[..length], |_, _| {}, 60, short);
                forged[0] ^= 0xff;
                let socket = socket.clone();
                floods.spawn(async move {
                    let began = Instant::now();
                    while began.elapsed() < FLOODS_FOR {
                        if socket.send_to(&forged, from).await.is_err() {
                            tokio::task::yield_now().await;
                        }
                    }
                });
            }
        });
        let mut stage = Stage::at("http://orders.test/");
        stage.place.resolver = Some(resolver);
        stage.held_by(tasks)
    })
    .probed(|module| module.preferred_family = IpFamily::V4)
}

/// A name server whose answers over TCP are one chain of so many aliases, the names of which `named`
/// gives.
fn aliases(name: &str, n_aliases: usize, named: fn(usize) -> String) -> Behaviour {
    Behaviour::new(name, move || async move {
        let (udp, tcp) = dns::both_sockets().await;
        let resolver = udp.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut question = [0; 1500];
            while let Ok((length, from)) = udp.recv_from(&mut question).await {
                let cut = |reply: &mut Message, _: &Name| reply.metadata.truncation = true;
                let cut = reply(&question[..length], cut, 0, named);
                udp.send_to(&cut, from).await.ok();
            }
        });
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.unwrap_or(0);
                let mut question = vec![0; length.into()];
                if stream.read_exact(&mut question).await.is_err() {
                    continue;
                }
                let reply = reply(&question, |_, _| {}, n_aliases, named);
                stream.write_u16(reply.len() as u16).await.ok();
                stream.write_all(&reply).await.ok();
            }
        });
        let mut stage = Stage::at("http://orders.test/");
        stage.place.resolver = Some(resolver);
        stage.held_by(tasks)
    })
}

/// The names of a chain whose names have few letters.
fn short(index: usize) -> String {
    format!("a{index}.test.")
}

/// A reply to a question, with a chain of so many aliases, the last one first.
fn reply(
    question: &[u8],
    change: impl Fn(&mut Message, &Name),
    n_aliases: usize,
    named: fn(usize) -> String,
) -> Vec<u8> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.message_type = MessageType::Response;
    reply.add_query(query.clone());
    let named = |index: usize| match index {
        0 => query.name().clone(),
        index => Name::from_ascii(named(index)).unwrap(),
    };
    for index in (0..n_aliases).rev() {
        let alias = RData::CNAME(CNAME(named(index + 1)));
        reply.add_answer(Record::from_rdata(named(index), 60, alias));
    }
    change(&mut reply, query.name());
    reply.to_vec().unwrap()
}
