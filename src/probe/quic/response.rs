//! HTTP/3 as it arrives on the stream of the request, frame by frame (RFC 9114, 7.1): where the final
//! response begins and whether it ends where it may, which the client above does not tell.

use crate::probe::arrival::Arrival;
use crate::probe::frames::Budget;
use crate::probe::frames::Status;
use crate::probe::frames::StatusReader;
use crate::probe::head::HeadFault;
use crate::probe::head::MAX_HEAD_BYTES;
use crate::probe::head::MAX_INTERIMS;
use crate::probe::quic::block;
use crate::probe::quic::fault::StreamFault;
use crate::probe::quic::status;

const DATA: u64 = 0;
const HEADERS: u64 = 1;

/// The longest header of a frame: two integers (RFC 9000, 16).
const MAX_HEADER_BYTES: usize = 16;

/// Follows the stream: interim heads, a head, a body, and perhaps trailers.
#[derive(Debug)]
pub struct ResponseStream {
    header: [u8; MAX_HEADER_BYTES],
    header_read: usize,
    kind: u64,
    payload_left: u64,
    /// When the frame that is read began to arrive, and where in what was fed last.
    frame_began: Option<Arrival>,
    frame_from: usize,
    /// The status of the head that is read or was read last.
    status: StatusReader,
    /// The fields of the head or of the trailers that are read.
    block: Vec<u8>,
    interims: u32,
    head_bytes: u64,
    first_byte: Option<Arrival>,
    is_complete: bool,
    has_trailers: bool,
    is_over: bool,
    body_bytes: u64,
    budget: Budget,
}

impl ResponseStream {
    /// Begins before the first frame of the answer to a request with a body of `request_bytes`.
    pub fn new(request_bytes: u64) -> Self {
        Self {
            header: [0; MAX_HEADER_BYTES],
            header_read: 0,
            kind: 0,
            payload_left: 0,
            frame_began: None,
            frame_from: 0,
            status: StatusReader::with(status::read),
            block: Vec::new(),
            interims: 0,
            head_bytes: 0,
            first_byte: None,
            is_complete: false,
            has_trailers: false,
            is_over: false,
            body_bytes: 0,
            budget: Budget::new(request_bytes),
        }
    }

    /// Takes the bytes that arrived at `at`, and tells whether any of them are of the final
    /// response.
    pub fn feed(&mut self, mut arrived: &[u8], at: Arrival) -> Result<bool, StreamFault> {
        let length = arrived.len();
        let mut is_any_ours = false;
        self.frame_from = 0;
        while !arrived.is_empty() {
            if self.payload_left == 0 {
                if self.header_read == 0 {
                    self.frame_began = Some(at);
                    self.frame_from = length - arrived.len();
                }
                let Some((kind, payload)) = self.next_header(&mut arrived) else {
                    break;
                };
                (self.kind, self.payload_left) = (kind, payload);
                self.begin_frame()?;
            } else {
                let taken = arrived.len().min(clamped(self.payload_left));
                let (payload, rest) = arrived.split_at(taken);
                arrived = rest;
                self.payload_left -= taken as u64;
                match self.kind {
                    HEADERS => self.take_fields(payload),
                    DATA => self.body_bytes += taken as u64,
                    _ => {}
                }
            }
            is_any_ours |= matches!(self.kind, HEADERS | DATA);
            if self.payload_left == 0 {
                self.end_frame()?;
            }
        }
        Ok(is_any_ours && self.first_byte().is_some())
    }

    fn take_fields(&mut self, fields: &[u8]) {
        self.block.extend_from_slice(fields);
        if !self.is_complete {
            self.status.feed(fields);
        }
    }

    /// The kind of the next frame and the length of its payload, once its header is there.
    fn next_header(&mut self, arrived: &mut &[u8]) -> Option<(u64, u64)> {
        while let Some((first, rest)) = arrived.split_first() {
            *arrived = rest;
            if let Some(place) = self.header.get_mut(self.header_read) {
                *place = *first;
            }
            self.header_read += 1;
            let mut header = self.header.get(..self.header_read).unwrap_or_default();
            if let Some(kind) = integer(&mut header)
                && let Some(payload) = integer(&mut header)
            {
                self.header_read = 0;
                return Some((kind, payload));
            }
        }
        None
    }

    fn begin_frame(&mut self) -> Result<(), StreamFault> {
        let payload = self.payload_left;
        match self.kind {
            HEADERS if self.has_trailers => Err(StreamFault::Order),
            HEADERS => {
                self.head_bytes = self.head_bytes.saturating_add(2 + payload);
                if self.head_bytes > MAX_HEAD_BYTES as u64 {
                    return Err(StreamFault::Head(HeadFault::Bytes));
                }
                if self.is_complete {
                    self.has_trailers = true;
                } else {
                    self.status = StatusReader::with(status::read);
                    self.first_byte = self.frame_began;
                }
                Ok(())
            }
            DATA if !self.is_complete || self.has_trailers => Err(StreamFault::Order),
            DATA => self
                .budget
                .take_data(clamped(payload), 0)
                .map_err(|_| StreamFault::Flood),
            // The client would wait for all of it, and keep it.
            _ if payload > MAX_HEAD_BYTES as u64 => Err(StreamFault::Flood),
            _ => self
                .budget
                .take_idle(2 + clamped(payload))
                .map_err(|_| StreamFault::Flood),
        }
    }

