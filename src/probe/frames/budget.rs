//! How much a server may send that carries nothing of a response, or next to nothing.

use crate::probe::frames::fault::FrameFault;

/// How many frames that carry nothing of the response a server may send: far more than an honest
/// one does for a small request and a small response.
const IDLE_FRAMES: u64 = 1_000;

/// How many bytes such frames may have, and how much padding there may be.
const IDLE_BYTES: u64 = 1024 * 1024;

/// So many bytes of a body, sent or received, allow one more such frame: a server may widen the
/// window and ask for signs of life as it goes along.
const BODY_BYTES_AN_IDLE_FRAME: u64 = 1024;

/// A piece of a body costs as much work as a large one however small it is: pieces below this many
/// bytes are counted.
const SMALL_BYTES: u64 = 64;

/// How many of them there may be, besides one for so many bytes of the body.
const SMALL_FRAMES: u64 = 10_000;

/// What was spent so far.
#[derive(Debug)]
pub struct Budget {
    sent: u64,
    received: u64,
    idle_frames: u64,
    idle_bytes: u64,
    small_frames: u64,
    padding: u64,
}

impl Budget {
    /// That of the answer to a request with a body of so many bytes.
    pub fn new(request_bytes: u64) -> Self {
        Self {
            sent: request_bytes,
            received: 0,
            idle_frames: 0,
            idle_bytes: 0,
            small_frames: 0,
            padding: 0,
        }
    }

    /// How many bytes of a body were taken, as far as the frames of it began.
    pub fn body_bytes(&self) -> u64 {
        self.received
    }

    /// Takes a frame that carries nothing of the response.
    pub fn take_idle(&mut self, bytes: usize) -> Result<(), FrameFault> {
        self.idle_frames += 1;
        self.idle_bytes += bytes as u64;
        let more = (self.sent + self.received) / BODY_BYTES_AN_IDLE_FRAME;
        let is_too_much =
            self.idle_frames > IDLE_FRAMES + more || self.idle_bytes > IDLE_BYTES + 32 * more;
        end_if(is_too_much)
    }

    /// Takes a frame of the body. Padding is no part of it, and may be all that there is.
    pub fn take_data(&mut self, data: usize, padding: usize) -> Result<(), FrameFault> {
        self.padding += padding as u64;
        if data == 0 {
            return self.take_idle(padding);
        }
        let data = data as u64;
        self.received += data;
        self.small_frames += u64::from(data < SMALL_BYTES);
        let is_too_much = self.small_frames > SMALL_FRAMES + self.received / SMALL_BYTES
            || self.padding > IDLE_BYTES + self.received;
        end_if(is_too_much)
    }
}

fn end_if(is_too_much: bool) -> Result<(), FrameFault> {
    match is_too_much {
        true => Err(FrameFault::Flood),
        false => Ok(()),
    }
}
