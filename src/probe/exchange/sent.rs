//! How far the request got as it is written, in either version of HTTP.

use crate::probe::frames::RequestFrames;

/// What follows the request below the client that writes it.
#[derive(Debug)]
pub enum RequestProgress {
    /// The text of HTTP/1.
    Text(RequestText),
    /// The frames of HTTP/2.
    Frames(RequestFrames),
}

impl RequestProgress {
    /// A request of HTTP/1 with a body of `body_bytes`.
    pub fn of_text(body_bytes: u64) -> Self {
        Self::Text(RequestText::new(body_bytes))
    }

    /// A request of HTTP/2.
    pub fn of_frames() -> Self {
        Self::Frames(RequestFrames::new())
    }

    /// Takes note of a write that took so many bytes of `slices`.
    pub fn wrote<'a>(&mut self, slices: impl Iterator<Item = &'a [u8]>, mut written: usize) {
        for slice in slices {
            let taken = slice.get(..written.min(slice.len())).unwrap_or_default();
            written -= taken.len();
            match self {
                Self::Text(text) => text.wrote(taken),
                Self::Frames(frames) => frames.wrote(taken),
            }
        }
    }

    /// Whether all of the request was written.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Text(text) => text.is_whole(),
            Self::Frames(frames) => frames.is_whole(),
        }
    }
}

/// Counts a request of HTTP/1: a head up to the empty line, then a body of known length.
#[derive(Debug)]
pub struct RequestText {
    /// How many bytes of `\r\n\r\n` the head so far ends with.
    matched: usize,
    body_left: u64,
}

impl RequestText {
    const END: [u8; 4] = *b"\r\n\r\n";

    fn new(body_bytes: u64) -> Self {
        Self {
            matched: 0,
            body_left: body_bytes,
        }
    }

    fn wrote(&mut self, mut rest: &[u8]) {
        while let [byte, behind @ ..] = rest
            && self.matched < Self::END.len()
        {
            self.matched = match byte {
                byte if Self::END.get(self.matched) == Some(byte) => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            rest = behind;
        }
        self.body_left = self.body_left.saturating_sub(rest.len() as u64);
    }

    fn is_whole(&self) -> bool {
        self.matched == Self::END.len() && self.body_left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_last_byte_however_it_is_cut() {
        let request = b"PUT / HTTP/1.1\r\nHost: a\r\nX: \r\r\n\r\nbody\r\n\r\n";
        let body = b"body\r\n\r\n".len() as u64;
        for size in 1..=request.len() {
            let mut progress = RequestProgress::of_text(body);
            let mut sent = 0;
            for piece in request.chunks(size) {
                assert!(!progress.is_whole(), "after {sent} bytes");
                progress.wrote([piece].into_iter(), piece.len());
                sent += piece.len();
            }
            assert!(progress.is_whole(), "pieces of {size}");
        }
    }

    #[test]
    fn only_what_was_written_counts() {
        let (head, body) = (&b"GET / HTTP/1.1\r\n\r\n"[..], &b"abc"[..]);
        let mut progress = RequestProgress::of_text(3);
        progress.wrote([head, body].into_iter(), head.len() + 2);
        assert!(!progress.is_whole());
        progress.wrote([&b"c"[..]].into_iter(), 1);
        assert!(progress.is_whole());
    }
}
