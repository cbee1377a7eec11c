//! One question to one name server: UDP, then TCP if the answer did not fit (RFC 1035, 4.2).

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::Edns;
use hickory_resolver::proto::op::Message;
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
use tokio::time::sleep_until;
use tokio::time::timeout;

use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::connect::has_route;
use crate::probe::dns::record::Malformed;
use crate::probe::dns::reply::Reply;
use crate::probe::dns::system::Settings;
use crate::probe::kernel;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;
use crate::probe::turn::give_way;

/// The largest datagram that is read; servers send more only over TCP, where the answer is then
/// asked for.
const MAX_DATAGRAM: usize = 4096;

/// How long the answer is waited for behind something that is no DNS message at all: anybody can
/// forge that, and a server that has nothing else to say shall not take all the time there is.
const PATIENCE_WITH_GARBAGE: Duration = Duration::from_millis(100);

/// How many datagrams may come that are no answer.
const MAX_NOISE: usize = 1_000;

/// What one question brought, and when: the arrival of the answer, or the moment at which the asker
/// gave up.
pub struct Asked {
    /// The answer.
    pub answer: Result<Reply, Stop>,
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
        match over_udp(server, &question, &bytes, wall_clock).await? {
            Some((answer, at)) => Ok((Received::Answer(answer), at)),
            None => {
                let bytes = over_tcp(server, &bytes).await?;
                Ok((Received::Bytes(bytes), Arrival::by_user(Instant::now())))
            }
        }
    };
    let (received, at) = match timeout(settings.timeout, asked).await {
        Ok(Ok(received)) => received,
        Ok(Err(stop)) => return Asked::failed(stop),
        Err(_) => {
            return Asked::failed(Stop::failed(
                Reason::DnsTimeout,
                format!(
                    "{server} did not answer for {name} in {:?}",
                    settings.timeout
                ),
            ));
        }
    };
    // It is here: how long it takes to be read is no fault of the server.
    let answer = match received {
        Received::Answer(answer) => Ok(answer),
        Received::Bytes(bytes) => only_answer(server, bytes, &question).await,
    };
    Asked { answer, at }
}

/// What came of a question.
enum Received {
    /// The answer.
    Answer(Reply),
    /// Bytes that are to be it.
    Bytes(Vec<u8>),
}

/// Asks over UDP; `None` if the answer did not fit. Whatever is no answer to the question is passed
/// over, since everybody can send it (RFC 5452, 9.1).
async fn over_udp(
    server: SocketAddr,
    question: &Message,
    bytes: &[u8],
    wall_clock: WallClock,
) -> Result<Option<(Reply, Arrival)>, Stop> {
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
    let mut garbage: Option<(Instant, Stop)> = None;
    for _ in 0..MAX_NOISE {
        // Where nobody listens an error is all that comes.
        let receiving = socket.async_io(Interest::READABLE | Interest::ERROR, || {
            kernel::receive(&socket, &mut buffer)
        });
        let received = match garbage.take() {
            None => receiving.await.map_err(fault)?,
            Some((until, stop)) => tokio::select! {
                biased;
                received = receiving => {
                    garbage = Some((until, stop));
                    received.map_err(fault)?
                }
                () = sleep_until(until) => return Err(stop),
            },
        };
        let at = wall_clock.arrival(received.stamp, Some(asked));
        let datagram = buffer.get(..received.length).unwrap_or_default();
        let is_ours = is_response_to(datagram, question.metadata.id);
        if is_ours && (is_cut(datagram) || received.length == MAX_DATAGRAM) {
            return Ok(None);
        }
        match read(server, datagram.to_vec()).await {
            Ok(answer) if answer.answers(question) => return Ok(Some((answer, at))),
            Ok(_) => {}
            Err(stop) if is_ours => return Err(stop),
            Err(stop) => {
                garbage.get_or_insert_with(|| (Instant::now() + PATIENCE_WITH_GARBAGE, stop));
            }
        }
        // There may be no end to what others are told.
        give_way().await;
    }
    let detail = format!("{server} sent {MAX_NOISE} datagrams and no answer");
    Err(Stop::failed(Reason::DnsMalformed, detail))
}

/// Whether a datagram begins as a response with this id (RFC 1035, 4.1.1).
fn is_response_to(datagram: &[u8], id: u16) -> bool {
    matches!(datagram, [a, b, flags, ..] if u16::from_be_bytes([*a, *b]) == id && flags & 0x80 != 0)
}

