//! How far the response got, by the frames that were read.

use crate::probe::arrival::Arrival;
use crate::probe::frames::ACK;
use crate::probe::frames::DATA;
use crate::probe::frames::END_HEADERS;
use crate::probe::frames::END_STREAM;
use crate::probe::frames::FrameHeader;
use crate::probe::frames::FrameReader;
use crate::probe::frames::HEADERS;
use crate::probe::frames::PADDED;
use crate::probe::frames::Piece;
use crate::probe::frames::SETTINGS;
use crate::probe::frames::block::BlockFault;
use crate::probe::frames::budget::Budget;
use crate::probe::frames::control::Control;
use crate::probe::frames::fault::FrameFault;
use crate::probe::frames::fields::Fields;
use crate::probe::frames::rules;
use crate::probe::frames::rules::MAX_FRAME_BYTES;
use crate::probe::frames::status::Status;
use crate::probe::head::HeadFault;
use crate::probe::head::MAX_HEAD_BYTES;
use crate::probe::head::MAX_INTERIMS;

/// Follows what is read: where the final response begins, where its head is complete and where it
/// ends.
#[derive(Debug)]
pub struct ResponseFrames {
    reader: FrameReader,
    frame: FrameHeader,
    /// When the frame that is read began to arrive.
    frame_began: Option<Arrival>,
    /// Where it begins in what was fed last.
    frame_from: usize,
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
    /// Whether they have ended. Fields behind them are no part of the response, and are not looked at.
    is_over: bool,
    /// Whether the length of the padding of a piece of the body is still to come.
    awaits_padding: bool,
    budget: Budget,
    /// How many frames began since somebody asked.
    new_frames: usize,
}

impl ResponseFrames {
    /// Begins before the first frame of the answer to a request with a body of `request_bytes`;
    /// `is_agreed` if the server chose HTTP/2 in the handshake of TLS.
    pub fn new(request_bytes: u64, is_agreed: bool) -> Self {
        Self {
            reader: FrameReader::default(),
            frame: FrameHeader::default(),
            frame_began: None,
            frame_from: 0,
            is_agreed,
            has_begun: false,
            control: Control::new(request_bytes),
            fields: Fields::new(),
            ends_stream: false,
            head_bytes: 0,
            interims: 0,
            first_byte: None,
            is_complete: false,
            is_in_trailers: false,
            is_over: false,
            awaits_padding: false,
            budget: Budget::new(request_bytes),
            new_frames: 0,
        }
    }

    /// Takes the bytes that arrived at `at`, and tells whether any of them are of the final
    /// response.
    pub fn feed(&mut self, mut arrived: &[u8], at: Arrival) -> Result<bool, FrameFault> {
        let mut is_any_ours = false;
        let length = arrived.len();
        self.frame_from = 0;
        while !arrived.is_empty() {
            if self.reader.is_between_frames() {
                self.frame_began = Some(at);
                self.frame_from = length - arrived.len();
            }
            let Some((piece, is_end)) = self.reader.next(&mut arrived) else {
                if !self.has_begun {
                    check_length(self.reader.begun(), self.is_agreed)?;
                }
                break;
            };
            match piece {
                Piece::Header(header) => self.begin_frame(header)?,
                Piece::Payload(_) if self.is_over && self.frame.is_our_fields() => {}
                Piece::Payload(bytes) if self.frame.is_our_fields() => self.fields.feed(bytes),
                Piece::Payload([padding, ..]) if self.awaits_padding => {
                    self.awaits_padding = false;
                    let around = 1 + usize::from(*padding);
                    let data = self.frame.length().saturating_sub(around);
                    self.budget.take_data(data, around)?;
                }
                Piece::Payload(bytes) => self.control.feed(&self.frame, bytes)?,
            }
            is_any_ours |= self.frame.is_our_fields() || self.frame.is_ours(DATA);
            if is_end {
                self.end_frame()?;
            }
        }
        Ok(is_any_ours)
    }

