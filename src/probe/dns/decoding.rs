//! Takes a DNS message apart in steps: over TCP it may have thousands of records.

use hickory_resolver::proto::op::Header;
use hickory_resolver::proto::op::HeaderCounts;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::Metadata;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::serialize::binary::BinDecodable;
use hickory_resolver::proto::serialize::binary::BinDecoder;
use hickory_resolver::proto::serialize::binary::DecodeError;

/// How many questions or records are read in a step. Most take less than half a microsecond, those of
/// names of a hundred labels ten times as long.
pub const STEP_RECORDS: u16 = 64;

/// A message that is being read, section by section (RFC 1035, 4.1), as hickory reads one at once.
pub struct Decoding<'m> {
    decoder: BinDecoder<'m>,
    left: HeaderCounts,
    message: Message,
}

impl<'m> Decoding<'m> {
    /// Reads the header.
    pub fn new(bytes: &'m [u8]) -> Result<Self, DecodeError> {
        let mut decoder = BinDecoder::new(bytes);
        let header = Header::read(&mut decoder)?;
        let Metadata {
            id,
            message_type,
            op_code,
            ..
        } = header.metadata;
        let mut message = Message::new(id, message_type, op_code);
        message.metadata = header.metadata;
        Ok(Self {
            decoder,
            left: header.counts,
            message,
        })
    }

    /// Reads some more. The message, without its additional records, if that was all.
    pub fn step(mut self) -> Result<Step<'m>, DecodeError> {
        let mut room = STEP_RECORDS;
        for _ in 0..take(&mut self.left.queries, &mut room) {
            let query = Query::read(&mut self.decoder)?;
            self.message.queries.push(query);
        }
        let n_answers = take(&mut self.left.answers, &mut room);
        let answers = self.records(n_answers, false)?;
        self.message.answers.extend(answers);
        let n_authorities = take(&mut self.left.authorities, &mut room);
        let authorities = self.records(n_authorities, false)?;
        self.message.authorities.extend(authorities);
        let n_additionals = take(&mut self.left.additionals, &mut room);
        self.records(n_additionals, true)?;
        if self.left != HeaderCounts::default() {
            return Ok(Step::Going(self));
        }
        if let Some(edns) = &self.message.edns {
            // The higher part of the response code (RFC 6891, 6.1.3).
            let high = edns.rcode_high();
            self.message.metadata.merge_response_code(high);
        }
        Ok(Step::Done(self.message))
    }

    /// Reads so many records of a section; what the additional ones say of the message is kept.
    fn records(&mut self, n: usize, are_additional: bool) -> Result<Vec<Record>, DecodeError> {
        let op_code = self.message.metadata.op_code;
        // hickory is built without what it takes to know a signature.
        let (records, edns, _) =
            Message::read_records(&mut self.decoder, n, are_additional, op_code)?;
        if edns.is_some() && self.message.edns.is_some() {
            return Err(DecodeError::DuplicateEdns);
        }
        self.message.edns = self.message.edns.take().or(edns);
        Ok(records)
    }
}

/// How far the reading of a message is.
pub enum Step<'m> {
    /// There is more to read.
    Going(Decoding<'m>),
    /// This is the message.
    Done(Message),
}

/// How many of those that are `left` there is room for.
fn take(left: &mut u16, room: &mut u16) -> usize {
    let taken = (*left).min(*room);
    *left -= taken;
    *room -= taken;
    taken.into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_resolver::proto::op::Edns;
    use hickory_resolver::proto::op::ResponseCode;
    use hickory_resolver::proto::rr::Name;
    use hickory_resolver::proto::rr::RData;
    use hickory_resolver::proto::rr::RecordType;

    use super::*;

    fn read(bytes: &[u8]) -> (usize, Result<Message, String>) {
        let mut n_steps = 0;
        let mut decoding = Decoding::new(bytes);
        loop {
            n_steps += 1;
            match decoding.and_then(Decoding::step) {
                Ok(Step::Going(going)) => decoding = Ok(going),
                Ok(Step::Done(message)) => return (n_steps, Ok(message)),
                Err(error) => return (n_steps, Err(error.to_string())),
            }
        }
    }

    #[test]
    fn a_message_is_read_in_steps_as_it_is_at_once() {
        let name = Name::from_ascii("a.test.").unwrap();
        let record = || Record::from_rdata(name.clone(), 60, RData::A(Ipv4Addr::LOCALHOST.into()));
        for (n_answers, n_authorities, n_additionals, n_steps) in [
            (0, 0, 0, 1),
            (8, 2, 8, 1),
            (62, 0, 0, 1),
            (63, 0, 0, 2),
            (1_000, 0, 300, 21),
            (0, 63, 0, 2),
        ] {
            let mut message = Message::query();
            message.add_query(Query::query(name.clone(), RecordType::A));
            message.add_answers((0..n_answers).map(|_| record()));
            message.add_authorities((0..n_authorities).map(|_| record()));
            message.add_additionals((0..n_additionals).map(|_| record()));
            let mut edns = Edns::new();
            edns.set_rcode_high(1);
            message.set_edns(edns);
            message.metadata.response_code = ResponseCode::from(1, 0);
            let bytes = message.to_vec().unwrap();
            let mut at_once = Message::from_vec(&bytes).unwrap();
            at_once.additionals.clear();
            let (steps, in_steps) = read(&bytes);
            assert_eq!(steps, n_steps, "{n_answers}, {n_additionals}");
            assert_eq!(in_steps.unwrap(), at_once, "{n_answers}, {n_additionals}");
            // Wherever it is cut, both say the same of it.
            for end in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
                let at_once = Message::from_vec(&bytes[..end]).map_err(|error| error.to_string());
                assert_eq!(read(&bytes[..end]).1.err(), at_once.err(), "{end} bytes");
            }
        }
    }

    #[test]
    fn what_may_be_there_once_is_not_there_twice() {
        let mut message = Message::query();
        message.set_edns(Edns::new());
        let bytes = message.to_vec().unwrap();
        let edns = &bytes[12..];
        for n_others in [0_u16, 1, 63, 64, 300] {
            // Records of the root of an unknown type.
            let other = [0, 0xff, 0x01, 0, 1, 0, 0, 0, 0, 0, 1, 9].repeat(n_others.into());
            let twice = [&bytes[..12], edns, &other, edns].concat();
            let mut twice = twice;
            twice[10..12].copy_from_slice(&(n_others + 2).to_be_bytes());
            let at_once = Message::from_vec(&twice).map_err(|error| error.to_string());
            let (_, in_steps) = read(&twice);
            let expected = DecodeError::DuplicateEdns.to_string();
            assert_eq!(at_once.err(), Some(expected.clone()), "{n_others}");
            assert_eq!(in_steps.err(), Some(expected), "{n_others} between them");
        }
    }
}
