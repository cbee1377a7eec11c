//! A bound on what a server may send over TLS that is no data: tickets, keys, alerts, of which rustls
//! takes as many as there are.

use std::error::Error;
use std::fmt;
use std::io;

/// How many bytes a handshake may have: far more than the longest, of which rustls bounds each message.
const HANDSHAKE_BYTES: usize = 512 * 1024;

/// How many bytes may arrive after it, one after another, without any data among them. A record more is
/// less than rustls holds.
const IDLE_BYTES: usize = 32 * 1024;

/// Counts them on a connection.
#[derive(Debug)]
pub struct WithoutData {
    left: usize,
}

impl WithoutData {
    /// Begins before the handshake.
    pub fn new() -> Self {
        Self {
            left: HANDSHAKE_BYTES,
        }
    }

    /// Takes bytes that arrived.
    pub fn take(&mut self, bytes: usize) -> io::Result<()> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| io::Error::other(RecordFlood))?;
        Ok(())
    }

    /// There was data, or the handshake is over.
    pub fn forget(&mut self) {
        self.left = IDLE_BYTES;
    }
}

/// A server broke the bound.
#[derive(Debug)]
pub struct RecordFlood;

impl RecordFlood {
    /// Whether it is what an error of I/O is about.
    pub fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl fmt::Display for RecordFlood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server goes on with TLS and sends no data")
    }
}

impl Error for RecordFlood {}