    fn begin_frame(&mut self, header: FrameHeader) -> Result<(), FrameFault> {
        if !self.has_begun {
            check_first(&header, self.is_agreed)?;
            self.has_begun = true;
        }
        let before = std::mem::replace(&mut self.frame, header);
        self.new_frames += 1;
        rules::check(&header, &before)?;
        if header.is_ours(DATA) && !self.is_complete {
            return Err(FrameFault::Breach("a body comes before its head"));
        }
        self.awaits_padding = false;
        self.control.begin_frame(&header);
        if header.is_our_fields() {
            self.head_bytes += header.bytes.len() + header.length();
            if self.head_bytes > MAX_HEAD_BYTES {
                return Err(FrameFault::Head(HeadFault::Bytes));
            }
            if !self.is_complete {
                if self.first_byte.is_none() {
                    self.first_byte = self.frame_began;
                }
                self.ends_stream |= header.has(END_STREAM);
            } else if !self.is_in_trailers {
                self.is_in_trailers = true;
                self.fields.begin_trailers();
            }
            self.fields.begin_frame(&header);
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
        if !self.frame.is_our_fields() || !self.frame.has(END_HEADERS) || self.is_over {
            return Ok(());
        }
        let pseudo = self.fields.end_block();
        if self.is_in_trailers {
            self.is_over = true;
            // h2 takes them.
            return match pseudo.is_any() {
                true => Err(FrameFault::PseudoInTrailers),
                false => Ok(()),
            };
        }
        let status = self.fields.status.status();
        self.is_complete = status != Status::Interim;
        if self.is_complete && !self.control.has_settings() {
            return Err(FrameFault::NoSettings);
        }
        // h2 takes these fields as well, and 101 for an interim response.
        if pseudo.has_others {
            return Err(FrameFault::PseudoInHead);
        }
        if status == Status::Final(101) {
            return Err(FrameFault::Upgrade);
        }
        if self.is_complete {
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

    /// The code of the final response, if its head arrived whole.
    pub fn code(&self) -> Option<u16> {
        match self.fields.status.status() {
            Status::Final(code) if self.is_complete => Some(code),
            _ => None,
        }
    }

    /// Where the frame that is read begins in what was fed last; 0 if it began before.
    pub fn frame_from(&self) -> usize {
        self.frame_from
    }

    /// How many frames began since this was last asked.
    pub fn take_count(&mut self) -> usize {
        std::mem::take(&mut self.new_frames)
    }

    /// What is wrong with the head of the final response, as far as it arrived.
    pub fn fault_of_head(&self) -> Option<BlockFault> {
        self.fields.fault(self.is_complete, self.ends_stream)
    }

    /// Whether the head is so large that its fields may have broken the bound.
    pub fn has_large_head(&self) -> bool {
        self.head_bytes > MAX_HEAD_BYTES / 4 || self.fault_of_head() == Some(BlockFault::Size)
    }

    /// How many bytes the body has, if fields came behind it.
    pub fn body_bytes(&self) -> u64 {
        self.budget.body_bytes()
    }

    /// Whether fields came behind the body.
    pub fn is_in_trailers(&self) -> bool {
        self.is_in_trailers
    }
}

/// Checks the length that the first frame begins with: h2 refuses one that is too large as soon as it
/// is there, and it may be all that is.
fn check_length(begun: &[u8], is_agreed: bool) -> Result<(), FrameFault> {
    match begun {
        [b'H', b'T', b'T', ..] if is_agreed => Err(FrameFault::BrokenPromise),
        [b'H', b'T', b'T', ..] => Err(FrameFault::Http1),
        &[a, b, c, ..] if u32::from_be_bytes([0, a, b, c]) as usize > MAX_FRAME_BYTES => {
            Err(FrameFault::NotHttp)
        }
        _ => Ok(()),
    }
}

/// Checks that the first frame is that of a server which speaks HTTP/2 (RFC 9113, 3.4).
fn check_first(header: &FrameHeader, is_agreed: bool) -> Result<(), FrameFault> {
    check_length(&header.bytes, is_agreed)?;
    if header.kind() > 9 {
        Err(FrameFault::NotHttp)
    } else if header.is_ours(HEADERS) {
        // It counts, if it comes to its end: that its settings are missing is told there.
        Ok(())
    } else if header.kind() != SETTINGS || header.has(ACK) {
        Err(FrameFault::NoSettings)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
