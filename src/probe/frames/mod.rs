//! HTTP/2 as it passes, frame by frame (RFC 9113, 4.1): what of it is the request and what the
//! response, which the client below knows but does not tell.

mod block;
mod budget;
mod control;
mod fault;
mod fields;
mod huffman;
mod pseudo;
mod request;
mod response;
mod rules;
mod status;
mod table;
mod text;
mod window;

pub use crate::probe::frames::block::BlockFault;
pub use crate::probe::frames::budget::Budget;
pub use crate::probe::frames::fault::FrameFault;
pub use crate::probe::frames::request::PREFACE;
pub use crate::probe::frames::request::RequestFrames;
pub use crate::probe::frames::response::ResponseFrames;
pub use crate::probe::frames::status::Status;
pub use crate::probe::frames::status::StatusReader;
pub use crate::probe::frames::status::integer;
pub use crate::probe::frames::status::status_of;
pub use crate::probe::frames::text::Name;
pub use crate::probe::frames::text::Text;
pub use crate::probe::frames::text::text;

/// The stream of the one request that a connection carries.
const STREAM: u32 = 1;

const HEADER_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY_FRAME: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// What every frame begins with.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameHeader {
    bytes: [u8; HEADER_BYTES],
}

impl FrameHeader {
    fn length(&self) -> usize {
        let [a, b, c, ..] = self.bytes;
        u32::from_be_bytes([0, a, b, c]) as usize
    }

    fn kind(&self) -> u8 {
        self.bytes[3]
    }

    fn has(&self, flag: u8) -> bool {
        self.bytes[4] & flag != 0
    }

    fn stream(&self) -> u32 {
        let [.., a, b, c, d] = self.bytes;
        u32::from_be_bytes([a & 0x7f, b, c, d])
    }

    /// Whether it is a frame of this kind on the stream of the request.
    fn is_ours(&self, kind: u8) -> bool {
        self.kind() == kind && self.stream() == STREAM
    }

    /// Whether it carries fields, be it their beginning or more of them.
    fn is_our_fields(&self) -> bool {
        self.is_ours(HEADERS) || self.is_ours(CONTINUATION)
    }
}

/// Where the frames of a stream of bytes begin and end.
#[derive(Debug, Default)]
struct FrameReader {
    header: FrameHeader,
    header_read: usize,
    payload_left: usize,
}

/// What comes next of a frame.
enum Piece<'a> {
    /// Its header is complete.
    Header(FrameHeader),
    /// Some of what is behind it.
    Payload(&'a [u8]),
}

impl FrameReader {
    /// Whether no frame has begun that has not ended.
    fn is_between_frames(&self) -> bool {
        self.header_read == 0
    }

    /// The header of a frame, as far as it arrived.
    fn begun(&self) -> &[u8] {
        self.header
            .bytes
            .get(..self.header_read)
            .unwrap_or_default()
    }

    /// Takes the next piece off `bytes`, with whether the frame ends with it. `None` once they are
    /// used up.
    fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<(Piece<'a>, bool)> {
        while self.header_read < HEADER_BYTES {
            let (first, rest) = bytes.split_first()?;
            *bytes = rest;
            if let Some(place) = self.header.bytes.get_mut(self.header_read) {
                *place = *first;
            }
            self.header_read += 1;
            if self.header_read == HEADER_BYTES {
                self.payload_left = self.header.length();
                return Some((Piece::Header(self.header), self.ends()));
            }
        }
        if bytes.is_empty() {
            return None;
        }
        let (payload, rest) = bytes.split_at(self.payload_left.min(bytes.len()));
        *bytes = rest;
        self.payload_left -= payload.len();
        Some((Piece::Payload(payload), self.ends()))
    }

    fn ends(&mut self) -> bool {
        if self.payload_left > 0 {
            return false;
        }
        self.header_read = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let frames = [
            &[0, 0, 3, DATA, END_STREAM, 0x80, 0, 0, 1, 7, 8, 9][..],
            &[0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0],
            &[0, 1, 1, HEADERS, 0, 0, 0, 0, 3],
            &[5; 257],
        ]
        .concat();
        for size in 1..=frames.len() {
            let mut reader = FrameReader::default();
            let (mut headers, mut payload, mut ends) = (Vec::new(), Vec::new(), 0);
            for mut piece in frames.chunks(size) {
                while let Some((piece, is_end)) = reader.next(&mut piece) {
                    match piece {
                        Piece::Header(header) => {
                            headers.push((header.kind(), header.length(), header.stream()));
                        }
                        Piece::Payload(bytes) => payload.extend_from_slice(bytes),
                    }
                    ends += usize::from(is_end);
                    assert_eq!(is_end, reader.is_between_frames());
                }
            }
            let expected = [(DATA, 3, 1), (SETTINGS, 0, 0), (HEADERS, 257, 3)];
            assert_eq!(headers, expected, "pieces of {size}");
            assert_eq!(payload, [&[7, 8, 9][..], &[5; 257]].concat());
            assert_eq!(ends, 3, "pieces of {size}");
        }
    }
}
