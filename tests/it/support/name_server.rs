//! A name server that answers with whatever bytes a test makes up, record by record.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::sleep;

pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const CNAME: u16 = 5;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const OPT: u16 = 41;

pub const IN: u16 = 1;
pub const CHAOS: u16 = 3;

/// The name that was asked for, where it stands in every message.
pub const ASKED: &[u8] = &[0xc0, 12];

/// A response that says nothing was wrong, or that it did not fit.
pub const OK: u16 = 0x8180;
pub const CUT: u16 = 0x8380;

/// A question as it was asked.
#[derive(Clone)]
pub struct Question {
    pub id: u16,
    /// The name, the type and the class.
    pub bytes: Vec<u8>,
    pub kind: u16,
}

impl Question {
    fn parse(message: &[u8]) -> Option<Self> {
        let id = u16::from_be_bytes([*message.first()?, *message.get(1)?]);
        let name_length = message.get(12..)?.iter().position(|byte| *byte == 0)? + 1;
        let bytes = message.get(12..12 + name_length + 4)?.to_vec();
        let [.., high, low, _, _] = bytes[..] else {
            return None;
        };
        Some(Self {
            id,
            kind: u16::from_be_bytes([high, low]),
            bytes,
        })
    }

    /// Whether this name is asked for.
    pub fn is_for(&self, name: &str) -> bool {
        self.bytes.starts_with(&wire_name(name))
    }

    /// A message with these flags and these answers.
    pub fn answer(&self, flags: u16, answers: &[Vec<u8>]) -> Vec<u8> {
        self.message(flags, answers.len(), answers.concat())
    }

    /// A message that says to have so many answers.
    pub fn message(&self, flags: u16, n_answers: usize, body: Vec<u8>) -> Vec<u8> {
        let n_answers = u16::try_from(n_answers).unwrap();
        let head = [self.id, flags, 1, n_answers, 0, 0].map(u16::to_be_bytes);
        [&head.concat()[..], &self.bytes, &body].concat()
    }

    /// The address of the tests, if it is asked for, and otherwise none.
    pub fn here(&self) -> Vec<Vec<u8>> {
        match self.kind {
            A => vec![address([127, 0, 0, 1])],
            _ => Vec::new(),
        }
    }
}

pub fn wire_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A record whose answer may not be kept.
pub fn record(owner: &[u8], kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    let kind = [kind, class].map(u16::to_be_bytes).concat();
    [owner, &kind, &[0; 4], &length, data].concat()
}

pub fn address(ip: [u8; 4]) -> Vec<u8> {
    record(ASKED, A, IN, &ip)
}

pub fn alias(owner: &str, target: &str) -> Vec<u8> {
    record(&wire_name(owner), CNAME, IN, &wire_name(target))
}

/// What the server does with a question over TCP.
#[derive(Clone, Copy)]
pub enum OverTcp {
    /// Nobody listens.
    Refuse,
    Silent,
    Close,
    /// These bytes, the length before the message included, then silence.
    Bytes(fn(&Question) -> Vec<u8>),
    /// The same and closed.
    BytesThenClose(fn(&Question) -> Vec<u8>),
    /// The same, a byte at a time.
    Drip(fn(&Question) -> Vec<u8>),
}

/// A message with its length before it.
pub fn framed(message: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&length[..], &message].concat()
}

/// A name server that stops when it is dropped.
pub struct NameServer {
    pub address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Starts one that sends these datagrams for each question, `delay` after it, and from another port
/// if it is said so.
pub async fn serve(
    over_udp: fn(&Question) -> Vec<Vec<u8>>,
    over_tcp: OverTcp,
    delay: Duration,
    from_elsewhere: bool,
) -> NameServer {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    let elsewhere = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            let Some(question) = Question::parse(&buffer[..length]) else {
                continue;
            };
            sleep(delay).await;
            let socket = if from_elsewhere { &elsewhere } else { &udp };
            for datagram in over_udp(&question) {
                socket.send_to(&datagram, from).await.ok();
            }
        }
    });
    if !matches!(over_tcp, OverTcp::Refuse) {
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = tcp.accept().await {
                connections.spawn(answer_over_tcp(stream, over_tcp));
            }
        });
    }
    NameServer {
        address,
        _tasks: tasks,
    }
}

async fn answer_over_tcp(mut stream: TcpStream, over_tcp: OverTcp) {
    let Ok(length) = stream.read_u16().await else {
        return;
    };
    let mut message = vec![0; length.into()];
    if stream.read_exact(&mut message).await.is_err() {
        return;
    }
    let Some(question) = Question::parse(&message) else {
        return;
    };
    match over_tcp {
        OverTcp::Refuse | OverTcp::Close => return,
        OverTcp::Silent => {}
        OverTcp::Bytes(bytes) => {
            stream.write_all(&bytes(&question)).await.ok();
        }
        OverTcp::BytesThenClose(bytes) => {
            stream.write_all(&bytes(&question)).await.ok();
            return;
        }
        OverTcp::Drip(bytes) => {
            for byte in bytes(&question) {
                if stream.write_u8(byte).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
    std::future::pending().await
}
