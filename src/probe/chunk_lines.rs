//! The lines around the chunks of a body, read beside hyper, which takes anything for an extension and
//! looks at trailers only when the last of them is there.

use std::error::Error;
use std::fmt;

use crate::outcome::reason::Reason;

/// How far a chunked body got. What hyper minds by itself is left to it: behind that nothing is
/// looked at, as behind the end of the body.
#[derive(Clone, Copy, Debug)]
pub enum ChunkLines {
    /// In the size of a chunk, which is this so far.
    Size(u64),
    /// In its extensions.
    Extension(u64),
    /// In a quoted string there.
    Quoted(u64),
    /// Behind a backslash in one.
    Escaped(u64),
    /// Behind the carriage return of such a line.
    SizeEnd(u64),
    /// In a chunk, with so many bytes to come, its line end among them.
    Data(u64),
    /// At the beginning of a trailer or of the last line.
    Trailer,
    /// In the name of a trailer.
    Name,
    /// In its value.
    Value,
    /// Behind its carriage return.
    TrailerEnd,
    /// Over, or not chunked at all.
    Over,
}

impl ChunkLines {
    /// What is to be followed behind a head.
    pub fn of_body(is_chunked: bool) -> Self {
        match is_chunked {
            true => Self::Size(0),
            false => Self::Over,
        }
    }

    /// Follows what arrived. A fault comes with the number of bytes ahead of it.
    pub fn feed(&mut self, arrived: &[u8]) -> Result<(), (usize, ChunkFault)> {
        let mut at = 0;
        while let Some(&byte) = arrived.get(at) {
            match self {
                Self::Over => break,
                Self::Data(left) => {
                    // The bytes of a chunk are passed over at once.
                    let rest = arrived.len() - at;
                    let passed = usize::try_from(*left).map_or(rest, |left| left.min(rest));
                    *left -= passed as u64;
                    at += passed;
                    if *left == 0 {
                        *self = Self::Size(0);
                    }
                }
                _ => {
                    let next = self.behind(byte);
                    *self = *next.as_ref().unwrap_or(&Self::Over);
                    next.map_err(|fault| (at, fault))?;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    fn behind(self, byte: u8) -> Result<Self, ChunkFault> {
        Ok(match (self, byte) {
            (Self::Size(size), b'\t' | b' ') => Self::Size(size),
            (Self::Size(size), b';') => Self::Extension(size),
            (Self::Size(size) | Self::Extension(size), b'\r') => Self::SizeEnd(size),
            (Self::Size(size), digit) => with_digit(size, digit).map_or(Self::Over, Self::Size),
            (Self::Extension(_) | Self::Quoted(_) | Self::Escaped(_), b'\n') => Self::Over,
            // Some take such a string on into the next line, and the chunk for a part of it.
            (Self::Quoted(_) | Self::Escaped(_), b'\r') => return Err(ChunkFault::Quote),
            (Self::Extension(_) | Self::Quoted(_) | Self::Escaped(_), byte) if !is_text(byte) => {
                return Err(ChunkFault::Extension);
            }
            (Self::Extension(size), b'"') => Self::Quoted(size),
            (Self::Extension(size), _) | (Self::Quoted(size), b'"') => Self::Extension(size),
            (Self::Quoted(size), b'\\') => Self::Escaped(size),
            (Self::Quoted(size) | Self::Escaped(size), _) => Self::Quoted(size),
            (Self::SizeEnd(0), b'\n') => Self::Trailer,
            (Self::SizeEnd(size), b'\n') => Self::Data(size.saturating_add(2)),
            (Self::Trailer | Self::Value, b'\n') => return Err(ChunkFault::LineFeed),
            (Self::Trailer, b'\r') => Self::Over,
            (Self::Name, b':') => Self::Value,
            (Self::Trailer | Self::Name, byte) if is_of_token(byte) => Self::Name,
            (Self::Trailer | Self::Name, _) => return Err(ChunkFault::Name),
            (Self::Value, b'\r') => Self::TrailerEnd,
            (Self::Value, byte) if is_text(byte) => Self::Value,
            (Self::Value, _) => return Err(ChunkFault::Value),
            (Self::TrailerEnd, b'\n') => Self::Trailer,
            (Self::SizeEnd(_) | Self::TrailerEnd | Self::Data(_) | Self::Over, _) => Self::Over,
        })
    }
}

/// The size with one more digit, unless that is none or the size too large for hyper.
fn with_digit(size: u64, digit: u8) -> Option<u64> {
    let digit = char::from(digit).to_digit(16)?;
    size.checked_mul(16)?.checked_add(digit.into())
}

/// Whether values of fields and extensions may have it (RFC 9110, 5.5 and 5.6.4).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// Whether names of fields may have it (RFC 9110, 5.6.2).
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What is wrong with a line of a chunked body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChunkFault {
    /// A byte in an extension.
    Extension,
    /// A quoted string in an extension that its line does not end.
    Quote,
    /// A trailer that is none.
    Name,
    /// A byte in the value of a trailer.
    Value,
    /// A line feed where both characters of a line end should be.
    LineFeed,
}

impl ChunkFault {
    /// The reason of the failure.
    pub fn reason(self) -> Reason {
        Reason::TransferChunkInvalid
    }
}

impl fmt::Display for ChunkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extension => "a control character in an extension of a chunk",
            Self::Quote => "a quoted string in an extension of a chunk does not end",
            Self::Name => "a line behind the last chunk has no name and colon",
            Self::Value => "a control character in a trailer",
            Self::LineFeed => "a bare line feed behind the last chunk",
        })
    }
}

