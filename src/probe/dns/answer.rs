//! From a question to addresses: which servers to ask how often, and what their answers mean.

use std::net::IpAddr;
use std::net::SocketAddr;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;
use tokio::time::Instant;

use crate::outcome::reason::Reason;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::dns::query::Asked;
use crate::probe::dns::query::ask;
use crate::probe::dns::reply::Reply;
use crate::probe::dns::system::Settings;
use crate::probe::stop::Stop;
use crate::probe::turn::Turn;

/// How many times an alias that the answer leaves open is asked for; hickory has the same bound.
const MAX_ALIASES: usize = 8;

/// How many aliases within one answer are followed.
const MAX_CHAIN: usize = 64;

/// How many addresses of an answer are kept: one is probed, and an answer may hold thousands.
pub const MAX_ADDRESSES: usize = 64;

/// What came of one family of a name, and when that was known.
pub struct Family {
    /// The addresses, at least one.
    pub addresses: Result<Vec<IpAddr>, Stop>,
    /// When the last answer that was waited for came, or the waiting ended.
    pub known: Arrival,
}

/// Asks for the addresses of one family and follows aliases. An empty answer is an error.
pub async fn resolve(
    settings: &Settings,
    name: &Name,
    kind: RecordType,
    wall_clock: WallClock,
) -> Family {
    let mut asked = name.clone();
    let mut known = Arrival::by_user(Instant::now());
    for _ in 0..=MAX_ALIASES {
        let answered = ask_servers(settings, &asked, kind, wall_clock).await;
        known = answered.at;
        let addresses = match answered.answer {
            Err(stop) => Err(stop),
            Ok(reply) => match read(&reply, &asked, kind).await {
                Answer::Addresses(addresses) => Ok(addresses),
                Answer::Alias(next) => {
                    asked = next;
                    continue;
                }
                Answer::Nothing => Err(Stop::failed(
                    Reason::DnsNodata,
                    format!("{asked} has no {kind} record"),
                )),
                Answer::Loop => break,
            },
        };
        return Family { addresses, known };
    }
    Family {
        addresses: Err(Stop::failed(
            Reason::DnsCnameLoop,
            format!("the aliases of {name} lead in a circle or on for too long"),
        )),
        known,
    }
}

/// Asks the servers in their order, as resolv.conf(5) has it: the next one when one gives no
/// usable answer, all of them again only while one of them did not answer in time. Of several
/// faults the one that says most is kept.
async fn ask_servers(
    settings: &Settings,
    name: &Name,
    kind: RecordType,
    wall_clock: WallClock,
) -> Asked {
    let mut fault = Stop::failed(Reason::DnsOther, "no name server is configured");
    let mut weight = None;
    let mut at = Arrival::by_user(Instant::now());
    for _ in 0..settings.attempts.max(1) {
        let mut timed_out = false;
        for &server in &settings.servers {
            let asked = ask(server, name, kind, settings, wall_clock).await;
            at = asked.at;
            let stop = match asked.answer {
                Ok(reply) => match usable(&reply, name, server) {
                    Ok(()) => {
                        return Asked {
                            answer: Ok(reply),
                            at,
                        };
                    }
                    Err(stop) => stop,
                },
                // A server that could not be asked for want of something of this machine might have
                // known; what the others say is then not all there is to learn.
                Err(stop) if stop.is_lack() => {
                    return Asked {
                        answer: Err(stop),
                        at,
                    };
                }
                Err(stop) => stop,
            };
            timed_out |= stop.is_timeout_of_dns();
            let is_final = Weight::of(&stop) == Weight::Final;
            if weight <= Some(Weight::of(&stop)) {
                weight = Some(Weight::of(&stop));
                fault = stop;
            }
            if is_final {
                return Asked {
                    answer: Err(fault),
                    at,
                };
            }
        }
        if !timed_out {
            break;
        }
    }
    Asked {
        answer: Err(fault),
        at,
    }
}

/// How much a fault says of the name, the least first: that one server cannot be asked from here
/// says nothing as long as another can.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Weight {
    OwnFault,
    NobodyThere,
    NoUse,
    Final,
}

impl Weight {
    fn of(stop: &Stop) -> Self {
        match stop {
            Stop::Skipped(_) => Self::OwnFault,
            Stop::Failed(failure) => match failure.reason {
                Reason::DnsUnreachable => Self::NobodyThere,
                Reason::DnsNxdomain => Self::Final,
                _ => Self::NoUse,
            },
        }
    }
}

