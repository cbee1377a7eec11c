//! How far the response got, by the frames that were read.

use crate::probe::arrival::Arrival;
use crate::probe::frames::ACK;
use crate::probe::frames::DATA;
use crate::probe::frames::END_HEADERS;
use crate::probe::frames::FrameHeader;
use crate::probe::frames::FrameReader;
use crate::probe::frames::GOAWAY;
use crate::probe::frames::HEADERS;
use crate::probe::frames::PADDED;
use crate::probe::frames::PRIORITY;
use crate::probe::frames::Piece;
use crate::probe::frames::SETTINGS;
use crate::probe::frames::fault::FrameFault;
use crate::probe::frames::status::Status;
use crate::probe::frames::status::StatusReader;
use crate::probe::head::HeadLimit;
use crate::probe::head::MAX_HEAD_BYTES;
use crate::probe::head::MAX_INTERIMS;

/// How many frames that carry nothing of the response a server may send: far more than an honest
/// one does for a small request and a small response.
const IDLE_FRAMES: u64 = 1_000;

/// How many bytes such frames may have.
const IDLE_BYTES: u64 = 1024 * 1024;

/// So many bytes of a body, sent or received, allow one more such frame: a server may widen the
/// window and ask for signs of life as it goes along.
const BODY_BYTES_AN_IDLE_FRAME: u64 = 1024;

/// Frames of other kinds have a longer payload than this only if nobody speaks HTTP/2.
const MAX_FRAME_BYTES: usize = 16 * 1024;

/// Follows what is read: where the final response begins, where its head is complete and where it
/// ends.
#[derive(Debug)]
pub struct ResponseFrames {
    reader: FrameReader,
    frame: FrameHeader,
    /// When the frame that is read began to arrive.
    frame_began: Option<Arrival>,
    has_settings: bool,
    fields: Fields,
    head_bytes: usize,
    interims: u32,
    first_byte: Option<Arrival>,
    is_complete: bool,
    has_goaway: bool,
    is_in_trailers: bool,
    body_bytes: u64,
    idle_frames: u64,
    idle_bytes: u64,
}

impl ResponseFrames {
    /// Begins before the first frame of the answer to a request with a body of `request_bytes`.
    pub fn new(request_bytes: u64) -> Self {
        Self {
            reader: FrameReader::default(),
            frame: FrameHeader::default(),
            frame_began: None,
            has_settings: false,
            fields: Fields::new(),
            head_bytes: 0,
            interims: 0,
            first_byte: None,
            is_complete: false,
            has_goaway: false,
            is_in_trailers: false,
            body_bytes: request_bytes,
            idle_frames: 0,
            idle_bytes: 0,
        }
    }

    /// Takes the bytes that arrived at `at`, and tells whether any of them are of the final
    /// response.
    pub fn feed(&mut self, mut arrived: &[u8], at: Arrival) -> Result<bool, FrameFault> {
        let mut is_any_ours = false;
        while !arrived.is_empty() {
            if self.reader.is_between_frames() {
                self.frame_began = Some(at);
            }
            let Some((piece, is_end)) = self.reader.next(&mut arrived) else {
                if !self.has_settings {
                    check_length(self.reader.begun())?;
                }
                break;
            };
            match piece {
                Piece::Header(header) => self.begin_frame(header)?,
                Piece::Payload(bytes) if self.is_in_head() => self.fields.feed(bytes),
                Piece::Payload(_) => {}
            }
            is_any_ours |= self.frame.is_our_fields() || self.frame.is_ours(DATA);
            if is_end {
                self.end_frame()?;
            }
        }
        Ok(is_any_ours)
    }

    fn is_in_head(&self) -> bool {
        !self.is_complete && self.frame.is_our_fields()
    }

    fn begin_frame(&mut self, header: FrameHeader) -> Result<(), FrameFault> {
        if !self.has_settings {
            check_first(&header)?;
            self.has_settings = true;
        }
        self.frame = header;
        self.has_goaway |= header.kind() == GOAWAY;
        if header.is_our_fields() {
            self.head_bytes += header.bytes.len() + header.length();
            if self.head_bytes > MAX_HEAD_BYTES {
                return Err(FrameFault::Head(HeadLimit::Bytes));
            }
            self.is_in_trailers = self.is_complete;
            if self.is_in_head() {
                if self.first_byte.is_none() {
                    self.first_byte = self.frame_began;
                }
                self.fields.begin_frame(&header);
            }
            return Ok(());
        }
        // Padding is no part of a body, and may be all that there is.
        let most_padding = if header.has(PADDED) { 256 } else { 0 };
        if header.is_ours(DATA) && header.length() > most_padding {
            self.body_bytes += header.length() as u64;
            return Ok(());
        }
        self.idle_frames += 1;
        self.idle_bytes += (header.bytes.len() + header.length()) as u64;
        let more = self.body_bytes / BODY_BYTES_AN_IDLE_FRAME;
        if self.idle_frames > IDLE_FRAMES + more || self.idle_bytes > IDLE_BYTES + 32 * more {
            return Err(FrameFault::Flood);
        }
        Ok(())
    }

