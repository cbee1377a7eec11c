//! Where a head ends: behind its first empty line. Bare line feeds will do (RFC 9112, 2.2).

/// What the bytes of a head ended with, as far as they arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum EndOfHead {
    /// Within a line.
    #[default]
    InLine,
    /// A line feed.
    AfterLine,
    /// A line feed and a carriage return.
    AfterReturn,
}

impl EndOfHead {
    /// How many of the bytes are of the head, if it ends among them; the next ones are of another then.
    pub fn find(&mut self, arrived: &[u8]) -> Option<usize> {
        for (at, byte) in arrived.iter().enumerate() {
            *self = match (byte, *self) {
                (b'\n', Self::InLine) => Self::AfterLine,
                (b'\r', Self::AfterLine) => Self::AfterReturn,
                (b'\n', Self::AfterLine | Self::AfterReturn) => {
                    *self = Self::InLine;
                    return Some(at + 1);
                }
                _ => Self::InLine,
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_behind_its_first_empty_line_however_it_is_cut() {
        for (head, behind) in [
            ("A: b\r\n\r\n", "body\r\n\r\n"),
            ("A: b\n\n", "\n"),
            ("A: b\n\r\n", ""),
            ("A: \r\r\n\r\n", "x"),
            ("A: b\n\rC: d\r\n\n", "x"),
            ("A: b\n\r\r\n\r\n", "x"),
        ] {
            let bytes = [head, behind].concat();
            for size in 1..=bytes.len() {
                let mut end = EndOfHead::default();
                let found = bytes.as_bytes().chunks(size).enumerate();
                let mut found = found.filter_map(|(n, piece)| Some(n * size + end.find(piece)?));
                assert_eq!(
                    found.next(),
                    Some(head.len()),
                    "{head:?} in pieces of {size}"
                );
            }
        }
        assert_eq!(EndOfHead::default().find(b"A: b\r\nC: d\r\n\r"), None);
    }
}