    fn end_frame(&mut self) -> Result<(), StreamFault> {
        if self.kind != HEADERS {
            return Ok(());
        }
        let fault = block::fault(&std::mem::take(&mut self.block), self.is_complete);
        if self.status.status() != Status::Interim {
            self.is_complete = true;
        } else {
            self.interims += 1;
            if self.interims > MAX_INTERIMS {
                return Err(StreamFault::Head(HeadFault::Interims));
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// Takes note that the server finished the stream.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether the server finished the stream.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether what arrived last is the beginning of a frame that is not whole.
    pub fn is_within_frame(&self) -> bool {
        self.payload_left > 0 || self.header_read > 0
    }

    /// When the first byte of the final response arrived. As long as its status is unknown, a head
    /// counts as final.
    pub fn first_byte(&self) -> Option<Arrival> {
        let is_interim = self.status.status() == Status::Interim;
        self.first_byte.filter(|_| !is_interim)
    }

    /// Whether the head of the final response has arrived whole.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many bytes of the body arrived.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// The code of the final response, if its head arrived whole and has one.
    pub fn code(&self) -> Option<u16> {
        match self.status.status() {
            Status::Final(code) if self.is_complete => Some(code),
            _ => None,
        }
    }

    /// Where the frame that is read begins in what was fed last; 0 if it began before.
    pub fn frame_from(&self) -> usize {
        self.frame_from
    }
}

/// A length as far as it can be one here.
fn clamped(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// An integer whose first two bits tell how many bytes it has (RFC 9000, 16).
pub fn integer(bytes: &mut &[u8]) -> Option<u64> {
    let length = 1_usize << (bytes.first()? >> 6);
    let (integer, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    let (first, others) = integer.split_first()?;
    let begun = u64::from(first & 0x3f);
    Some(
        others
            .iter()
            .fold(begun, |value, byte| value << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::probe::quic::fault::StreamFault::{Flood, Head, Order, Pseudo, Status};

    /// What a stream came to: first byte seen, complete, code, bytes of the body, within a frame.
    type Found = (bool, bool, Option<u16>, u64, bool);

    const INTERIM: &[u8] = &[1, 3, 0, 0, 0xd8];
    const OK: &[u8] = &[1, 3, 0, 0, 0xd9];
    const TRAILERS: &[u8] = &[1, 6, 0, 0, 0x21, b'a', 1, b'b'];
    const CONFLICT: &[u8] = &[1, 8, 0, 0, 0x5f, 9, 3, b'4', b'0', b'9'];

    fn feed(bytes: &[u8], size: usize) -> Result<Found, StreamFault> {
        let mut stream = ResponseStream::new(0);
        for piece in bytes.chunks(size) {
            stream.feed(piece, Arrival::by_user(Instant::now()))?;
        }
        Ok((
            stream.first_byte().is_some(),
            stream.is_complete(),
            stream.code(),
            stream.body_bytes(),
            stream.is_within_frame(),
        ))
    }

    #[test]
    fn a_response_is_found_however_it_is_cut() {
        // Two bytes where one would do.
        let wide = &[0x40, 1, 0x40, 3, 0, 0, 0xd9][..];
        for (bytes, expected) in [
            (&[][..], Ok((false, false, None, 0, false))),
            (OK, Ok((true, true, Some(200), 0, false))),
            (wide, Ok((true, true, Some(200), 0, false))),
            (&OK[..3], Ok((true, false, None, 0, true))),
            (INTERIM, Ok((false, false, None, 0, false))),
            (
                &[INTERIM, OK].concat(),
                Ok((true, true, Some(200), 0, false)),
            ),
            (
                &[OK, &[0, 2, 7, 7]].concat(),
                Ok((true, true, Some(200), 2, false)),
            ),
            (
                &[OK, &[0, 2, 7]].concat(),
                Ok((true, true, Some(200), 1, true)),
            ),
            (
                &[OK, &[0, 0], TRAILERS].concat(),
                Ok((true, true, Some(200), 0, false)),
            ),
            (&[OK, TRAILERS, &[0, 0]].concat(), Err(Order)),
            (&[OK, TRAILERS, TRAILERS].concat(), Err(Order)),
            (&[OK, OK].concat(), Err(Pseudo)),
            (TRAILERS, Err(Status)),
            (&[1, 4, 0, 0, 0xd8, 0xd9], Err(Status)),
            (&[0, 1, 7], Err(Order)),
            (
                &[&[0x21, 2, 0, 0], OK].concat(),
                Ok((true, true, Some(200), 0, false)),
            ),
            (&[0x21, 0x80, 0x10, 0, 0], Err(Flood)),
            (&[0x21, 0].repeat(2_000), Err(Flood)),
            (&[1, 0x80, 0x10, 0, 0], Err(Head(HeadFault::Bytes))),
            (&INTERIM.repeat(101), Err(Head(HeadFault::Interims))),
        ] {
            for size in [1, 2, 3, 1_000] {
                assert_eq!(feed(bytes, size), expected, "{bytes:x?} by {size}");
            }
        }
    }

    #[test]
    fn a_code_is_known_with_its_head() {
        assert_eq!(feed(CONFLICT, 4), Ok((true, true, Some(409), 0, false)));
    }

    #[test]
    fn what_comes_ahead_of_a_fault_is_told() {
        let mut stream = ResponseStream::new(0);
        let bytes = [OK, &[0, 1, 7], TRAILERS, TRAILERS].concat();
        let at = Arrival::by_user(Instant::now());
        assert_eq!(stream.feed(&bytes, at), Err(Order));
        assert_eq!(stream.frame_from(), bytes.len() - TRAILERS.len());
    }
}
