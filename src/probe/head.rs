//! The head of the response as it arrives, read beside hyper, which tells neither when the first
//! byte of the final response came nor what was wrong with a head that it refuses.

use std::error::Error;
use std::fmt;

use crate::outcome::reason::Reason;
use crate::probe::arrival::Arrival;

/// How many bytes heads may have, interim ones included.
pub const MAX_HEAD_BYTES: usize = 256 * 1024;

/// How many header fields a head may have; hyper's own default of 100 is less than browsers take.
pub const MAX_HEADERS: usize = 256;

/// How many interim responses may come before the final one; Ruby and CPython have the same bound.
pub const MAX_INTERIMS: u32 = 100;

/// The head of the final response, as far as it arrived. Interim responses are passed over
/// (RFC 9110, 15.2); 101 is final, since nobody asked for another protocol.
#[derive(Debug, Default)]
pub struct ResponseHead {
    bytes: Vec<u8>,
    searched: usize,
    dropped: usize,
    interims: u32,
    first_byte: Option<Arrival>,
    complete: bool,
}

impl ResponseHead {
    /// Takes the bytes that arrived at `at`; those behind the head are left alone.
    pub fn feed(&mut self, mut arrived: &[u8], at: Arrival) -> Result<(), HeadLimit> {
        if self.complete {
            return Ok(());
        }
        if self.bytes.is_empty() {
            // Empty lines before a status line are no part of a response (RFC 9112, 2.2).
            let blank = |byte: &u8| *byte == b'\r' || *byte == b'\n';
            let skipped = arrived.iter().take_while(|byte| blank(byte)).count();
            arrived = arrived.get(skipped..).unwrap_or_default();
            self.dropped += skipped;
            if arrived.is_empty() {
                return self.check_size();
            }
            self.first_byte = Some(at);
        }
        self.bytes.extend_from_slice(arrived);
        let Some(end) = self.end_of_head() else {
            self.searched = self.bytes.len().saturating_sub(3);
            return self.check_size();
        };
        // One that hyper refuses is the last that there is.
        let is_passed_over = self.is_interim() && parsed(self.bytes.get(..end)).is_ok();
        if !is_passed_over {
            self.bytes.truncate(end);
            self.complete = true;
            return self.check_size();
        }
        self.interims += 1;
        if self.interims > MAX_INTERIMS {
            return Err(HeadLimit::Interims);
        }
        let rest = self.bytes.split_off(end);
        self.dropped += end;
        self.bytes.clear();
        self.searched = 0;
        self.first_byte = None;
        self.feed(&rest, at)
    }

    /// When the first byte of the final response arrived. As long as its status is unknown, a head
    /// counts as final.
    pub fn first_byte(&self) -> Option<Arrival> {
        // One that cannot be read is the last, be it whole or not.
        let is_passed_over = || self.is_interim() && parsed(Some(&self.bytes)).is_ok();
        self.first_byte.filter(|_| !is_passed_over())
    }

    /// Whether the head of the final response has arrived whole.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The head as far as it arrived, interim ones passed over.
    #[cfg(any(test, fuzzing))]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is wrong with a head that hyper refuses or that ended early.
    pub fn fault(&self) -> Reason {
        let Some(rest) = self.bytes.strip_prefix(b"HTTP/") else {
            return if !self.complete && b"HTTP/".starts_with(&self.bytes) {
                Reason::TransferHeaderTruncated
            } else {
                Reason::TransferNotHttp
            };
        };
        let (version, rest) = split_at_space(rest);
        match version {
            b"1.1" | b"1.0" => {}
            _ if !self.complete && rest.is_none() && b"1.".starts_with(version) => {
                return Reason::TransferHeaderTruncated;
            }
            [b'0'..=b'9', ..] => return Reason::TransferHttpVersion,
            _ => return Reason::TransferNotHttp,
        }
        let Some(rest) = rest else {
            return if self.complete {
                Reason::TransferStatusInvalid
            } else {
                Reason::TransferHeaderTruncated
            };
        };
        let is_begun = !self.complete && !rest.contains(&b'\n');
        if is_begun && parsed(Some(&self.bytes)).is_ok() {
            return Reason::TransferHeaderTruncated;
        }
        let is_end = |byte: Option<&u8>| matches!(byte, None | Some(b' ' | b'\r' | b'\n'));
        match rest {
            [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', rest @ ..] if is_end(rest.first()) => {
                self.fault_of_headers()
            }
            _ => Reason::TransferStatusInvalid,
        }
    }

