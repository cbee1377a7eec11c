//! A name server on loopback whose names lead to addresses that are denied.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Where those stand that may be reached: what redirects, and the proxy.
pub const ALLOWED: &str = "127.0.0.77";

/// What is answered of each name: records, `NAME address` or `NAME alias`.
const ZONE: &[(&str, &[&str])] = &[
    ("a.test.", &["a.test. 127.0.0.2"]),
    ("zero.test.", &["zero.test. 0.0.0.0"]),
    ("aaaa.test.", &["aaaa.test. ::1"]),
    ("zero6.test.", &["zero6.test. ::"]),
    ("mapped.test.", &["mapped.test. ::ffff:127.0.0.2"]),
    ("alias.test.", &["alias.test. b.test.", "b.test. 127.0.0.1"]),
    (
        "chain.test.",
        &[
            "chain.test. c.test.",
            "c.test. d.test.",
            "d.test. 127.0.0.2",
        ],
    ),
    ("open-alias.test.", &["open-alias.test. a.test."]),
    ("alias6.test.", &["alias6.test. b.test.", "b.test. ::1"]),
    (
        "several.test.",
        &["several.test. 127.0.0.2", "several.test. 127.0.0.77"],
    ),
    // IPv6 is preferred, and that IPv4 would do is no way around what is denied.
    ("both.test.", &["both.test. ::1", "both.test. 127.0.0.77"]),
    (
        "allowed.test.",
        &["allowed.test. 127.0.0.77", "allowed.test. 127.0.0.2"],
    ),
    ("meta.test.", &["meta.test. 169.254.169.254"]),
    ("nat64.test.", &["nat64.test. 64:ff9b::a9fe:a9fe"]),
    ("6to4.test.", &["6to4.test. 2002:7f00:1::1"]),
    ("compatible.test.", &["compatible.test. ::127.0.0.1"]),
    // Of the first one there is no route where there is nothing but loopback.
    (
        "unroutable.test.",
        &["unroutable.test. 2600::1", "unroutable.test. 127.0.0.2"],
    ),
];

/// A name that has the address that is allowed the first time, and then one that is not.
const REBOUND: &str = "rebound.test.";

pub struct Names {
    pub address: SocketAddr,
    _tasks: JoinSet<()>,
}

pub async fn serve() -> Names {
    // Denied as an address of a target: a name server is the operator's choice.
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 1500];
        let mut n_asked = HashMap::new();
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let reply = reply(&buffer[..length], &mut n_asked);
            socket.send_to(&reply, from).await.unwrap();
        }
    });
    Names {
        address,
        _tasks: tasks,
    }
}

fn reply(question: &[u8], n_asked: &mut HashMap<RecordType, u32>) -> Vec<u8> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.message_type = MessageType::Response;
    reply.add_query(query.clone());
    let name = query.name().to_string().to_lowercase();
    let rebound = match name == REBOUND {
        true => {
            let n_asked = n_asked.entry(query.query_type()).or_default();
            *n_asked += 1;
            match n_asked {
                1 => &["rebound.test. 127.0.0.77"][..],
                _ => &["rebound.test. 127.0.0.2"],
            }
        }
        false => &[],
    };
    let row = ZONE.iter().find(|(owner, _)| *owner == name);
    if row.is_none() && rebound.is_empty() {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    let records = row.map_or(rebound, |(_, records)| *records);
    for (owner, data) in records.iter().map(|record| record.split_once(' ').unwrap()) {
        let (kind, data) = match data.parse::<IpAddr>() {
            Ok(ip @ IpAddr::V4(_)) => (RecordType::A, RData::from(ip)),
            Ok(ip) => (RecordType::AAAA, RData::from(ip)),
            Err(_) => {
                let target = CNAME(Name::from_ascii(data).unwrap());
                (query.query_type(), RData::CNAME(target))
            }
        };
        if kind == query.query_type() {
            // As it was asked: some resolvers compare capitals.
            let owner = match owner.eq_ignore_ascii_case(&name) {
                true => query.name().clone(),
                false => Name::from_ascii(owner).unwrap(),
            };
            reply.add_answer(Record::from_rdata(owner, 60, data));
        }
    }
    reply.to_vec().unwrap()
}
