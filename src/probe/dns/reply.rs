//! What a name server answered, kept as it came: over TCP it may have thousands of records, of which few
//! matter.

use std::hash::BuildHasher;
use std::hash::RandomState;

use hickory_resolver::proto::op::Header;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::op::Metadata;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::DNSClass;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::serialize::binary::BinDecodable;
use hickory_resolver::proto::serialize::binary::BinDecoder;
use hickory_resolver::proto::serialize::binary::DecodeError;

use crate::probe::turn::Turn;

/// The types of records that are looked for.
const KINDS: [RecordType; 3] = [RecordType::A, RecordType::AAAA, RecordType::CNAME];

/// A DNS message (RFC 1035, 4.1) that hickory can read to its end.
#[derive(Debug)]
pub struct Reply {
    bytes: Vec<u8>,
    metadata: Metadata,
    n_questions: u16,
    question: Option<Query>,
    /// Where the answers are, by what stands for their names and in their order.
    answers: Vec<Place>,
    names: RandomState,
    has_soa: bool,
}

/// Where a record is.
#[derive(Clone, Copy, Debug)]
struct Place {
    name: u64,
    kind: RecordType,
    at: u16,
}

impl Reply {
    /// Reads all of a message. Others run meanwhile, if there is much of it.
    pub async fn read(bytes: Vec<u8>) -> Result<Self, DecodeError> {
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
            turn.took(0).await;
        }
        let op_code = metadata.op_code;
        let names = RandomState::new();
        let mut answers = Vec::new();
        for _ in 0..counts.answers {
            // No message is longer (RFC 1035, 4.2.2).
            let at = u16::try_from(decoder.index()).unwrap_or(u16::MAX);
            let (records, ..) = Message::read_records(&mut decoder, 1, false, op_code)?;
            // Other classes have records of the same types, which mean something else.
            answers.extend(
                records
                    .iter()
                    .filter(|record| is_of_use(record))
                    .map(|record| Place {
                        name: names.hash_one(&record.name),
                        kind: record.record_type(),
                        at,
                    }),
            );
            turn.took(0).await;
        }
        answers.sort_unstable_by_key(|place| (place.name, place.at));
        let mut has_soa = false;
        for _ in 0..counts.authorities {
            let (records, ..) = Message::read_records(&mut decoder, 1, false, op_code)?;
            let mut kinds = records.iter().map(Record::record_type);
            has_soa |= kinds.any(|kind| kind == RecordType::SOA);
            turn.took(0).await;
        }
        let mut edns = None;
        for _ in 0..counts.additionals {
            let (_, found, _) = Message::read_records(&mut decoder, 1, true, op_code)?;
            if found.is_some() && edns.is_some() {
                return Err(DecodeError::DuplicateEdns);
            }
            edns = edns.or(found);
            turn.took(0).await;
        }
        if let Some(edns) = edns {
            // The higher part of the response code (RFC 6891, 6.1.3).
            metadata.merge_response_code(edns.rcode_high());
        }
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

    /// How many answers there are that can be looked for.
    pub fn n_answers(&self) -> usize {
        self.answers.len()
    }

    /// The answers for a name of a type, in their order. The type is one of [`KINDS`].
    pub fn records<'r>(
        &'r self,
        name: &'r Name,
        kind: RecordType,
    ) -> impl Iterator<Item = Record> + 'r {
        let hash = self.names.hash_one(name);
        let first = self.answers.partition_point(|place| place.name < hash);
        let places = self.answers.get(first..).unwrap_or_default().iter();
        places
            .take_while(move |place| place.name == hash)
            .filter(move |place| place.kind == kind)
            .filter_map(|place| {
                Record::read(&mut BinDecoder::new(&self.bytes).clone(place.at)).ok()
            })
            .filter(move |record| record.name == *name)
    }
}

fn is_of_use(record: &Record) -> bool {
    record.dns_class == DNSClass::IN && KINDS.contains(&record.record_type())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::net::Ipv6Addr;

    use hickory_resolver::proto::op::Edns;
    use hickory_resolver::proto::rr::RData;
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
            let mut message = Message::response(7, hickory_resolver::proto::op::OpCode::Query);
            let name = Name::from_ascii("n1.test.").unwrap();
            message.add_query(Query::query(name, RecordType::A));
            message.add_answers(records(n_answers));
            message.add_authorities(records(n_authorities));
            message.add_additionals(records(n_additionals));
            message.set_edns(Edns::new());
            message.metadata.response_code = ResponseCode::from(1, 0);
            let bytes = message.to_vec().unwrap();
            let at_once = Message::from_vec(&bytes).unwrap();
            let reply = Reply::read(bytes.clone()).await.unwrap();
            assert_eq!(reply.code(), at_once.metadata.response_code, "{case}");
            assert_eq!(reply.n_answers(), n_answers, "{case}");
            assert!(reply.answers(&message), "{case}");
            for index in 0..3 {
                let name = Name::from_ascii(format!("N{index}.TEST.")).unwrap();
                for kind in KINDS {
                    let found: Vec<_> = reply.records(&name, kind).collect();
                    let expected = at_once
                        .answers
                        .iter()
                        .filter(|record| record.name == name && record.record_type() == kind);
                    assert!(found.iter().eq(expected), "{case}: {name} {kind}");
                }
            }
            // Wherever it is cut, both say the same of it.
            for end in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
                let at_once = Message::from_vec(&bytes[..end]).map_err(|error| error.to_string());
                let reply = Reply::read(bytes[..end].to_vec()).await;
                let reply = reply.map_err(|error| error.to_string());
                assert_eq!(reply.err(), at_once.err(), "{case}: {end} bytes");
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
            let expected = DecodeError::DuplicateEdns.to_string();
            let at_once = Message::from_vec(&twice).map_err(|error| error.to_string());
            assert_eq!(at_once.err(), Some(expected.clone()), "{n_others}");
            let reply = Reply::read(twice).await.map_err(|error| error.to_string());
            assert_eq!(reply.err(), Some(expected), "{n_others} between them");
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
}