    fn fault_of_headers(&self) -> Reason {
        match parsed(Some(&self.bytes)) {
            // The head is well-formed, so it was its meaning that hyper refused.
            Ok(httparse::Status::Complete(_)) => Reason::TransferFraming,
            Ok(httparse::Status::Partial) => Reason::TransferHeaderTruncated,
            Err(httparse::Error::TooManyHeaders) => Reason::TransferHeaderTooLarge,
            Err(_) => Reason::TransferHeaderInvalid,
        }
    }

    /// Where the empty line after the head ends. Bare line feeds will do (RFC 9112, 2.2).
    fn end_of_head(&self) -> Option<usize> {
        let unsearched = self.bytes.get(self.searched..).unwrap_or_default();
        unsearched.iter().enumerate().find_map(|(at, byte)| {
            let behind = unsearched.get(at + 1..).unwrap_or_default();
            match (byte, behind) {
                (b'\n', [b'\n', ..]) => Some(self.searched + at + 2),
                (b'\n', [b'\r', b'\n', ..]) => Some(self.searched + at + 3),
                _ => None,
            }
        })
    }

    fn is_interim(&self) -> bool {
        let code = self.bytes.get(9..12);
        self.bytes.starts_with(b"HTTP/1.")
            && matches!(code, Some([b'1', b'0'..=b'9', b'0'..=b'9']))
            && code != Some(b"101")
            && matches!(self.bytes.get(12), Some(b' ' | b'\r' | b'\n'))
    }

    fn check_size(&self) -> Result<(), HeadLimit> {
        let unfinished = if self.complete { 0 } else { self.bytes.len() };
        if self.dropped + unfinished <= MAX_HEAD_BYTES {
            Ok(())
        } else if b"HTTP/".starts_with(self.bytes.get(..5).unwrap_or(&self.bytes)) {
            Err(HeadLimit::Bytes)
        } else {
            Err(HeadLimit::NotHttp)
        }
    }
}

/// What the parser makes of a head that hyper has it read with the same settings.
fn parsed(head: Option<&[u8]>) -> httparse::Result<usize> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    httparse::ParserConfig::default()
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response(&mut response, head.unwrap_or_default())
}

fn split_at_space(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let end = bytes
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\r' | b'\n'));
    match end {
        Some(end) => {
            let (before, after) = bytes.split_at(end);
            (before, after.strip_prefix(b" ").or(Some(after)))
        }
        None => (bytes, None),
    }
}

/// A bound that a head broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeadLimit {
    /// It has too many bytes.
    Bytes,
    /// It has too many bytes and never looked like HTTP.
    NotHttp,
    /// Too many interim responses came before it.
    Interims,
}

impl HeadLimit {
    /// The reason of the failure.
    pub fn reason(self) -> Reason {
        match self {
            Self::Bytes => Reason::TransferHeaderTooLarge,
            Self::NotHttp => Reason::TransferNotHttp,
            Self::Interims => Reason::TransferInterimFlood,
        }
    }
}

impl fmt::Display for HeadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => write!(f, "the head has more than {MAX_HEAD_BYTES} bytes"),
            Self::NotHttp => write!(f, "more than {MAX_HEAD_BYTES} bytes without HTTP in them"),
            Self::Interims => write!(f, "more than {MAX_INTERIMS} interim responses"),
        }
    }
}

