//! From a question to addresses: which servers to ask how often, and what their answers mean.

use std::net::IpAddr;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::RecordType;

use crate::outcome::reason::Reason;
use crate::probe::dns::query::ask;
use crate::probe::dns::system::Settings;
use crate::probe::stop::Stop;
use crate::probe::wire::Wire;

/// How many times an alias that the answer leaves open is asked for; hickory has the same bound.
const MAX_ALIASES: usize = 8;

/// How many addresses of an answer are kept: one is probed, and an answer may hold thousands.
const MAX_ADDRESSES: usize = 64;

/// Asks for the addresses of one family and follows aliases. An empty answer is an error.
pub async fn resolve(
    settings: &Settings,
    name: &Name,
    kind: RecordType,
    wire: &Wire,
) -> Result<Vec<IpAddr>, Stop> {
    let mut asked = name.clone();
    for _ in 0..=MAX_ALIASES {
        let message = ask_servers(settings, &asked, kind, wire).await?;
        match read(&message, &asked, kind) {
            Answer::Addresses(addresses) => return Ok(addresses),
            Answer::Alias(next) => asked = next,
            Answer::Nothing => {
                return Err(Stop::failed(
                    Reason::DnsNodata,
                    format!("{asked} has no {kind} record"),
                ));
            }
            Answer::Loop => break,
        }
    }
    Err(Stop::failed(
        Reason::DnsCnameLoop,
        format!("the aliases of {name} lead in a circle or on for too long"),
    ))
}

/// Asks the servers in their order, as resolv.conf(5) has it: the next one when one gives no
/// usable answer, all of them again only while one of them did not answer in time.
async fn ask_servers(
    settings: &Settings,
    name: &Name,
    kind: RecordType,
    wire: &Wire,
) -> Result<Message, Stop> {
    let mut last = None;
    for _ in 0..settings.attempts.max(1) {
        let mut timed_out = false;
        for &server in &settings.servers {
            let stop = match ask(server, name, kind, settings, wire).await {
                Ok(message) => match usable(&message, name, server) {
                    Ok(()) => return Ok(message),
                    Err(stop) => stop,
                },
                Err(stop) => stop,
            };
            match &stop {
                Stop::Failed(failure) if failure.reason == Reason::DnsNxdomain => return Err(stop),
                Stop::Failed(failure) => timed_out |= failure.reason == Reason::DnsTimeout,
                Stop::Skipped(_) => {}
            }
            last = Some(stop);
        }
        if !timed_out {
            break;
        }
    }
    Err(last.unwrap_or_else(|| Stop::failed(Reason::DnsOther, "no name server is configured")))
}

/// Judges the response code of an answer.
fn usable(message: &Message, name: &Name, server: std::net::SocketAddr) -> Result<(), Stop> {
    let code = message.metadata.response_code;
    let reason = match code {
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
enum Answer {
    Addresses(Vec<IpAddr>),
    Alias(Name),
    Nothing,
    Loop,
}

/// Follows the chain of aliases inside one answer (RFC 1034, 3.6.2).
fn read(message: &Message, name: &Name, kind: RecordType) -> Answer {
    let mut current = name;
    for _ in 0..=message.answers.len() {
        let addresses: Vec<IpAddr> = message
            .answers
            .iter()
            .filter(|record| record.name == *current && record.record_type() == kind)
            .filter_map(|record| record.data.ip_addr())
            .take(MAX_ADDRESSES)
            .collect();
        if !addresses.is_empty() {
            return Answer::Addresses(addresses);
        }
        let alias = message
            .answers
            .iter()
            .find_map(|record| match &record.data {
                RData::CNAME(target) if record.name == *current => Some(&target.0),
                _ => None,
            });
        match alias {
            Some(next) => current = next,
            None if current == name => return Answer::Nothing,
            None => return Answer::Alias(current.clone()),
        }
    }
    Answer::Loop
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn answers_are_read_through_their_aliases() {
        let chain: Vec<(String, String)> = (0..30)
            .map(|i| (format!("n{i}."), format!("n{}.", i + 1)))
            .chain([("n30.".to_owned(), "127.0.0.9".to_owned())])
            .collect();
        let chain: Vec<(&str, &str)> = chain.iter().map(|(a, b)| (&**a, &**b)).collect();
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
        ] {
            let found = read(&message(records), &name(asked), RecordType::A);
            assert_eq!(found, expected, "{records:?}");
        }
    }
}
