//! The head of the response as it arrives, read beside hyper, which tells neither when the first
//! byte of the final response came nor what was wrong with a head that it refuses.

mod empty_lines;
mod end;
mod fault;
mod status_line;

use httparse::ParserConfig;

use crate::outcome::reason::Reason;
use crate::probe::arrival::Arrival;
use crate::probe::head::empty_lines::EmptyLines;
use crate::probe::head::end::EndOfHead;
pub use crate::probe::head::fault::HeadFault;
use crate::probe::head::status_line::StatusLine;

/// How many bytes a head may have, and all that comes before the final one.
pub const MAX_HEAD_BYTES: usize = 256 * 1024;

/// How many header fields a head may have; hyper's own default of 100 is less than browsers take.
pub const MAX_HEADERS: usize = 256;

/// How many interim responses may come before the final one; Ruby and CPython have the same bound.
pub const MAX_INTERIMS: u32 = 100;

/// How long the name of a header may be, which is a bound of hyper.
const MAX_NAME_BYTES: usize = 65_535;

/// The parser as hyper has it: folded lines are obsolete, and accepted by every browser (RFC 9112,
/// 5.2).
fn parser() -> ParserConfig {
    let mut parser = ParserConfig::default();
    parser.allow_obsolete_multiline_headers_in_responses(true);
    parser
}

/// The head of the final response, as far as it arrived. Interim responses are passed over.
#[derive(Debug, Default)]
pub struct ResponseHead {
    bytes: Vec<u8>,
    end: EndOfHead,
    /// How many bytes stood before: interim responses and empty lines.
    dropped: usize,
    empty_lines: EmptyLines,
    is_blank: bool,
    interims: u32,
    first_byte: Option<Arrival>,
    complete: bool,
    /// How much of what arrived last came behind it.
    n_behind: usize,
    /// Whether hyper would refuse it by its first piece, before it is complete.
    is_refused_early: bool,
}

impl ResponseHead {
    /// Takes the bytes that arrived at `at`; those behind the head are left alone.
    pub fn feed(&mut self, mut arrived: &[u8], at: Arrival) -> Result<(), HeadFault> {
        self.is_blank = !self.complete;
        while !self.complete && !arrived.is_empty() {
            arrived = self.feed_one(arrived, at)?;
        }
        self.n_behind = arrived.len();
        Ok(())
    }

