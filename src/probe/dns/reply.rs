//! What a name server answered, kept as it came: over TCP it may have thousands of records, of which few
//! matter.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::net::IpAddr;

use hickory_resolver::proto::op::Header;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::op::Metadata;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::serialize::binary::BinDecodable;
use hickory_resolver::proto::serialize::binary::BinDecoder;

use crate::probe::dns::record::Data;
use crate::probe::dns::record::Head;
use crate::probe::dns::record::Malformed;
use crate::probe::dns::record::place;
use crate::probe::turn::Turn;

/// How far back a name may lead, in bytes (RFC 1035, 4.1.4).
const MAX_POINTER: usize = 0x3fff;

/// A DNS message (RFC 1035, 4.1).
#[derive(Debug)]
pub struct Reply {
    bytes: Vec<u8>,
    metadata: Metadata,
    n_questions: u16,
    question: Option<Query>,
    /// Where the answers are that can be looked for, by what stands for their names.
    answers: Vec<Place>,
    names: RandomState,
    has_soa: bool,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    name: u64,
    kind: RecordType,
    at: u16,
}

impl Reply {
    /// Reads all of a message, in turns. The error says why it is none.
    pub async fn read(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let mut turn = Turn::new();
        let mut decoder = BinDecoder::new(&bytes);
        let Header {
            mut metadata,
            counts,
        } = Header::read(&mut decoder)?;
        let mut question = None;
        for _ in 0..counts.queries {
            let query = Query::read(&mut decoder)?;
            question.get_or_insert(query);
            turn.took(cost_at(decoder.index())).await;
        }
        let names = RandomState::new();
        let mut answers = Vec::new();
        for _ in 0..counts.answers {
            let at = place(&decoder);
            let head = Head::read(&mut decoder)?;
            head.belongs_to_data()?;
            if Data::read(&head, &mut decoder)?.is_some() {
                answers.push(Place {
                    name: names.hash_one(&head.name),
                    kind: head.kind,
                    at,
                });
            }
            turn.took(cost_at(decoder.index())).await;
        }
        answers.sort_unstable();
        let mut has_soa = false;
        for _ in 0..counts.authorities {
            let head = Head::read(&mut decoder)?;
            head.belongs_to_data()?;
            Data::read(&head, &mut decoder)?;
            has_soa |= head.kind == RecordType::SOA;
            turn.took(cost_at(decoder.index())).await;
        }
        let mut edns = None;
        for _ in 0..counts.additionals {
            let head = Head::read(&mut decoder)?;
            Data::read(&head, &mut decoder)?;
            if let Some(high) = head.high_response_code()?
                && edns.replace(high).is_some()
            {
                return Err(Malformed::TwoOpts);
            }
            turn.took(cost_at(decoder.index())).await;
        }
        metadata.merge_response_code(edns.unwrap_or_default());
        Ok(Self {
            metadata,
            n_questions: counts.queries,
            question,
            answers,
            names,
            has_soa,
            bytes,
        })
    }

    /// Whether it belongs to `question`. Servers may leave the question out of an error.
    pub fn answers(&self, question: &Message) -> bool {
        self.metadata.id == question.metadata.id
            && self.metadata.message_type == MessageType::Response
            && match self.n_questions {
                0 => true,
                1 => self.question.as_ref() == question.queries.first(),
                _ => false,
            }
    }

    /// How the server judged the question.
    pub fn code(&self) -> ResponseCode {
        self.metadata.response_code
    }

    /// Whether there is a zone's SOA among the authorities.
    pub fn has_soa(&self) -> bool {
        self.has_soa
    }

    /// How many addresses and aliases there are.
    pub fn n_answers(&self) -> usize {
        self.answers.len()
    }

    /// What it may take to read one of its records, in bytes that would take as long.
    pub fn cost(&self) -> usize {
        cost_at(self.bytes.len())
    }

