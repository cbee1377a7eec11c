//! A scripted name server on loopback, over UDP and TCP.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, SOA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What the server does with every question.
#[derive(Clone, Debug)]
pub enum Script {
    /// Answers after a delay with those addresses that are of the family asked for.
    Addresses(Vec<IpAddr>, Duration),
    /// Answers with a code.
    Code(ResponseCode),
    /// Answers with an alias of this name, whatever was asked.
    Alias(String),
    /// Sends bytes that are no DNS message.
    Garbage,
    /// Sends an answer to another question first, then one with these addresses.
    Forged(Vec<IpAddr>),
    /// Says over UDP that the answer did not fit, and gives it over TCP.
    Truncated(Vec<IpAddr>),
    /// Answers for IPv4 and says nothing for IPv6.
    OnlyV4(Vec<IpAddr>),
    /// Answers with an alias and the SOA of a zone that has no address for it.
    AliasOfNothing,
    /// Takes the question and says nothing.
    Silent,
}

/// A name server that stops when it is dropped.
pub struct NameServer {
    pub address: SocketAddr,
    /// How many questions came over UDP.
    pub questions: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

/// Starts a name server.
pub async fn serve(script: Script) -> NameServer {
    let (udp, tcp) = both_sockets().await;
    let address = udp.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let over_tcp = script.clone();
    let questions = Arc::new(AtomicU64::new(0));
    let counter = questions.clone();
    tasks.spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            counter.fetch_add(1, Ordering::Relaxed);
            for (delay, bytes) in replies(&buffer[..length], &script, false) {
                sleep(delay).await;
                udp.send_to(&bytes, from).await.unwrap();
            }
        }
    });
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.unwrap_or(0);
            let mut question = vec![0; length.into()];
            if length == 0 || stream.read_exact(&mut question).await.is_err() {
                // Given up meanwhile.
                continue;
            }
            for (_, bytes) in replies(&question, &over_tcp, true) {
                stream.write_u16(bytes.len() as u16).await.ok();
                stream.write_all(&bytes).await.ok();
            }
        }
    });
    NameServer {
        address,
        questions,
        _tasks: tasks,
    }
}

/// A port that is free for UDP may be taken for TCP.
pub async fn both_sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

fn replies(question: &[u8], script: &Script, tcp: bool) -> Vec<(Duration, Vec<u8>)> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.message_type = MessageType::Response;
    reply.add_query(query.clone());
    let fill = |reply: &mut Message, addresses: &[IpAddr]| {
        for ip in addresses {
            let kind = if ip.is_ipv4() {
                RecordType::A
            } else {
                RecordType::AAAA
            };
            if kind == query.query_type() {
                reply.add_answer(Record::from_rdata(
                    query.name().clone(),
                    60,
                    RData::from(*ip),
                ));
            }
        }
    };
    let now = Duration::ZERO;
    match script {
        Script::Addresses(addresses, delay) => {
            fill(&mut reply, addresses);
            // The two families are asked for at once and served one after the other.
            vec![(*delay / 2, reply.to_vec().unwrap())]
        }
        Script::Code(code) => {
            reply.metadata.response_code = *code;
            vec![(now, reply.to_vec().unwrap())]
        }
        Script::Alias(name) => {
            let target = Name::from_ascii(name).unwrap();
            let data = RData::CNAME(CNAME(target));
            reply.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            vec![(now, reply.to_vec().unwrap())]
        }
        Script::Garbage => vec![(now, b"\x00garbage".to_vec())],
        Script::Forged(addresses) => {
            let mut forged = reply.clone();
            forged.metadata.id = forged.metadata.id.wrapping_add(1);
            fill(&mut forged, &["127.0.0.250".parse().unwrap()]);
            fill(&mut reply, addresses);
            vec![
                (now, forged.to_vec().unwrap()),
                (now, reply.to_vec().unwrap()),
            ]
        }
        Script::Truncated(addresses) => {
            reply.metadata.truncation = !tcp;
            if tcp {
                fill(&mut reply, addresses);
            }
            vec![(now, reply.to_vec().unwrap())]
        }
        Script::OnlyV4(addresses) => {
            fill(&mut reply, addresses);
            match query.query_type() {
                RecordType::A => vec![(now, reply.to_vec().unwrap())],
                _ => Vec::new(),
            }
        }
        Script::AliasOfNothing => {
            let target = Name::from_ascii("alias.test.").unwrap();
            let data = RData::CNAME(CNAME(target.clone()));
            reply.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            let soa = SOA::new(target.clone(), target.clone(), 1, 1, 1, 1, 1);
            reply.add_authority(Record::from_rdata(target, 60, RData::SOA(soa)));
            vec![(now, reply.to_vec().unwrap())]
        }
        Script::Silent => Vec::new(),
    }
}