    /// Takes what is of one head, and returns what comes behind it.
    fn feed_one<'a>(&mut self, mut arrived: &'a [u8], at: Arrival) -> Result<&'a [u8], HeadFault> {
        if self.bytes.is_empty() {
            let skipped = self.empty_lines.count(arrived);
            arrived = arrived.get(skipped..).unwrap_or_default();
            self.drop_bytes(skipped)?;
            if arrived.is_empty() {
                return Ok(arrived);
            }
            self.first_byte = Some(at);
            if self.empty_lines.is_within_one() {
                // hyper minds it as well, but not before the end of a head that comes in pieces.
                return Err(HeadFault::Broken(Reason::TransferNotHttp));
            }
        }
        self.is_blank = false;
        let known = self.bytes.len();
        let length = self.end.find(arrived);
        let (of_head, behind) = arrived.split_at(length.unwrap_or(arrived.len()));
        self.bytes.extend_from_slice(of_head);
        if known <= StatusLine::BYTES
            && let StatusLine::Wrong(reason) = StatusLine::of(&self.bytes)
        {
            return Err(HeadFault::Broken(reason));
        }
        if self.bytes.len() > MAX_HEAD_BYTES {
            return Err(HeadFault::Bytes);
        }
        if length.is_none() {
            if known == 0 {
                // hyper reads the first piece of a head and then the whole.
                self.is_refused_early = self.has_code() && self.fault_of_fields().is_some();
            }
            return Ok(behind);
        }
        if !self.is_interim() {
            self.complete = true;
            return Ok(behind);
        }
        // hyper goes on with the next one, or does not and no longer has this one.
        if let Some(reason) = self.fault_of_fields() {
            return Err(HeadFault::Broken(reason));
        }
        self.interims += 1;
        if self.interims > MAX_INTERIMS {
            return Err(HeadFault::Interims);
        }
        let dropped = self.bytes.len();
        self.bytes.clear();
        self.first_byte = None;
        self.drop_bytes(dropped)?;
        Ok(behind)
    }

    /// Counts what is no part of the final head, of which there is a bound as well.
    fn drop_bytes(&mut self, n_bytes: usize) -> Result<(), HeadFault> {
        self.dropped += n_bytes;
        match (self.dropped > MAX_HEAD_BYTES, self.interims) {
            (false, _) => Ok(()),
            (true, 0) => Err(HeadFault::Blank),
            (true, _) => Err(HeadFault::Interims),
        }
    }

    /// When the first byte of the final response arrived. As long as its status is unknown, a head
    /// counts as final.
    pub fn first_byte(&self) -> Option<Arrival> {
        // One that cannot be read is the last, be it whole or not.
        let is_passed_over = || self.is_interim() && self.fault_of_fields().is_none();
        self.first_byte.filter(|_| !is_passed_over())
    }

    /// Whether the head of the final response has arrived whole.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What of the bytes that were fed last came behind it.
    pub fn behind<'a>(&self, fed: &'a [u8]) -> &'a [u8] {
        let from = fed.len().saturating_sub(self.n_behind);
        fed.get(from..).unwrap_or_default()
    }

    /// Whether it says that the body is chunked. What hyper or the probe refuses for other codings
    /// beside that, or for a length, is not told here.
    pub fn is_chunked(&self) -> bool {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut fields);
        parser().parse_response(&mut parsed, &self.bytes).is_ok()
            && parsed.headers.iter().any(|field| {
                field.name.eq_ignore_ascii_case("transfer-encoding")
                    && field.value.trim_ascii().eq_ignore_ascii_case(b"chunked")
            })
    }

    /// The code of the final response, once its head has arrived whole.
    pub fn code(&self) -> Option<u16> {
        match StatusLine::of(&self.bytes) {
            StatusLine::Code(code) if self.complete => Some(code),
            _ => None,
        }
    }

    /// Whether what came last are nothing but empty lines before a head. hyper would look at all of them
    /// again with every piece.
    pub fn is_blank(&self) -> bool {
        self.is_blank
    }

    /// Whether hyper should not have it yet, as it would refuse it before its end is there: a head counts
    /// once it is complete.
    pub fn is_held_back(&self) -> bool {
        self.is_refused_early && !self.complete
    }

    /// The head as far as it arrived, interim ones passed over.
    #[cfg(any(test, fuzzing))]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is wrong with a head that hyper refuses, or `TransferHeaderTruncated` if nothing is but
    /// that it goes on.
    pub fn fault(&self) -> Reason {
        match StatusLine::of(&self.bytes) {
            StatusLine::Wrong(reason) => reason,
            StatusLine::Unfinished if self.complete => Reason::TransferStatusInvalid,
            StatusLine::Unfinished => Reason::TransferHeaderTruncated,
            StatusLine::Code(_) => match self.fault_of_fields() {
                Some(reason) => reason,
                None if self.complete => Reason::TransferFraming,
                None => Reason::TransferHeaderTruncated,
            },
        }
    }

    /// The whole head of a response that hyper refuses though its status can be read. It has its fields
    /// if all of them can be read as well, so that it is the length of the body that cannot be told.
    pub fn refused(&self) -> Option<http::Response<()>> {
        let code = self.code()?;
        let head = || {
            let head = http::Response::builder().status(code);
            head.version(match self.bytes.starts_with(b"HTTP/1.0") {
                true => http::Version::HTTP_10,
                false => http::Version::HTTP_11,
            })
        };
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut fields);
        if parser().parse_response(&mut parsed, &self.bytes).is_err() {
            return head().body(()).ok();
        }
        let with_fields = parsed
            .headers
            .iter()
            .fold(head(), |head, field| head.header(field.name, field.value));
        with_fields.body(()).or_else(|_| head().body(())).ok()
    }

    /// What is wrong with the phrase and the fields, as far as they are there.
    pub fn fault_of_fields(&self) -> Option<Reason> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut fields);
        match parser().parse_response(&mut parsed, &self.bytes) {
            Ok(_) => {
                let is_too_long = |name: &str| name.len() > MAX_NAME_BYTES;
                let too_long = parsed.headers.iter().any(|field| is_too_long(field.name));
                too_long.then_some(Reason::TransferHeaderTooLarge)
            }
            Err(httparse::Error::TooManyHeaders) => Some(Reason::TransferHeaderTooLarge),
            Err(_) => Some(Reason::TransferHeaderInvalid),
        }
    }

    fn has_code(&self) -> bool {
        matches!(StatusLine::of(&self.bytes), StatusLine::Code(_))
    }

    fn is_interim(&self) -> bool {
        StatusLine::of(&self.bytes).is_interim()
    }
}

#[cfg(test)]
mod tests;