    /// The addresses of a name, those of A or AAAA, in their order.
    pub fn addresses<'r>(
        &'r self,
        name: &'r Name,
        kind: RecordType,
    ) -> impl Iterator<Item = IpAddr> + 'r {
        self.data(name, kind).filter_map(|data| match data {
            Data::Address(address) => Some(address),
            Data::Alias(_) => None,
        })
    }

    /// What a name is an alias of.
    pub fn alias(&self, name: &Name) -> Option<Name> {
        self.data(name, RecordType::CNAME)
            .find_map(|data| match data {
                Data::Address(_) => None,
                Data::Alias(target) => Some(target),
            })
    }

    fn data<'r>(&'r self, name: &'r Name, kind: RecordType) -> impl Iterator<Item = Data> + 'r {
        let wanted = (self.names.hash_one(name), kind);
        let places = &self.answers;
        let first = places.partition_point(|place| (place.name, place.kind) < wanted);
        places
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(move |place| (place.name, place.kind) == wanted)
            .filter_map(|place| {
                let mut decoder = BinDecoder::new(&self.bytes).clone(place.at);
                let head = Head::read(&mut decoder).ok()?;
                // Two names may stand for the same number.
                let is_wanted = head.name == *name;
                Data::read(&head, &mut decoder).ok()?.filter(|_| is_wanted)
            })
    }
}