    fn end_frame(&mut self) -> Result<(), FrameFault> {
        if !self.is_in_head() || !self.frame.has(END_HEADERS) {
            return Ok(());
        }
        if self.fields.status.status() != Status::Interim {
            self.is_complete = true;
            return Ok(());
        }
        self.fields = Fields::new();
        self.first_byte = None;
        self.interims += 1;
        if self.interims > MAX_INTERIMS {
            return Err(FrameFault::Head(HeadLimit::Interims));
        }
        Ok(())
    }

    /// When the first byte of the final response arrived. As long as its status is unknown, a head
    /// counts as final.
    pub fn first_byte(&self) -> Option<Arrival> {
        let is_interim = self.fields.status.status() == Status::Interim;
        self.first_byte.filter(|_| !is_interim)
    }

    /// Whether the head of the final response has arrived whole.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether the status of the final response is none.
    pub fn has_invalid_status(&self) -> bool {
        self.fields.status.status() == Status::Invalid
    }

    /// Whether the head is so large that fields, each of which counts 32 bytes more (RFC 9113,
    /// 10.5.1), may have broken the bound.
    pub fn has_large_head(&self) -> bool {
        self.head_bytes > MAX_HEAD_BYTES / 4
    }

    /// Whether fields came behind the body.
    pub fn is_in_trailers(&self) -> bool {
        self.is_in_trailers
    }

    /// Whether the server announced that it closes the connection.
    pub fn has_goaway(&self) -> bool {
        self.has_goaway
    }
}

/// Checks the length that the first frame begins with: h2 refuses one that is too large as soon as it
/// is there, and it may be all that is.
fn check_length(begun: &[u8]) -> Result<(), FrameFault> {
    match begun {
        [b'H', b'T', b'T', ..] => Err(FrameFault::Http1),
        &[a, b, c, ..] if u32::from_be_bytes([0, a, b, c]) as usize > MAX_FRAME_BYTES => {
            Err(FrameFault::NotHttp)
        }
        _ => Ok(()),
    }
}

/// Checks that the first frame is that of a server which speaks HTTP/2 (RFC 9113, 3.4).
fn check_first(header: &FrameHeader) -> Result<(), FrameFault> {
    check_length(&header.bytes)?;
    if header.kind() > 9 {
        Err(FrameFault::NotHttp)
    } else if header.kind() != SETTINGS || header.has(ACK) {
        Err(FrameFault::NoSettings)
    } else {
        Ok(())
    }
}

/// The block of fields within frames that may have padding and a priority around it.
#[derive(Debug)]
struct Fields {
    status: StatusReader,
    /// Whether a length of padding is still to come.
    awaits_padding: bool,
    /// How many bytes of a priority are still to come.
    priority_left: usize,
    /// How many bytes of the frame are neither of those nor padding.
    left: usize,
}

impl Fields {
    fn new() -> Self {
        Self {
            status: StatusReader::new(),
            awaits_padding: false,
            priority_left: 0,
            left: 0,
        }
    }

    fn begin_frame(&mut self, header: &FrameHeader) {
        let begins = header.is_ours(HEADERS);
        self.awaits_padding = begins && header.has(PADDED);
        self.priority_left = if begins && header.has(PRIORITY) { 5 } else { 0 };
        let around = usize::from(self.awaits_padding) + self.priority_left;
        self.left = header.length().saturating_sub(around);
    }

