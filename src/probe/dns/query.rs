//! One question to one name server: UDP, then TCP if the answer did not fit (RFC 1035, 4.2).

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use hickory_resolver::proto::op::Edns;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;
use nix::errno::Errno;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::dns::system::Settings;
use crate::probe::kernel;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;

/// The largest datagram that is read; servers send more only over TCP.
const MAX_DATAGRAM: usize = 4096;

/// What one question brought, and when: the arrival of the answer, or the moment at which the asker
/// gave up.
pub struct Asked {
    /// The answer.
    pub answer: Result<Message, Stop>,
    /// When it came.
    pub at: Arrival,
}

impl Asked {
    fn failed(stop: Stop) -> Self {
        Self {
            answer: Err(stop),
            at: Arrival::by_user(Instant::now()),
        }
    }
}

/// Asks `server` once. The sockets are closed when the future ends or is dropped.
pub async fn ask(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    settings: &Settings,
    wall_clock: WallClock,
) -> Asked {
    // The id is random; with the random source port of the socket it keeps forgers out.
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), kind));
    if settings.edns0 {
        let mut edns = Edns::new();
        edns.set_max_payload(1232).set_version(0);
        question.set_edns(edns);
    }
    let bytes = match question.to_vec() {
        Ok(bytes) => bytes,
        Err(error) => {
            let detail = format!("{name}: {error}");
            return Asked::failed(Stop::failed(Reason::DnsMalformed, detail));
        }
    };
    let asked = async {
        let (answer, at) = over_udp(server, &question, &bytes, wall_clock).await?;
        if !answer.metadata.truncation {
            return Ok((answer, at));
        }
        let answer = over_tcp(server, &question, &bytes).await?;
        Ok((answer, Arrival::by_user(Instant::now())))
    };
    match timeout(settings.timeout, asked).await {
        Ok(Ok((answer, at))) => Asked {
            answer: Ok(answer),
            at,
        },
        Ok(Err(stop)) => Asked::failed(stop),
        Err(_) => Asked::failed(Stop::failed(
            Reason::DnsTimeout,
            format!(
                "{server} did not answer for {name} in {:?}",
                settings.timeout
            ),
        )),
    }
}

async fn over_udp(
    server: SocketAddr,
    question: &Message,
    bytes: &[u8],
    wall_clock: WallClock,
) -> Result<(Message, Arrival), Stop> {
    let fault = |error| fault(server, &error);
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await.map_err(fault)?;
    kernel::enable_stamps(&socket);
    // A connected socket takes datagrams from the server only, and hears when nobody is there.
    socket.connect(server).await.map_err(fault)?;
    let asked = Instant::now();
    socket.send(bytes).await.map_err(fault)?;
    let mut buffer = [0; MAX_DATAGRAM];
    loop {
        // Where nobody listens an error is all that comes.
        let received = socket
            .async_io(Interest::READABLE | Interest::ERROR, || {
                kernel::receive(&socket, &mut buffer)
            })
            .await
            .map_err(fault)?;
        let at = wall_clock.arrival(received.stamp, Some(asked));
        let answer = decode(server, buffer.get(..received.length).unwrap_or_default())?;
        if answers(&answer, question) {
            return Ok((answer, at));
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message, bytes: &[u8]) -> Result<Message, Stop> {
    let fault = |error| fault(server, &error);
    let length = u16::try_from(bytes.len())
        .map_err(|_| Stop::failed(Reason::DnsMalformed, "the question is too long"))?;
    let mut stream = TcpStream::connect(server).await.map_err(fault)?;
    let framed = [&length.to_be_bytes(), bytes].concat();
    stream.write_all(&framed).await.map_err(fault)?;
    let length = stream.read_u16().await.map_err(fault)?;
    let mut buffer = vec![0; length.into()];
    stream.read_exact(&mut buffer).await.map_err(fault)?;
    let answer = decode(server, &buffer)?;
    if answers(&answer, question) {
        Ok(answer)
    } else {
        Err(Stop::failed(
            Reason::DnsMalformed,
            format!("{server} answered another question"),
        ))
    }
}

/// The message that bytes are.
pub fn decode(server: SocketAddr, bytes: &[u8]) -> Result<Message, Stop> {
    Message::from_vec(bytes).map_err(|error| {
        Stop::failed(
            Reason::DnsMalformed,
            format!("{server} sent no DNS message: {error}"),
        )
    })
}

/// Whether `answer` belongs to `question`. Servers may leave the question out of an error.
fn answers(answer: &Message, question: &Message) -> bool {
    answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == MessageType::Response
        && (answer.queries == question.queries || answer.queries.is_empty())
}

/// What a failed system call says: whose fault it is that the server cannot be asked.
fn fault(server: SocketAddr, error: &io::Error) -> Stop {
    if let Some(skip) = own_fault(error) {
        return Stop::Skipped(skip);
    }
    let reason = match errno(error) {
        // A link-local server without its zone, as resolv.conf may have it, is invalid.
        Some(Errno::ENETUNREACH | Errno::EAFNOSUPPORT | Errno::EINVAL) => {
            return Stop::Skipped(SkipReason::NoRoute);
        }
        Some(Errno::EADDRNOTAVAIL | Errno::EADDRINUSE) => {
            return Stop::Skipped(SkipReason::PortExhausted);
        }
        Some(Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::EACCES | Errno::EPERM) => {
            Reason::DnsUnreachable
        }
        Some(Errno::ECONNRESET | Errno::EPIPE) => Reason::DnsMalformed,
        _ if error.kind() == io::ErrorKind::UnexpectedEof => Reason::DnsMalformed,
        _ => Reason::DnsOther,
    };
    Stop::failed(reason, format!("asking {server}: {error}"))
}