/// Judges what an answer says of the server, besides of the name.
pub fn usable(reply: &Reply, name: &Name, server: SocketAddr) -> Result<(), Stop> {
    let code = reply.code();
    let reason = match code {
        ResponseCode::NoError if reply.is_lame() => {
            let detail = format!("{server} neither knows {name} nor asks others for it");
            return Err(Stop::failed(Reason::DnsServfail, detail));
        }
        ResponseCode::NoError => return Ok(()),
        ResponseCode::NXDomain => Reason::DnsNxdomain,
        ResponseCode::Refused => Reason::DnsRefused,
        ResponseCode::FormErr => Reason::DnsMalformed,
        _ => Reason::DnsServfail,
    };
    Err(Stop::failed(
        reason,
        format!("{server} answered {code} for {name}"),
    ))
}

/// What a usable answer says of a name.
#[derive(Debug, Eq, PartialEq)]
pub enum Answer {
    /// The addresses, at least one.
    Addresses(Vec<IpAddr>),
    /// Another name, to be asked for.
    Alias(Name),
    /// No record of the kind.
    Nothing,
    /// Aliases that lead in a circle.
    Loop,
}

/// Follows the chain of aliases inside one answer (RFC 1034, 3.6.2), in turns.
pub async fn read(reply: &Reply, name: &Name, kind: RecordType) -> Answer {
    let mut turn = Turn::new();
    let mut current = name.clone();
    for _ in 0..=reply.n_answers().min(MAX_CHAIN) {
        let addresses = reply.addresses(&current, kind).take(MAX_ADDRESSES);
        let addresses: Vec<IpAddr> = addresses.collect();
        if !addresses.is_empty() {
            return Answer::Addresses(addresses);
        }
        match reply.alias(&current) {
            Some(next) => current = next,
            // A server that knows that there is nothing sends the zone's SOA along (RFC 2308, 2.2), one
            // that only knows the alias does not.
            None if current == *name || reply.has_soa() => return Answer::Nothing,
            None => return Answer::Alias(current),
        }
        turn.took(reply.cost()).await;
    }
    Answer::Loop
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::Message;
    use hickory_resolver::proto::rr::RData;
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::CNAME;

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("valid")
    }

    fn message(records: &[(&str, &str)]) -> Message {
        let mut message = Message::query();
        for (owner, data) in records {
            let data = match data.parse::<IpAddr>() {
                Ok(ip) => RData::from(ip),
                Err(_) => RData::CNAME(CNAME(name(data))),
            };
            message.add_answer(Record::from_rdata(name(owner), 60, data));
        }
        message
    }

    #[tokio::test]
    async fn answers_are_read_through_their_aliases() {
        let chain = |aliases| -> Vec<(String, String)> {
            (0..aliases)
                .map(|i| (format!("n{i}."), format!("n{}.", i + 1)))
                .chain([(format!("n{aliases}."), "127.0.0.9".to_owned())])
                .collect()
        };
        let (chain, long_chain) = (chain(30), chain(1_000));
        let [chain, long_chain] = [&chain, &long_chain].map(|chain| -> Vec<(&str, &str)> {
            chain.iter().map(|(a, b)| (&**a, &**b)).collect()
        });
        let ip = |text: &str| Answer::Addresses(vec![text.parse().expect("an address")]);
        for (records, asked, expected) in [
            (&[("a.", "127.0.0.1")][..], "a.", ip("127.0.0.1")),
            (&[("A.", "127.0.0.1")], "a.", ip("127.0.0.1")),
            (&[("b.", "127.0.0.1")], "a.", Answer::Nothing),
            (&[("a.", "::1")], "a.", Answer::Nothing),
            (&[], "a.", Answer::Nothing),
            (&[("a.", "b.")], "a.", Answer::Alias(name("b."))),
            (&[("b.", "127.0.0.2"), ("a.", "b.")], "a.", ip("127.0.0.2")),
            (&[("a.", "b."), ("b.", "a.")], "a.", Answer::Loop),
            (&[("a.", "a.")], "a.", Answer::Loop),
            (&chain, "n0.", ip("127.0.0.9")),
            (&long_chain, "n0.", Answer::Loop),
        ] {
            let bytes = message(records).to_vec().expect("a message");
            let reply = Reply::read(bytes).await.expect("a message");
            let found = read(&reply, &name(asked), RecordType::A).await;
            assert_eq!(found, expected, "{records:?}");
        }
    }
}