/// Whether a response says that it did not fit. What else it has is not looked at: it may end
/// anywhere (RFC 2181, 9).
fn is_cut(response: &[u8]) -> bool {
    response.get(2).is_some_and(|flags| flags & 0x02 != 0)
}

/// Asks over TCP, where nobody else can answer.
async fn over_tcp(server: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>, Stop> {
    let fault = |error| fault(server, &error);
    let length = u16::try_from(bytes.len())
        .map_err(|_| Stop::failed(Reason::DnsMalformed, "the question is too long"))?;
    let mut stream = TcpStream::connect(server).await.map_err(fault)?;
    let framed = [&length.to_be_bytes(), bytes].concat();
    stream.write_all(&framed).await.map_err(fault)?;
    let length = stream.read_u16().await.map_err(fault)?;
    let mut buffer = vec![0; length.into()];
    stream.read_exact(&mut buffer).await.map_err(fault)?;
    Ok(buffer)
}

/// The answer to `question`, which is all that these bytes may be.
async fn only_answer(
    server: SocketAddr,
    bytes: Vec<u8>,
    question: &Message,
) -> Result<Reply, Stop> {
    let answer = read(server, bytes).await?;
    if answer.answers(question) {
        return Ok(answer);
    }
    let detail = format!("{server} answered another question");
    Err(Stop::failed(Reason::DnsMalformed, detail))
}

async fn read(server: SocketAddr, bytes: Vec<u8>) -> Result<Reply, Stop> {
    let reply = Reply::read(bytes).await;
    reply.map_err(|error| no_message(server, &error))
}

/// What bytes that are no message say.
pub fn no_message(server: SocketAddr, error: &Malformed) -> Stop {
    let detail = format!("{server} sent no DNS message: {error}");
    Stop::failed(Reason::DnsMalformed, detail)
}

/// What a failed system call says: whose fault it is that the server cannot be asked.
fn fault(server: SocketAddr, error: &io::Error) -> Stop {
    if let Some(skip) = own_fault(error) {
        return Stop::Skipped(skip);
    }
    let reason = match errno(error) {
        Some(Errno::EAFNOSUPPORT) => return Stop::Skipped(SkipReason::NoRoute),
        // A link-local server without its zone, as resolv.conf may have it, is invalid.
        Some(
            Errno::ENETUNREACH
            | Errno::EHOSTUNREACH
            | Errno::ENETDOWN
            | Errno::EINVAL
            | Errno::EADDRNOTAVAIL,
        ) if !has_route(server, None) => {
            return Stop::Skipped(SkipReason::NoRoute);
        }
        Some(Errno::EADDRNOTAVAIL | Errno::EADDRINUSE) => {
            return Stop::Skipped(SkipReason::PortExhausted);
        }
        Some(
            Errno::ECONNREFUSED
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::ENETDOWN
            | Errno::ENONET
            | Errno::ENOPROTOOPT
            | Errno::EINVAL
            | Errno::EACCES
            | Errno::EPERM,
        ) => Reason::DnsUnreachable,
        Some(Errno::ETIMEDOUT) => Reason::DnsTimeout,
        Some(Errno::ECONNRESET | Errno::EPIPE) => Reason::DnsMalformed,
        _ if error.kind() == io::ErrorKind::UnexpectedEof => Reason::DnsMalformed,
        _ => Reason::DnsOther,
    };
    Stop::failed(reason, format!("asking {server}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_network_are_told_from_those_of_this_machine() {
        let server: SocketAddr = ([127, 0, 0, 1], 53).into();
        for (errno, expected) in [
            (Errno::ECONNREFUSED, Some(Reason::DnsUnreachable)),
            (Errno::ENETUNREACH, Some(Reason::DnsUnreachable)),
            (Errno::EHOSTUNREACH, Some(Reason::DnsUnreachable)),
            (Errno::EHOSTDOWN, Some(Reason::DnsUnreachable)),
            (Errno::ETIMEDOUT, Some(Reason::DnsTimeout)),
            (Errno::ECONNRESET, Some(Reason::DnsMalformed)),
            (Errno::EMFILE, None),
            (Errno::EADDRNOTAVAIL, None),
        ] {
            let error = io::Error::from(errno);
            let reason = match fault(server, &error) {
                Stop::Failed(failure) => Some(failure.reason),
                Stop::Skipped(_) => None,
            };
            assert_eq!(reason, expected, "{errno}");
        }
    }
}
