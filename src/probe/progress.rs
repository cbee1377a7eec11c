//! How far the response of an exchange got, in whichever version of HTTP.

use std::io;

use crate::outcome::reason::Reason;
use crate::probe::arrival::Arrival;
use crate::probe::frames::ResponseFrames;
use crate::probe::head::ResponseHead;
use crate::probe::quic::response::ResponseStream;

/// What h2 allocates for a frame besides what is in it.
const FRAME_BYTES: usize = 256;

/// What follows the response beside the client that reads it.
#[derive(Debug)]
pub enum ResponseProgress {
    /// The text of HTTP/1.
    Text(ResponseHead),
    /// The frames of HTTP/2.
    Frames(Box<ResponseFrames>),
    /// The stream of HTTP/3.
    Stream(Box<ResponseStream>),
}

impl Default for ResponseProgress {
    fn default() -> Self {
        Self::Text(ResponseHead::default())
    }
}

impl ResponseProgress {
    /// Takes the bytes that arrived at `at`, and tells whether any of them are of the response.
    pub fn feed(&mut self, arrived: &[u8], at: Arrival) -> io::Result<bool> {
        match self {
            Self::Text(head) => head
                .feed(arrived, at)
                .map_err(io::Error::other)
                .map(|()| true),
            Self::Frames(frames) => frames.feed(arrived, at).map_err(io::Error::other),
            Self::Stream(stream) => stream.feed(arrived, at).map_err(io::Error::other),
        }
    }

    /// How many of the bytes that were fed last came ahead of what was wrong with them: frames that
    /// end before it may be the response.
    pub fn ahead_of_fault(&self) -> usize {
        match self {
            // Of a broken head nothing is of use to the client.
            Self::Text(_) => 0,
            Self::Frames(frames) => frames.frame_from(),
            Self::Stream(stream) => stream.frame_from(),
        }
    }

    /// How many bytes it takes a client to keep the frames that came since this was last asked,
    /// besides their own.
    pub fn take_upkeep(&mut self) -> usize {
        match self {
            Self::Text(_) | Self::Stream(_) => 0,
            Self::Frames(frames) => FRAME_BYTES * frames.take_count(),
        }
    }

    /// When the first byte of the final response arrived.
    pub fn first_byte(&self) -> Option<Arrival> {
        match self {
            Self::Text(head) => head.first_byte(),
            Self::Frames(frames) => frames.first_byte(),
            Self::Stream(stream) => stream.first_byte(),
        }
    }

    /// Whether the head of the final response has arrived whole.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Text(head) => head.is_complete(),
            Self::Frames(frames) => frames.is_complete(),
            Self::Stream(stream) => stream.is_complete(),
        }
    }

    /// Why no response came, if the server told: HTTP/2 has it speak of the connection before.
    pub fn why_silent(&self) -> Option<Reason> {
        match self {
            Self::Frames(frames) if frames.control.has_goaway() => Some(Reason::TransferH2Goaway),
            Self::Frames(frames) if frames.control.is_stalled() => Some(Reason::TransferH2Stalled),
            _ => None,
        }
    }

    /// Why a head that has begun does not end in time: it may be none at all.
    pub fn timeout_reason(&self) -> Reason {
        let fault = match self {
            Self::Text(head) => head.fault(),
            Self::Frames(_) | Self::Stream(_) => Reason::TransferHeaderTruncated,
        };
        match fault {
            Reason::TransferHeaderTruncated => Reason::TransferHeaderTimeout,
            fault => fault,
        }
    }

    /// Takes note that the server finished the stream of HTTP/3.
    pub fn end(&mut self) {
        if let Self::Stream(stream) = self {
            stream.end();
        }
    }

    /// The whole head that the client refuses though its status can be read; of HTTP/2 and HTTP/3 that
    /// is all that is known.
    pub fn refused(&self) -> Option<http::Response<()>> {
        match self {
            Self::Text(head) => head.refused(),
            Self::Frames(frames) => {
                let head = http::Response::builder().status(frames.code()?);
                head.version(http::Version::HTTP_2).body(()).ok()
            }
            Self::Stream(stream) => {
                let head = http::Response::builder().status(stream.code()?);
                head.version(http::Version::HTTP_3).body(()).ok()
            }
        }
    }

    /// Whether all that came last are the empty lines that may stand before a head of HTTP/1.
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Text(head) if head.is_blank())
    }

    /// Whether the client should have nothing of a head of HTTP/1 before it is complete.
    pub fn is_held_back(&self) -> bool {
        matches!(self, Self::Text(head) if head.is_held_back())
    }

    /// What of the bytes that were fed last came behind a whole head of HTTP/1.
    pub fn behind<'a>(&self, fed: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Text(head) => head.behind(fed),
            Self::Frames(_) | Self::Stream(_) => &[],
        }
    }

    /// Whether a whole head of HTTP/1 says that its body is chunked.
    pub fn is_chunked(&self) -> bool {
        matches!(self, Self::Text(head) if head.is_chunked())
    }

    /// Whether all that is to come is the body of HTTP/1.
    pub fn is_text_over(&self) -> bool {
        matches!(self, Self::Text(head) if head.is_complete())
    }
}
