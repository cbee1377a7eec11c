//! A bound on what a server may send over TLS that is no data: tickets, keys, alerts, of which rustls
//! takes as many as there are.

use std::error::Error;
use std::fmt;
use std::io;

/// How many bytes may arrive one after another without any data among them: far more than the
/// longest handshake has, of which rustls bounds each message.
const MAX_BYTES: usize = 512 * 1024;

/// Counts them on a connection.
#[derive(Debug, Default)]
pub struct WithoutData(usize);

impl WithoutData {
    /// Takes bytes that arrived.
    pub fn take(&mut self, bytes: usize) -> io::Result<()> {
        self.0 += bytes;
        match self.0 <= MAX_BYTES {
            true => Ok(()),
            false => Err(io::Error::other(RecordFlood)),
        }
    }

    /// There was data.
    pub fn forget(&mut self) {
        self.0 = 0;
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
        write!(f, "more than {MAX_BYTES} bytes of TLS without any data")
    }
}

impl Error for RecordFlood {}
