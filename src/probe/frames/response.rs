//! How far the response got, by the frames that were read.

use crate::probe::arrival::Arrival;
use crate::probe::frames::ACK;
use crate::probe::frames::DATA;
use crate::probe::frames::END_HEADERS;
use crate::probe::frames::END_STREAM;
use crate::probe::frames::FrameHeader;
use crate::probe::frames::FrameReader;
use crate::probe::frames::PADDED;
use crate::probe::frames::Piece;
use crate::probe::frames::SETTINGS;
use crate::probe::frames::block::BlockFault;
use crate::probe::frames::budget::Budget;
use crate::probe::frames::control::Control;
use crate::probe::frames::fault::FrameFault;
use crate::probe::frames::fields::Fields;
use crate::probe::frames::status::Status;
use crate::probe::head::HeadFault;
use crate::probe::head::MAX_HEAD_BYTES;
use crate::probe::head::MAX_INTERIMS;

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
    /// Whether the server chose HTTP/2 in the handshake of TLS.
    is_agreed: bool,
    has_begun: bool,
    /// What is said of the connection.
    pub control: Control,
    fields: Fields,
    /// Whether the head says that no body follows.
    ends_stream: bool,
    head_bytes: usize,
    interims: u32,
    first_byte: Option<Arrival>,
    is_complete: bool,
    is_in_trailers: bool,
    /// Whether the length of the padding of a piece of the body is still to come.
    awaits_padding: bool,
    budget: Budget,
}

impl ResponseFrames {
    /// Begins before the first frame of the answer to a request with a body of `request_bytes`;
    /// `is_agreed` if the server chose HTTP/2 in the handshake of TLS.
    pub fn new(request_bytes: u64, is_agreed: bool) -> Self {
        Self {
            reader: FrameReader::default(),
            frame: FrameHeader::default(),
            frame_began: None,
            is_agreed,
            has_begun: false,
            control: Control::default(),
            fields: Fields::new(),
            ends_stream: false,
            head_bytes: 0,
            interims: 0,
            first_byte: None,
            is_complete: false,
            is_in_trailers: false,
            awaits_padding: false,
            budget: Budget::new(request_bytes),
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
                break;
            };
            match piece {
                Piece::Header(header) => self.begin_frame(header)?,
                Piece::Payload(bytes) if self.is_in_head() => self.fields.feed(bytes),
                Piece::Payload([padding, ..]) if self.awaits_padding => {
                    self.awaits_padding = false;
                    let around = 1 + usize::from(*padding);
                    let data = self.frame.length().saturating_sub(around);
                    self.budget.take_data(data, around)?;
                }
                Piece::Payload(bytes) => self.control.feed(&self.frame, bytes),
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
        if !self.has_begun {
            check_first(&header, self.is_agreed)?;
            self.has_begun = true;
        }
        self.frame = header;
        self.awaits_padding = false;
        self.control.begin_frame(&header);
        if header.is_our_fields() {
            self.head_bytes += header.bytes.len() + header.length();
            if self.head_bytes > MAX_HEAD_BYTES {
                return Err(FrameFault::Head(HeadFault::Bytes));
            }
            self.is_in_trailers = self.is_complete;
            if self.is_in_head() {
                if self.first_byte.is_none() {
                    self.first_byte = self.frame_began;
                }
                self.ends_stream |= header.has(END_STREAM);
                self.fields.begin_frame(&header);
            }
            Ok(())
        } else if !header.is_ours(DATA) {
            self.budget.take_idle(header.bytes.len() + header.length())
        } else if header.has(PADDED) && header.length() > 0 {
            self.awaits_padding = true;
            Ok(())
        } else {
            self.budget.take_data(header.length(), 0)
        }
    }

    fn end_frame(&mut self) -> Result<(), FrameFault> {
        if !self.is_in_head() || !self.frame.has(END_HEADERS) {
            return Ok(());
        }
        if self.fields.status.status() != Status::Interim {
            self.is_complete = true;
            return Ok(());
        }
        self.fields.begin_next();
        self.first_byte = None;
        self.interims += 1;
        if self.interims > MAX_INTERIMS {
            return Err(FrameFault::Interims);
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

    /// What is wrong with the head of the final response, as far as it arrived.
    pub fn fault_of_head(&self) -> Option<BlockFault> {
        self.fields.fault(self.is_complete, self.ends_stream)
    }

    /// Whether the head is so large that its fields may have broken the bound.
    pub fn has_large_head(&self) -> bool {
        self.head_bytes > MAX_HEAD_BYTES / 4 || self.fault_of_head() == Some(BlockFault::Size)
    }

    /// Whether fields came behind the body.
    pub fn is_in_trailers(&self) -> bool {
        self.is_in_trailers
    }
}

/// Checks that the first frame is that of a server which speaks HTTP/2 (RFC 9113, 3.4).
fn check_first(header: &FrameHeader, is_agreed: bool) -> Result<(), FrameFault> {
    if header.bytes.starts_with(b"HTTP/") {
        Err(match is_agreed {
            true => FrameFault::BrokenPromise,
            false => FrameFault::Http1,
        })
    } else if header.kind() > 9 || header.length() > MAX_FRAME_BYTES {
        Err(FrameFault::NotHttp)
    } else if header.kind() != SETTINGS || header.has(ACK) {
        Err(FrameFault::NoSettings)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