impl Error for ChunkFault {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the body is broken and how, if it comes in pieces of this size.
    fn fault(body: &[u8], size: usize) -> Option<(usize, ChunkFault)> {
        let mut lines = ChunkLines::of_body(true);
        body.chunks(size).enumerate().find_map(|(n, piece)| {
            let (ahead, fault) = lines.feed(piece).err()?;
            Some((n * size + ahead, fault))
        })
    }

    #[test]
    fn a_fault_is_found_where_it_stands_however_the_body_is_cut() {
        use ChunkFault as F;
        for (ahead, behind, expected) in [
            ("4;a", "\0b\r\nhalf\r\n0\r\n\r\n", F::Extension),
            ("4;a=\"", "\x7f\"\r\nhalf", F::Extension),
            ("4\r\nha\0f\r\n0;", "\x01\r\n\r\n", F::Extension),
            ("4;a=\"b", "\r\nhalf", F::Quote),
            ("4;a=\"b\\\"", "\r\nhalf", F::Quote),
            ("A\r\n\n\n\n\n\n\n\n\n\n\n\r\n0\r\n", "\n", F::LineFeed),
            ("0\r\nA: b", "\n\r\n", F::LineFeed),
            ("0\r\nA: b\r\n", "\n", F::LineFeed),
            ("0\r\ngarbage", "\r\n", F::Name),
            ("0\r\nA", " : b\r\n\r\n", F::Name),
            ("0\r\n", ": b\r\n\r\n", F::Name),
            ("0\r\nA: b\r\n", " c\r\n\r\n", F::Name),
            ("0\r\nA: b\r\n", "\u{c4}: b\r\n\r\n", F::Name),
            ("0\r\n", "\0\0\0", F::Name),
            ("0\r\nA: ", "\0", F::Value),
        ] {
            let body = [ahead, behind].concat();
            for size in 1..=body.len() {
                let found = fault(body.as_bytes(), size);
                let expected = Some((ahead.len(), expected));
                assert_eq!(found, expected, "{body:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_is_right_or_for_hyper_to_mind_passes() {
        for body in [
            "0004 \t;a;b=c\t;\u{e4}=\"\\\"\u{e4};\\\\\"\r\nhalf\r\nA\r\n0123456789\r\n00;e\r\n\r\n\0\n",
            "0\r\nA:b\r\nx-!~:\r\nC: \t\u{e4} d\r\n\r\n\0\n",
            "4\nhalf\n0\n\n",
            "4;a\nb\0",
            "4 \0",
            "10000000000000000\r\n\0",
            "ffffffffffffffff;a\r\n\0\0\0\0\n\n\n",
            "4\rx;\0",
            "0\r\n\rX: \0",
            "0\r\nA: b\r\r\n\0",
        ] {
            for size in 1..=body.len() {
                assert_eq!(
                    fault(body.as_bytes(), size),
                    None,
                    "{body:?} in pieces of {size}"
                );
            }
        }
        assert_eq!(ChunkLines::of_body(false).feed(b"4;\0"), Ok(()));
    }
}
