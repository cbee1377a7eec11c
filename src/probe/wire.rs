//! What the sockets of one probe saw and when: the marks from which phases are made.

use std::io;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::chunk_lines::ChunkLines;
use crate::probe::chunking::Chunking;
use crate::probe::frames::FrameFault;
use crate::probe::progress::ResponseProgress;
use crate::probe::tls::failure::ClientCertificate;

/// The marks of one connection, shared by the layers of its I/O and by the walk, which outlives
/// them. All run in one task, so the lock is never waited for.
#[derive(Debug, Default)]
pub struct Wire(Mutex<Marks>);

impl Wire {
    /// A wire without marks, whose stamps are translated with this clock.
    pub fn new(wall_clock: WallClock) -> Self {
        Self(Mutex::new(Marks {
            wall_clock,
            ..Marks::default()
        }))
    }

    /// The marks as they are now.
    pub fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks of the socket and of the exchange above it. Write marks are clocks read *before* the
/// write, since the answer often arrives before the call returns.
#[derive(Debug, Default)]
pub struct Marks {
    wall_clock: WallClock,
    /// Before the first attempt to write to the socket at all: nothing of use arrives before it.
    opened: Option<Instant>,
    /// Before the first attempt to write, in the handshake and again in the exchange.
    pub first_write: Option<Instant>,
    /// Before the last write of which the kernel took something, likewise.
    pub last_write: Option<Instant>,
    /// When the last bytes arrived.
    pub last_read: Option<Arrival>,
    /// Before the write that handed the last piece of the request to the kernel, once that is done.
    pub request_out: Option<Instant>,
    /// Whether the kernel would take no more when it was last offered something.
    pub is_write_blocked: bool,
    /// The head of the response and when its first byte arrived.
    pub head: ResponseProgress,
    /// When the last bytes of the response arrived, as far as it got.
    pub last_byte: Option<Arrival>,
    /// What arrived behind a head of HTTP/1.
    pub chunking: Chunking,
    /// The lines of it, if it is chunked; known once there is any.
    chunk_lines: Option<ChunkLines>,
    /// What broke a connection of HTTP/2, whose client keeps no more of it than the text.
    pub broken_by: Option<io::Error>,
    /// Whether the server asked for a certificate in the handshake.
    pub client_certificate: ClientCertificate,
    /// How many bytes were read since the client of HTTP/2 was last asked what it made of them, and what
    /// it takes to keep them.
    pub undigested: usize,
}

impl Marks {
    /// Notes that something is about to be written.
    pub fn note_attempt_to_write(&mut self, before: Instant) {
        self.opened.get_or_insert(before);
        self.first_write.get_or_insert(before);
    }

    /// Notes that bytes were read from the socket, with the stamp that came with them.
    pub fn note_arrival(&mut self, stamp: Option<Duration>) {
        // What comes later arrived later, so an earlier stamp is none.
        let earliest = self.last_read.map(|read| read.at).max(self.opened);
        self.last_read = Some(self.wall_clock.arrival(stamp, earliest));
    }

    /// Notes a piece of what arrived above TLS, and tells how much of it is for the client.
    pub fn note_response(&mut self, bytes: &[u8], at: Arrival) -> (usize, io::Result<()>) {
        let all = bytes.len();
        if self.head.is_text_over()
            && let Err(fault) = self.chunking.arrived(all)
        {
            return (0, Err(io::Error::other(fault)));
        }
        let fed = self.head.feed(bytes, at);
        let is_any_ours = matches!(fed, Ok(true));
        if is_any_ours {
            self.last_byte = Some(at);
        }
        // It is read before the request is written; that of HTTP/1 is told by its client.
        if self.first_write.is_none()
            && matches!(self.head, ResponseProgress::Frames(_))
            && (is_any_ours || self.head.first_byte().is_some())
        {
            return (0, Err(io::Error::other(FrameFault::Unsolicited)));
        }
        if let Err(fault) = fed {
            return (self.head.ahead_of_fault().min(all), Err(fault));
        }
        self.undigested += all + self.head.take_upkeep();
        self.note_chunks(bytes)
    }

    /// Looks at what came behind a head of HTTP/1. What came ahead of a fault is for the client.
    fn note_chunks(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let all = bytes.len();
        let behind = self.head.behind(bytes);
        if behind.is_empty() {
            return (all, Ok(()));
        }
        let lines = self
            .chunk_lines
            .get_or_insert_with(|| ChunkLines::of_body(self.head.is_chunked()));
        match lines.feed(behind) {
            Ok(()) => (all, Ok(())),
            Err((ahead, fault)) => {
                let of_head = all - behind.len();
                (of_head + ahead, Err(io::Error::other(fault)))
            }
        }
    }
}
