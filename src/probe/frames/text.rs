//! Strings in blocks of fields as they are sent, in Huffman's code or not, and the names among them
//! that matter.

use crate::probe::frames::huffman::decoded_digits;
use crate::probe::frames::huffman::decoded_length;
use crate::probe::frames::huffman::has_end;
use crate::probe::frames::status::integer;

/// Names in Huffman's code (RFC 7541, B), and as they are.
const STATUS: [&[u8]; 2] = [b"\xb8\x84\x8d\x36\xa3", b":status"];
const LENGTH: [&[u8]; 2] = [
    b"\x21\xea\x49\x6a\x4a\xd4\x16\xa9\x93\x3f",
    b"content-length",
];

/// The names that matter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Name {
    /// That of the status.
    Status,
    /// That of the length of the body.
    Length,
    /// Another one that begins with a colon.
    Pseudo,
    /// All others.
    Other,
}

/// A string as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whether they are in Huffman's code.
    pub is_coded: bool,
}

impl Text<'_> {
    /// How long it is at most when it is decoded: the shortest code has five bits.
    pub fn size(self) -> usize {
        match self.is_coded {
            true => self.bytes.len() * 8 / 5,
            false => self.bytes.len(),
        }
    }

    /// How long it is when it is decoded.
    pub fn exact_size(self) -> usize {
        match self.is_coded {
            true => decoded_length(self.bytes),
            false => self.bytes.len(),
        }
    }

    /// Which name it is.
    pub fn name(self) -> Name {
        if STATUS.contains(&self.bytes) {
            Name::Status
        } else if LENGTH.contains(&self.bytes) {
            Name::Length
        } else if self.begins_with_colon() {
            Name::Pseudo
        } else {
            Name::Other
        }
    }

    /// A colon has seven bits in Huffman's code.
    fn begins_with_colon(self) -> bool {
        match self.bytes.first() {
            Some(first) if self.is_coded => first >> 1 == 0b101_1100,
            first => first == Some(&b':'),
        }
    }

    /// The digits, if it has nothing else and not more of them; none has more than eight bits.
    fn digits(self, at_most: usize) -> Option<Vec<u8>> {
        if self.bytes.len() > at_most {
            return None;
        }
        let digits = match self.is_coded {
            true => decoded_digits(self.bytes)?,
            false => self.bytes.to_vec(),
        };
        digits.iter().all(u8::is_ascii_digit).then_some(digits)
    }

    /// The number that it is, if it is one. h2 takes no more digits than surely fit, zeros before them
    /// included.
    pub fn number(self) -> Option<u64> {
        const MAX_DIGITS: usize = 19;
        let digits = self.digits(MAX_DIGITS)?;
        if digits.len() > MAX_DIGITS {
            return None;
        }
        std::str::from_utf8(&digits).ok()?.parse().ok()
    }

    /// Whether it is the code of a response.
    pub fn is_status(self) -> bool {
        let digits = self.digits(3);
        matches!(digits.as_deref(), Some([b'1'..=b'9', _, _]))
    }

    /// Whether its code has a sign that no text has: that of its end.
    pub fn has_end(self) -> bool {
        self.is_coded && has_end(self.bytes)
    }
}

/// Takes a string off a block: a bit that tells whether it is in Huffman's code, the length with a prefix
/// of this many bits, and the bytes.
pub fn text<'a>(block: &mut &'a [u8], prefix: u32) -> Option<Text<'a>> {
    let is_coded = block.first()? >> prefix & 1 == 1;
    let length = integer(block, prefix)?;
    let (bytes, rest) = block.split_at_checked(length)?;
    *block = rest;
    Some(Text { bytes, is_coded })
}
