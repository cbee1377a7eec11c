//! The status of a response from the first bytes of its fields, without the rest of HPACK.
//!
//! A response has one pseudo-header field, `:status`, and it comes first (RFC 9113, 8.3), behind
//! nothing but changes of the table's size (RFC 7541, 4.2). Those of requests may stand before it, by
//! mistake: it is no status then that is missing.

use std::ops::RangeInclusive;

/// How many bytes of a block are looked at: far more than a sane encoder needs for a status.
const MAX_BYTES: usize = 64;

/// Where the static table has pseudo-header fields of requests.
const OF_REQUEST: RangeInclusive<usize> = 1..=7;

/// Their names in Huffman's code (RFC 7541, B), and as they are.
const NAMES_OF_REQUEST: [&[u8]; 10] = [
    b"\xb9\x49\x53\x39\xe4",
    b":method",
    b"\xb8\x82\x4e\x5a\x4b",
    b":scheme",
    b"\xb8\x3b\x53\x39\xec\x32\x7d\x7f",
    b":authority",
    b"\xb9\x58\xd3\x3f",
    b":path",
    b"\xb9\x5d\x87\x49\xc8\x7a\x3f",
    b":protocol",
];

/// What is known of a status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// Its bytes are not there yet.
    Unknown,
    /// 100 to 199, but for 101.
    Interim,
    /// This one: 101, behind which is another protocol, or one of 200 to 999.
    Final(u16),
    /// Not three digits, or missing.
    Invalid,
}

/// Reads the status as the block of fields arrives.
#[derive(Debug)]
pub struct StatusReader {
    bytes: [u8; MAX_BYTES],
    length: usize,
    status: Status,
    read: fn(&[u8]) -> Option<Status>,
}

impl StatusReader {
    /// Begins before a block of HTTP/2.
    pub fn new() -> Self {
        Self::with(read)
    }

    /// Begins before a block that `read` finds the status of, as soon as enough of it is there.
    pub fn with(read: fn(&[u8]) -> Option<Status>) -> Self {
        Self {
            read,
            bytes: [0; MAX_BYTES],
            length: 0,
            status: Status::Unknown,
        }
    }

    /// What the block says as far as it arrived.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Takes note that the block has ended: what is not there by now is missing.
    pub fn end(&mut self) {
        if self.status == Status::Unknown {
            self.status = Status::Invalid;
        }
    }

    /// Takes the next bytes of the block.
    pub fn feed(&mut self, block: &[u8]) {
        if self.status != Status::Unknown {
            return;
        }
        for (place, byte) in self.bytes.iter_mut().skip(self.length).zip(block) {
            *place = *byte;
            self.length += 1;
        }
        let known = self.bytes.get(..self.length).unwrap_or_default();
        self.status = match (self.read)(known) {
            Some(status) => status,
            None if self.length == MAX_BYTES => Status::Invalid,
            None => Status::Unknown,
        };
    }
}

/// The status at the beginning of a block, `None` if more of it is needed.
fn read(mut block: &[u8]) -> Option<Status> {
    /// Where the static table begins to hold a status, and which ones.
    const STATUSES_FROM: usize = 8;
    const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    /// The static table's size: behind it are fields that were sent before.
    const STATIC: usize = 61;
    let of_static = |index: usize| STATUSES.get(index.checked_sub(STATUSES_FROM)?);
    loop {
        while block.first()? >> 5 == 0b001 {
            integer(&mut block, 5)?;
        }
        let first = *block.first()?;
        if first & 0x80 != 0 {
            let index = integer(&mut block, 7)?;
            if OF_REQUEST.contains(&index) {
                continue;
            }
            return Some(match of_static(index) {
                Some(code) => Status::Final(*code),
                // Only interim responses were there before, so theirs is the only status to refer to.
                None if index > STATIC => Status::Interim,
                None => Status::Invalid,
            });
        }
        let prefix = if first & 0x40 != 0 { 6 } else { 4 };
        let name = integer(&mut block, prefix)?;
        let mut is_of_request = OF_REQUEST.contains(&name);
        if name == 0 {
            // A name in full, in whichever coding: nothing else may come first.
            let (_, length) = string(&mut block)?;
            let (name, rest) = block.split_at_checked(length)?;
            is_of_request = NAMES_OF_REQUEST.contains(&name);
            block = rest;
        } else if !is_of_request && of_static(name).is_none() && name <= STATIC {
            return Some(Status::Invalid);
        }
        let (is_coded, length) = string(&mut block)?;
        let (value, rest) = block.split_at_checked(length)?;
        if !is_of_request {
            return Some(status_of(value, is_coded));
        }
        block = rest;
    }
}

/// The status that a value is, in Huffman's code or not.
pub fn status_of(value: &[u8], is_coded: bool) -> Status {
    let digits = if is_coded {
        decoded(value)
    } else {
        value.try_into().ok()
    };
    match digits {
        Some([b'1', b'0', b'1']) => Status::Final(101),
        Some([b'1', b'0'..=b'9', b'0'..=b'9']) => Status::Interim,
        Some(digits @ [b'2'..=b'9', b'0'..=b'9', b'0'..=b'9']) => {
            let code = |code, digit: u8| code * 10 + u16::from(digit - b'0');
            Status::Final(digits.into_iter().fold(0, code))
        }
        _ => Status::Invalid,
    }
}