    fn feed(&mut self, mut payload: &[u8]) {
        if self.awaits_padding
            && let Some((padding, rest)) = payload.split_first()
        {
            self.awaits_padding = false;
            self.left = self.left.saturating_sub(usize::from(*padding));
            payload = rest;
        }
        let (priority, rest) = payload.split_at(self.priority_left.min(payload.len()));
        self.priority_left -= priority.len();
        let block = rest.get(..self.left.min(rest.len())).unwrap_or_default();
        self.left -= block.len();
        self.status.feed(block);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::probe::frames::END_STREAM;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let stream = u8::from(kind < 2 || kind == 9);
        [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    }

    #[test]
    fn the_first_byte_is_that_of_the_final_head_however_it_is_cut() {
        let interim = [0x48, 3, b'1', b'0', b'3'];
        let before = [
            frame(SETTINGS, 0, &[]),
            frame(HEADERS, END_HEADERS, &interim),
            frame(6, 0, &[0; 8]),
            frame(HEADERS, END_HEADERS, &[0xbe]),
        ]
        .concat();
        let head = [
            // Padding, priority, then a status over two frames.
            frame(
                HEADERS,
                PADDED | PRIORITY,
                &[2, 0, 0, 0, 0, 9, 0x48, 3, b'4', 0, 0],
            ),
            frame(9, END_HEADERS, b"09"),
        ]
        .concat();
        let body = [
            frame(DATA, 0, b"bo"),
            frame(SETTINGS, ACK, &[]),
            frame(DATA, END_STREAM, b"dy"),
        ]
        .concat();
        let bytes = [&before[..], &head, &body, &frame(6, 0, &[0; 8])].concat();
        let (first, complete) = (before.len(), before.len() + head.len());
        let start = Instant::now();
        for size in 1..=bytes.len() {
            let mut frames = ResponseFrames::new(0);
            let (mut read, mut last) = (0, 0);
            for piece in bytes.chunks(size) {
                let at = Arrival::by_user(start + Duration::from_secs(read as u64));
                if frames.feed(piece, at).expect("nothing is wrong") {
                    last = read;
                }
                read += piece.len();
                assert_eq!(frames.is_complete(), read >= complete, "pieces of {size}");
            }
            let expected = start + Duration::from_secs((first / size * size) as u64);
            assert_eq!(frames.first_byte().map(|byte| byte.at), Some(expected));
            let last_of_body = complete + body.len() - 1;
            assert_eq!(last, last_of_body / size * size, "pieces of {size}");
        }
    }

    #[test]
    fn an_interim_head_is_not_the_first_byte() {
        let now = Arrival::by_user(Instant::now());
        let interim = frame(HEADERS, END_HEADERS, &[0x48, 3, b'1', b'0', b'3']);
        let bytes = [frame(SETTINGS, 0, &[]), interim].concat();
        let mut frames = ResponseFrames::new(0);
        let mut firsts = Vec::new();
        for piece in bytes.chunks(1) {
            frames.feed(piece, now).expect("nothing is wrong");
            firsts.push(frames.first_byte().is_some());
        }
        assert!(firsts[9 + 9], "its status is unknown yet");
        assert!(!firsts[bytes.len() - 1]);
    }

    #[test]
    fn bounds_are_kept() {
        use FrameFault as F;
        let now = Arrival::by_user(Instant::now());
        let interim = frame(HEADERS, END_HEADERS, &[0x48, 3, b'1', b'0', b'3']);
        let settings = frame(SETTINGS, 0, &[]);
        for (bytes, expected) in [
            (b"HTTP/1.1 400 Bad Request".to_vec(), Err(F::Http1)),
            (b"SSH-2.0-OpenSSH".to_vec(), Err(F::NotHttp)),
            (vec![0x15, 3, 3, 0, 2, 2, 70, 0, 0], Err(F::NotHttp)),
            (frame(6, 0, &[0; 8]), Err(F::NoSettings)),
            (frame(SETTINGS, ACK, &[]), Err(F::NoSettings)),
            (settings.repeat(900), Ok(false)),
            (settings.repeat(1_100), Err(F::Flood)),
            (frame(DATA, 0, &[]).repeat(1_100), Err(F::Flood)),
            (frame(DATA, PADDED, &[9; 10]).repeat(1_100), Err(F::Flood)),
            (frame(6, 0, &[0; 16_000]).repeat(70), Err(F::Flood)),
            (
                [frame(DATA, 0, &[0; 4_096]), settings.clone()]
                    .concat()
                    .repeat(4_000),
                Ok(true),
            ),
            (interim.repeat(101), Err(F::Head(HeadLimit::Interims))),
            (
                frame(9, 0, &[0x20; 16_000]).repeat(17),
                Err(F::Head(HeadLimit::Bytes)),
            ),
        ] {
            let bytes = match expected {
                Err(F::Http1 | F::NotHttp | F::NoSettings) => bytes,
                _ => [settings.clone(), bytes].concat(),
            };
            let mut frames = ResponseFrames::new(0);
            assert_eq!(frames.feed(&bytes, now), expected);
        }
        let mut after_upload = ResponseFrames::new(64 << 20);
        let updates = [settings, frame(8, 0, &[0; 4]).repeat(60_000)].concat();
        assert_eq!(after_upload.feed(&updates, now), Ok(false));
    }
}
