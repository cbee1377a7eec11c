//! The first line of a response as it arrives, judged as soon as it can be: a peer that sends
//! something else need not be waited for.

use crate::outcome::reason::Reason;

const NAME: &[u8] = b"HTTP/";
const VERSIONS: [&[u8]; 2] = [b"1.1", b"1.0"];
const VERSION_BYTES: usize = 3;

/// What the first bytes of a head are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatusLine {
    /// So far nothing is wrong, and the code is not known.
    Unfinished,
    /// A version that is spoken and this code.
    Code(u16),
    /// No status line of such a version, for this reason.
    Wrong(Reason),
}

impl StatusLine {
    /// So many bytes decide.
    pub const BYTES: usize = 13;

    /// Reads as far as the byte behind the code; the phrase is the parser's to judge.
    pub fn of(bytes: &[u8]) -> Self {
        let Some(rest) = bytes.strip_prefix(NAME) else {
            return match NAME.starts_with(bytes) {
                true => Self::Unfinished,
                false => Self::Wrong(Reason::TransferNotHttp),
            };
        };
        let version = rest.get(..VERSION_BYTES).unwrap_or(rest);
        if !VERSIONS.iter().any(|spoken| spoken.starts_with(version)) {
            return match version {
                [b'0'..=b'9', ..] => Self::Wrong(Reason::TransferHttpVersion),
                _ => Self::Wrong(Reason::TransferNotHttp),
            };
        }
        match rest.get(VERSION_BYTES..) {
            None | Some([]) => Self::Unfinished,
            Some([b' ', code @ ..]) => Self::of_code(code),
            Some([byte, ..]) if byte.is_ascii_whitespace() => {
                Self::Wrong(Reason::TransferStatusInvalid)
            }
            Some(_) => Self::Wrong(Reason::TransferHttpVersion),
        }
    }

    fn of_code(bytes: &[u8]) -> Self {
        let mut code = 0;
        for at in 0..3 {
            match bytes.get(at) {
                None => return Self::Unfinished,
                Some(digit @ b'0'..=b'9') if at > 0 || *digit > b'0' => {
                    code = code * 10 + u16::from(digit - b'0');
                }
                Some(_) => return Self::Wrong(Reason::TransferStatusInvalid),
            }
        }
        match bytes.get(3) {
            None => Self::Unfinished,
            Some(b' ' | b'\r' | b'\n') => Self::Code(code),
            Some(_) => Self::Wrong(Reason::TransferStatusInvalid),
        }
    }

    /// Whether it begins an interim response: 101 is final, since nobody asked for another protocol
    /// (RFC 9110, 15.2).
    pub fn is_interim(self) -> bool {
        matches!(self, Self::Code(100 | 102..=199))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However it is cut, nothing is wrong before the byte that makes it so, and nothing is right
    /// again behind it.
    #[test]
    fn a_status_line_is_judged_at_the_byte_that_decides() {
        use Reason as R;
        let wrong = StatusLine::Wrong;
        for (line, decided_at, expected) in [
            ("HTTP/1.1 200 OK\r\n", 13, StatusLine::Code(200)),
            ("HTTP/1.0 999\r\n", 13, StatusLine::Code(999)),
            ("HTTP/1.1 103\n", 13, StatusLine::Code(103)),
            ("SSH-2.0-x\r\n", 1, wrong(R::TransferNotHttp)),
            ("http/1.1 200 OK\r\n", 1, wrong(R::TransferNotHttp)),
            ("HTTP 200 OK\r\n", 5, wrong(R::TransferNotHttp)),
            ("HTTP/x 200 OK\r\n", 6, wrong(R::TransferNotHttp)),
            ("HTTP/\r\n", 6, wrong(R::TransferNotHttp)),
            ("HTTP/2.0 200 OK\r\n", 6, wrong(R::TransferHttpVersion)),
            ("HTTP/1.2 200 OK\r\n", 8, wrong(R::TransferHttpVersion)),
            ("HTTP/1.1200 OK\r\n", 9, wrong(R::TransferHttpVersion)),
            ("HTTP/1 200 OK\r\n", 7, wrong(R::TransferHttpVersion)),
            ("HTTP/1.1\r\n", 9, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1\t200 OK\r\n", 9, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1  200 OK\r\n", 10, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1 \r\n", 10, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1 099 x\r\n", 10, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1 20\r\n", 12, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1 2x0 x\r\n", 11, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1 1000 x\r\n", 13, wrong(R::TransferStatusInvalid)),
            ("HTTP/1.1 200\tOK\r\n", 13, wrong(R::TransferStatusInvalid)),
        ] {
            for length in 0..=line.len() {
                let found = StatusLine::of(&line.as_bytes()[..length]);
                let expected = match length < decided_at {
                    true => StatusLine::Unfinished,
                    false => expected,
                };
                assert_eq!(found, expected, "{length} bytes of {line:?}");
            }
        }
    }
}