/// An integer whose first byte has a prefix of this many bits (RFC 7541, 5.1).
pub fn integer(block: &mut &[u8], prefix: u32) -> Option<usize> {
    let mask = (1_usize << prefix) - 1;
    let (first, mut rest) = block.split_first()?;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        for shift in [0, 7, 14, 21] {
            let (next, behind) = rest.split_first()?;
            rest = behind;
            value += usize::from(next & 0x7f) << shift;
            if next & 0x80 == 0 {
                break;
            }
        }
    }
    *block = rest;
    Some(value)
}

/// Whether a string is in Huffman's code, and its length (RFC 7541, 5.2).
fn string(block: &mut &[u8]) -> Option<(bool, usize)> {
    let is_coded = block.first()? & 0x80 != 0;
    Some((is_coded, integer(block, 7)?))
}

/// Three digits in Huffman's code (RFC 7541, B): 0 to 2 in five bits as themselves, 3 to 9 in six
/// from 011001 on.
fn decoded(value: &[u8]) -> Option<[u8; 3]> {
    let mut bits = value
        .iter()
        .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut left = u32::try_from(value.len()).ok()? * 8;
    if left > 24 {
        return None;
    }
    let mut digits = [0; 3];
    for digit in &mut digits {
        let take = |n: u32| Some(u8::try_from(bits >> left.checked_sub(n)?).unwrap_or(u8::MAX));
        let (code, length) = match take(5)? {
            code @ 0..=2 => (code, 5),
            _ => (take(6)?.checked_sub(0b01_0110).filter(|code| *code > 2)?, 6),
        };
        *digit = b'0'.checked_add(code).filter(u8::is_ascii_digit)?;
        left -= length;
        bits &= (1 << left) - 1;
    }
    // What is left are fewer than eight bits of padding, all ones.
    (left < 8 && bits == (1 << left) - 1).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_status_is_read_however_it_is_cut() {
        use Status::{Final, Interim, Invalid, Unknown};
        for (block, expected) in [
            (&[0x88][..], Final(200)),
            (&[0x8e], Final(500)),
            (&[0x20, 0x3f, 0xe1, 0x1f, 0x88], Final(200)),
            // Behind the static table: a status that an interim response brought.
            (&[0xbe], Interim),
            (&[0xff, 0x00], Interim),
            // Pseudo-header fields of requests before it, by index and by name, and nothing but those.
            (&[0x82], Unknown),
            (&[0x82, 0x84, 0x88], Final(200)),
            (&[0x41, 2, b'a', b'b', 0x08, 3, b'1', b'0', b'3'], Interim),
            (
                &[
                    0, 5, b':', b'p', b'a', b't', b'h', 1, b'/', 0, 0x84, 0xb9, 0x58, 0xd3, 0x3f,
                    1, b'/', 0x88,
                ],
                Final(200),
            ),
            (&[0x48, 3, b'4', b'0', b'9'], Final(409)),
            (&[0x08, 3, b'1', b'0', b'3'], Interim),
            (&[0x18, 3, b'1', b'0', b'0'], Interim),
            (&[0x48, 3, b'1', b'0', b'1'], Final(101)),
            (&[0x48, 0x82, 0x08, 0x03], Final(101)),
            (&[0x7e, 3, b'1', b'0', b'1'], Final(101)),
            (&[0x48, 3, b'0', b'9', b'9'], Invalid),
            (&[0x48, 4, b'1', b'0', b'0', b'0'], Invalid),
            (&[0x48, 0], Invalid),
            // The examples of RFC 7541, C.6: 302 and 307.
            (&[0x48, 0x82, 0x64, 0x02], Final(302)),
            (&[0x48, 0x83, 0x64, 0x0e, 0xff], Final(307)),
            // 103, 409 and 999 in the same code.
            (&[0x48, 0x82, 0x08, 0x19], Interim),
            (&[0x48, 0x83, 0x68, 0x0f, 0xff], Final(409)),
            (&[0x48, 0x83, 0x7d, 0xf7, 0xff], Final(999)),
            (&[0x48, 0x81, 0xff], Invalid),
            (
                &[
                    0x00, 7, b':', b's', b't', b'a', b't', b'u', b's', 3, b'1', b'0', b'0',
                ],
                Interim,
            ),
            (&[0x7e, 3, b'2', b'0', b'0'], Final(200)),
            // A server name first.
            (&[0x76, 1, b'x'], Invalid),
        ] {
            for size in 1..=block.len() {
                let mut reader = StatusReader::new();
                for (index, piece) in block.chunks(size).enumerate() {
                    if index > 0 && expected != Invalid {
                        assert_eq!(reader.status(), Unknown, "{block:x?} by {size}");
                    }
                    reader.feed(piece);
                }
                assert_eq!(reader.status(), expected, "{block:x?} by {size}");
            }
        }
    }

    #[test]
    fn a_status_that_does_not_come_is_given_up() {
        let mut reader = StatusReader::new();
        reader.feed(&[0x20; 60]);
        assert_eq!(reader.status(), Status::Unknown);
        reader.feed(&[0x20; 60]);
        assert_eq!(reader.status(), Status::Invalid);
        let mut reader = StatusReader::new();
        reader.end();
        // Trailers, which have none.
        reader.feed(&[0x88]);
        assert_eq!(reader.status(), Status::Invalid);
    }
}
