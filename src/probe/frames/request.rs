//! How far the request got, by the frames that were written.

use crate::probe::frames::DATA;
use crate::probe::frames::END_HEADERS;
use crate::probe::frames::END_STREAM;
use crate::probe::frames::FrameHeader;
use crate::probe::frames::FrameReader;
use crate::probe::frames::HEADERS;
use crate::probe::frames::Piece;

/// What a client says first (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Follows what is written until the request is whole: the frame that ends its stream, and all its
/// fields.
#[derive(Debug)]
pub struct RequestFrames {
    preface_left: usize,
    reader: FrameReader,
    frame: FrameHeader,
    ends_stream: bool,
    is_whole: bool,
}

impl RequestFrames {
    /// Begins before the preface.
    pub fn new() -> Self {
        Self {
            preface_left: PREFACE.len(),
            reader: FrameReader::default(),
            frame: FrameHeader::default(),
            ends_stream: false,
            is_whole: false,
        }
    }

    /// Takes note of bytes that were written.
    pub fn wrote(&mut self, bytes: &[u8]) {
        let of_preface = self.preface_left.min(bytes.len());
        self.preface_left -= of_preface;
        let mut bytes = bytes.get(of_preface..).unwrap_or_default();
        while let Some((piece, is_end)) = self.reader.next(&mut bytes) {
            if let Piece::Header(header) = piece {
                self.frame = header;
            }
            if is_end {
                self.end_frame();
            }
        }
    }

    fn end_frame(&mut self) {
        let frame = &self.frame;
        let may_end = frame.is_ours(HEADERS) || frame.is_ours(DATA);
        self.ends_stream |= may_end && frame.has(END_STREAM);
        let more_fields = frame.is_our_fields() && !frame.has(END_HEADERS);
        self.is_whole |= self.ends_stream && !more_fields;
    }

    /// Whether all of the request was written.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_the_last_byte_that_ends_its_stream() {
        let settings = &[0, 0, 0, 4, 0, 0, 0, 0, 0][..];
        let get = [PREFACE, settings, &[0, 0, 2, 1, 5, 0, 0, 0, 1, 9, 9]].concat();
        let put = [
            PREFACE,
            settings,
            &[0, 0, 2, 1, 4, 0, 0, 0, 1, 9, 9],
            &[0, 0, 1, 0, 0, 0, 0, 0, 1, 9],
            &[0, 0, 1, 0, 1, 0, 0, 0, 1, 9],
        ]
        .concat();
        let in_two = [
            PREFACE,
            settings,
            &[0, 0, 2, 1, 1, 0, 0, 0, 1, 9, 9],
            &[0, 0, 1, 9, 4, 0, 0, 0, 1, 9],
        ]
        .concat();
        for request in [get, put, in_two] {
            for size in 1..=request.len() {
                let mut frames = RequestFrames::new();
                for piece in request.chunks(size) {
                    assert!(!frames.is_whole(), "pieces of {size}");
                    frames.wrote(piece);
                }
                assert!(frames.is_whole(), "pieces of {size}");
                frames.wrote(settings);
                assert!(frames.is_whole());
            }
        }
    }
}
