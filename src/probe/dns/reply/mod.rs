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
    is_lame: bool,
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
        let (mut has_soa, mut has_ns) = (false, false);
        for _ in 0..counts.authorities {
            let head = Head::read(&mut decoder)?;
            head.belongs_to_data()?;
            Data::read(&head, &mut decoder)?;
            has_soa |= head.kind == RecordType::SOA;
            has_ns |= head.kind == RecordType::NS;
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
        // With a SOA, or with nothing at all, it says that there are no such records (RFC 2308, 2.2).
        let refers = counts.answers == 0 && counts.additionals == 0 && has_ns && !has_soa;
        metadata.merge_response_code(edns.unwrap_or_default());
        Ok(Self {
            is_lame: refers && !metadata.authoritative && !metadata.recursion_available,
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

    /// Whether it names other servers instead of an answer, and is of one that neither has the zone nor
    /// asks them: a lame delegation, which libresolv and Go tell by the same flags.
    pub fn is_lame(&self) -> bool {
        self.is_lame
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
mod tests;
