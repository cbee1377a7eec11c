//! Names that are asked for at the system's servers and in the domains of its search list, where there
//! is a port 53 to have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::NS;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::module::Module;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::operator::alone::is_alone;
use crate::support::peer::{self, Then};
use crate::support::probing;

/// What a server says of a name.
#[derive(Clone, Copy)]
enum Says {
    Here,
    Nothing,
    /// Nothing, and who else may be asked.
    Lame,
    Code(ResponseCode),
    Silence,
}

use Says::{Code, Here, Lame, Nothing, Silence};
const NXDOMAIN: Says = Code(ResponseCode::NXDomain);
const SERVFAIL: Says = Code(ResponseCode::ServFail);
const REFUSED: Says = Code(ResponseCode::Refused);

const RESOLV_CONF: &str = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n\
                           search a.test b.test\noptions timeout:1 attempts:1\n";

/// What each of the two servers says of a name; of others that they do not exist.
type Zone = &'static [(&'static str, [Says; 2])];

/// A host, what is said of names, and what becomes of the probe.
#[rustfmt::skip]
const ROWS: &[(&str, Zone, Option<R>)] = &[
    ("s", &[("s.b.test.", [Here; 2])], None),
    ("s", &[("s.a.test.", [SERVFAIL; 2]), ("s.b.test.", [Here; 2])], None),
    ("s", &[("s.a.test.", [REFUSED; 2]), ("s.b.test.", [Here; 2])], None),
    ("s", &[("s.a.test.", [Silence; 2]), ("s.b.test.", [Here; 2])], None),
    ("s", &[("s.a.test.", [Lame; 2]), ("s.b.test.", [Here; 2])], None),
    ("s", &[("s.a.test.", [SERVFAIL; 2]), ("s.", [Here; 2])], None),
    // What the name itself is, another one is not.
    ("s.x", &[("s.x.", [SERVFAIL; 2]), ("s.x.b.test.", [Here; 2])], Some(R::DnsServfail)),
    ("s.x", &[("s.x.", [Nothing; 2]), ("s.x.a.test.", [SERVFAIL; 2]), ("s.x.b.test.", [Here; 2])], None),
    // What says more is told, of what says as much the first.
    ("s", &[("s.a.test.", [SERVFAIL; 2])], Some(R::DnsServfail)),
    ("s", &[("s.", [SERVFAIL; 2])], Some(R::DnsServfail)),
    ("s", &[("s.a.test.", [REFUSED; 2]), ("s.", [SERVFAIL; 2])], Some(R::DnsRefused)),
    ("s", &[("s.a.test.", [Nothing; 2]), ("s.b.test.", [REFUSED; 2])], Some(R::DnsRefused)),
    ("s", &[("s.b.test.", [Nothing; 2])], Some(R::DnsNodata)),
    ("s", &[], Some(R::DnsNxdomain)),
    // With the dot of the root there is nothing to search.
    ("s.x.", &[("s.x.", [SERVFAIL; 2]), ("s.x.b.test.", [Here; 2])], Some(R::DnsServfail)),
    // The next server is asked where one is of no use, and only there.
    ("s.x.", &[("s.x.", [Lame, Here])], None),
    ("s.x.", &[("s.x.", [SERVFAIL, Here])], None),
    ("s.x.", &[("s.x.", [Lame, Lame])], Some(R::DnsServfail)),
    ("s.x.", &[("s.x.", [Lame, Nothing])], Some(R::DnsNodata)),
    ("s.x.", &[("s.x.", [Nothing, Here])], Some(R::DnsNodata)),
    ("s.x.", &[("s.x.", [NXDOMAIN, Here])], Some(R::DnsNxdomain)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_one_domain_or_server_is_not_that_of_the_others() {
    let test = "search_lists::a_fault_of_one_domain_or_server_is_not_that_of_the_others";
    if !is_alone(test, "true") {
        return;
    }
    let zone = Arc::default();
    let _servers = serve(&zone).await;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    let peer = peer::answering(answer, Then::Hold).await;
    for (row, (host, says, expected)) in ROWS.iter().enumerate() {
        *zone.lock().unwrap() = says.iter().copied().collect();
        let url = format!("http://{host}:{}/", peer.address.port());
        let target = probing::target(&url, Module::http_2xx(), Duration::from_secs(30));
        let prober = probing::prober_with_files(target, RESOLV_CONF, "");
        let outcome = probing::probe(&prober).await;
        let reason = outcome.failure.as_ref().map(|failure| failure.reason);
        assert_eq!(reason, *expected, "{row}: {host}, {outcome:?}");
    }
}

/// What is said of names now.
type Said = Arc<Mutex<HashMap<&'static str, [Says; 2]>>>;

async fn serve(said: &Said) -> JoinSet<()> {
    let mut servers = JoinSet::new();
    for (server, address) in ["127.0.0.1:53", "127.0.0.2:53"].into_iter().enumerate() {
        let socket = UdpSocket::bind(address).await.unwrap();
        let said = said.clone();
        servers.spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let name = question.queries[0].name().to_string();
                let says = said.lock().unwrap().get(&*name).copied();
                if let Some(reply) = reply(&question, says.map_or(NXDOMAIN, |says| says[server])) {
                    socket.send_to(&reply, from).await.unwrap();
                }
            }
        });
    }
    servers
}

fn reply(question: &Message, says: Says) -> Option<Vec<u8>> {
    let query = question.queries[0].clone();
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    match says {
        Silence => return None,
        Code(code) => reply.metadata.response_code = code,
        Here if query.query_type() == RecordType::A => {
            let here = RData::from(IpAddr::from([127, 0, 0, 1]));
            reply.add_answer(Record::from_rdata(query.name().clone(), 60, here));
        }
        Lame => {
            let elsewhere = RData::NS(NS(Name::from_ascii("ns.elsewhere.test.").unwrap()));
            reply.add_authority(Record::from_rdata(Name::root(), 60, elsewhere));
        }
        Here | Nothing => {}
    }
    reply.add_query(query);
    Some(reply.to_vec().unwrap())
}