impl Error for HeadLimit {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[test]
    fn the_first_byte_is_that_of_the_final_response_however_it_is_cut() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: <x>\n\n\
                      HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
        let final_at = 25 + 31;
        assert_eq!(&bytes[final_at..final_at + 12], b"HTTP/1.1 200");
        let start = Instant::now();
        for size in 1..=bytes.len() {
            let mut head = ResponseHead::default();
            let mut expected = None;
            for (index, piece) in bytes.chunks(size).enumerate() {
                let at = Arrival::by_user(start + Duration::from_secs(index as u64));
                if (index * size..index * size + piece.len()).contains(&final_at) {
                    expected = Some(at);
                }
                assert_eq!(head.feed(piece, at), Ok(()));
            }
            assert!(head.is_complete());
            assert_eq!(head.first_byte(), expected, "pieces of {size}");
            assert!(head.bytes.ends_with(b"A: b\r\n\r\n"));
        }
    }

    #[test]
    fn a_head_that_turns_out_to_be_interim_is_not_the_first_byte() {
        let now = Arrival::by_user(Instant::now());
        let mut head = ResponseHead::default();
        for (bytes, is_first) in [
            (&b"HTTP/1.1 "[..], true),
            (b"100 C\r\nA:", false),
            (b"b\r\nno\0name", true),
        ] {
            head.feed(bytes, now).expect("within bounds");
            assert_eq!(head.first_byte().is_some(), is_first);
        }
    }

    #[test]
    fn bounds_are_kept() {
        let now = Arrival::by_user(Instant::now());
        let flood = b"HTTP/1.1 103 E\r\n\r\n".repeat(200);
        let endless = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'a'; 300_000]].concat();
        for (bytes, expected) in [
            (flood, HeadLimit::Interims),
            (endless, HeadLimit::Bytes),
            (vec![b'x'; 300_000], HeadLimit::NotHttp),
            (vec![b'\n'; 300_000], HeadLimit::Bytes),
        ] {
            let mut head = ResponseHead::default();
            let fed = bytes
                .chunks(1000)
                .try_for_each(|piece| head.feed(piece, now));
            assert_eq!(fed, Err(expected));
        }
    }

    #[test]
    fn faults_are_told_apart() {
        use Reason as R;
        for (bytes, reason) in [
            (&b"SSH-2.0-x\r\n\r\n"[..], R::TransferNotHttp),
            (
                b"HTTP/1.1 100\x0b C\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                R::TransferStatusInvalid,
            ),
            (
                b"HTTP/1.1 100 C\r\nno colon\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                R::TransferHeaderInvalid,
            ),
            (
                b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: x\r\n\r\n",
                R::TransferFraming,
            ),
            (b"HT", R::TransferHeaderTruncated),
            (b"HX", R::TransferNotHttp),
            (b"HTTP/1.", R::TransferHeaderTruncated),
            (b"HTTP/1.1 2", R::TransferHeaderTruncated),
            (b"HTTP/1.1 2x", R::TransferStatusInvalid),
            (b"HTTP/1.1 200 O", R::TransferHeaderTruncated),
            (b"HTTP/1.1 200 \0", R::TransferHeaderInvalid),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n", R::TransferHeaderTruncated),
            (b"HTTP/x y\r\n\r\n", R::TransferNotHttp),
            (b"HTTP/2.0 200 OK\r\n\r\n", R::TransferHttpVersion),
            (b"HTTP/1.2 200 OK\r\n\r\n", R::TransferHttpVersion),
            (b"HTTP/1.1 20\r\n\r\n", R::TransferStatusInvalid),
            (b"HTTP/1.1 2000 x\r\n\r\n", R::TransferStatusInvalid),
            (b"HTTP/1.1 +20 x\r\n\r\n", R::TransferStatusInvalid),
            (b"HTTP/1.1\r\n\r\n", R::TransferStatusInvalid),
            (b"HTTP/1.1 200 a\0b\r\n\r\n", R::TransferHeaderInvalid),
            (
                b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
                R::TransferHeaderInvalid,
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                R::TransferFraming,
            ),
        ] {
            let mut head = ResponseHead::default();
            head.feed(bytes, Arrival::by_user(Instant::now()))
                .expect("within bounds");
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(head.fault(), reason, "{text:?}");
        }
    }
}