/// What it may take to read a record before this place, in bytes: names may lead from one place to the
/// next until they are at the beginning of the message.
fn cost_at(index: usize) -> usize {
    index.min(MAX_POINTER)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::net::Ipv6Addr;

    use futures_util::FutureExt;
    use hickory_resolver::proto::op::Edns;
    use hickory_resolver::proto::op::OpCode;
    use hickory_resolver::proto::rr::DNSClass;
    use hickory_resolver::proto::rr::RData;
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::CNAME;

    use super::*;

    /// Some records, of three names and three types.
    fn records(n: usize) -> Vec<Record> {
        let name = |index: usize| Name::from_ascii(format!("n{index}.test.")).unwrap();
        let data = |index: u8| match index % 3 {
            0 => RData::A(Ipv4Addr::new(127, 0, 0, index).into()),
            1 => RData::AAAA(Ipv6Addr::from([index; 16]).into()),
            _ => RData::CNAME(CNAME(name(index.into()))),
        };
        (0..n)
            .map(|index| {
                Record::from_rdata(
                    name(index / 3 % 3),
                    60,
                    data(u8::try_from(index % 251).unwrap()),
                )
            })
            .collect()
    }

    /// What hickory finds in a message of a name and a type.
    fn data<'m>(message: &'m Message, name: &Name, kind: RecordType) -> Vec<&'m RData> {
        let answers = message.answers.iter();
        let wanted = answers.filter(|record| {
            record.dns_class == DNSClass::IN && record.name == *name && record.record_type() == kind
        });
        wanted.map(|record| &record.data).collect()
    }

    #[tokio::test]
    async fn hickory_reads_the_same_at_once() {
        for (n_answers, n_authorities, n_additionals) in [
            (0, 0, 0),
            (8, 2, 8),
            (63, 0, 0),
            (1_000, 0, 300),
            (0, 129, 0),
        ] {
            let case = format!("{n_answers}, {n_authorities}, {n_additionals}");
            let mut message = Message::response(7, OpCode::Query);
            let name = |index| Name::from_ascii(format!("N{index}.TEST.")).unwrap();
            message.add_query(Query::query(name(1), RecordType::A));
            message.add_answers(records(n_answers));
            message.add_authorities(records(n_authorities));
            message.add_additionals(records(n_additionals));
            message.set_edns(Edns::new());
            message.metadata.response_code = ResponseCode::from(1, 0);
            let bytes = message.to_vec().unwrap();
            let at_once = Message::from_vec(&bytes).unwrap();
            let reply = Reply::read(bytes.clone()).await.unwrap();
            assert_eq!(reply.code(), at_once.metadata.response_code, "{case}");
            assert!(reply.answers(&message), "{case}");
            for name in (0..3).map(name) {
                for kind in [RecordType::A, RecordType::AAAA] {
                    let found: Vec<_> = reply.addresses(&name, kind).map(RData::from).collect();
                    let found: Vec<_> = found.iter().collect();
                    assert_eq!(found, data(&at_once, &name, kind), "{case}: {name}");
                }
                let alias = reply.alias(&name).map(|target| RData::CNAME(CNAME(target)));
                let aliases = data(&at_once, &name, RecordType::CNAME);
                assert_eq!(alias.as_ref(), aliases.first().copied(), "{case}: {name}");
            }
            // Wherever it is cut, both say the same of it.
            for end in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
                let is_message = Message::from_vec(&bytes[..end]).is_ok();
                let reply = Reply::read(bytes[..end].to_vec()).await;
                assert_eq!(reply.is_ok(), is_message, "{case}: {end} bytes");
            }
        }
    }

    /// A record of the root, or of `n1.test.` if `is_named`: type, class and data.
    fn raw(is_named: bool, kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
        let name: &[u8] = if is_named { b"\x02n1\x04test\0" } else { b"\0" };
        let length = u16::try_from(data.len()).unwrap();
        let fields = [kind, class, 0, 0, length].map(u16::to_be_bytes);
        [name, fields.as_flattened(), data].concat()
    }

    #[tokio::test]
    async fn what_nobody_looks_for_is_left_alone_and_the_rest_has_its_length() {
        const MX: u16 = 15;
        const CHAOS: u16 = 3;
        let address = &[127, 0, 0, 1];
        for (section, record, expected) in [
            (6, raw(true, 1, 1, address), Ok(1)),
            (6, raw(true, 1, CHAOS, address), Ok(0)),
            (6, raw(true, 1, CHAOS, b"x"), Ok(0)),
            (6, raw(true, MX, 1, b"\xff"), Ok(0)),
            (6, raw(true, MX, 1, b""), Ok(0)),
            (6, raw(true, 1, 1, b""), Err("0 bytes are no A record")),
            (
                6,
                raw(true, 28, 1, address),
                Err("4 bytes are no AAAA record"),
            ),
            (
                6,
                raw(true, 5, 1, b"\0x"),
                Err("2 bytes are no CNAME record"),
            ),
            (
                6,
                raw(false, 41, 1, b""),
                Err("a record of type OPT is no answer"),
            ),
            (
                8,
                raw(false, 41, 1, b""),
                Err("a record of type OPT is no answer"),
            ),
            (8, raw(true, 1, 1, address), Ok(0)),
            (10, raw(false, 41, 1, b"\xff"), Ok(0)),
            (
                10,
                raw(true, 41, 1, b""),
                Err("an OPT record has the name n1.test."),
            ),
        ] {
            // Update is an operation in which records without data are usual.
            for op_code in [OpCode::Query, OpCode::Update] {
                let mut message = Message::response(7, op_code).to_vec().unwrap();
                message[section + 1] = 1;
                message.extend(&record);
                let reply = Reply::read(message).await;
                let found = reply.map_err(|why| why.to_string()).map(|reply| {
                    let name = Name::from_ascii("n1.test.").unwrap();
                    reply.addresses(&name, RecordType::A).count()
                });
                let expected = expected.map_err(str::to_owned);
                assert_eq!(found, expected, "{section}: {record:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_may_be_there_once_is_not_there_twice() {
        let mut message = Message::query();
        message.set_edns(Edns::new());
        let bytes = message.to_vec().unwrap();
        let edns = &bytes[12..];
        for n_others in [0_u16, 1, 300] {
            // Records of the root of an unknown type.
            let other = [0, 0xff, 0x01, 0, 1, 0, 0, 0, 0, 0, 1, 9].repeat(n_others.into());
            let mut twice = [&bytes[..12], edns, &other, edns].concat();
            twice[10..12].copy_from_slice(&(n_others + 2).to_be_bytes());
            let reply = Reply::read(twice).await;
            let is_told = matches!(reply, Err(Malformed::TwoOpts));
            assert!(is_told, "{n_others} between them: {reply:?}");
        }
    }

    #[tokio::test]
    async fn a_reply_belongs_to_one_question() {
        let question = |name: &str| Query::query(Name::from_ascii(name).unwrap(), RecordType::A);
        let mut asked = Message::query();
        asked.add_query(question("a."));
        for (names, expected) in [
            (&["a."][..], true),
            (&["A."], true),
            (&[], true),
            (&["b."], false),
            (&["a.", "a."], false),
        ] {
            let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
            message.add_queries(names.iter().map(|name| question(name)));
            let reply = Reply::read(message.to_vec().unwrap()).await.unwrap();
            assert_eq!(reply.answers(&asked), expected, "{names:?}");
            asked.metadata.id ^= 1;
            assert!(!reply.answers(&asked), "{names:?}, of another id");
            asked.metadata.id ^= 1;
        }
    }

    #[tokio::test]
    async fn small_replies_are_read_at_once_and_large_ones_in_turns() {
        for (n_records, at_once) in [(0, true), (20, true), (1_000, false)] {
            for section in 0..3 {
                let mut message = Message::response(7, OpCode::Query);
                match section {
                    0 => message.add_answers(records(n_records)),
                    1 => message.add_authorities(records(n_records)),
                    _ => message.add_additionals(records(n_records)),
                };
                let reading = Reply::read(message.to_vec().unwrap()).now_or_never();
                assert_eq!(
                    reading.is_some(),
                    at_once,
                    "{n_records} of section {section}"
                );
            }
        }
    }
}
