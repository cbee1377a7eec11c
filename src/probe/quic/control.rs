//! The server's own streams (RFC 9114, 6.2, and RFC 9204, 4.2), as far as h3 does not look at them: what
//! settings come behind, how long a GOAWAY is, and whatever is said of a table of fields.

use crate::probe::quic::fault::StreamFault;
use crate::probe::quic::response::integer;

/// Kinds of streams.
const CONTROL: u64 = 0;
const ENCODER: u64 = 2;
const DECODER: u64 = 3;

/// Kinds of frames.
const SETTINGS: u64 = 4;
const GOAWAY: u64 = 7;

/// How much a server may send on each: of settings and the like. It is granted no table of fields.
const MAX_BYTES: usize = 64 * 1024;

/// The longest integer (RFC 9000, 16).
const MAX_INTEGER_BYTES: u64 = 8;

/// The one thing that can be said of a table that was not granted: that it has no capacity.
const NO_CAPACITY: u8 = 0x20;

/// Follows one of them.
#[derive(Debug, Default)]
pub struct ServerStream {
    received: usize,
    kind: Option<u64>,
    /// What arrived of integers that are not whole.
    begun: Vec<u8>,
    has_settings: bool,
    payload_left: u64,
}

impl ServerStream {
    /// Takes the bytes that arrived.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), StreamFault> {
        self.received += bytes.len();
        if self.received > MAX_BYTES {
            return Err(StreamFault::Flood);
        }
        while let Some((first, rest)) = bytes.split_first() {
            bytes = rest;
            match self.kind {
                Some(CONTROL) if self.payload_left > 0 => self.payload_left -= 1,
                Some(CONTROL) => {
                    self.begun.push(*first);
                    self.begin_frame()?;
                }
                Some(ENCODER) if *first != NO_CAPACITY => return Err(StreamFault::Table),
                Some(_) => {}
                None => {
                    self.begun.push(*first);
                    self.kind = integer(&mut &self.begun[..]);
                    if self.kind.is_some() {
                        self.begun.clear();
                    }
                }
            }
        }
        Ok(())
    }

    fn begin_frame(&mut self) -> Result<(), StreamFault> {
        let mut begun = &self.begun[..];
        let (Some(kind), Some(length)) = (integer(&mut begun), integer(&mut begun)) else {
            return Ok(());
        };
        if kind != SETTINGS && !self.has_settings {
            return Err(StreamFault::Order);
        }
        self.has_settings = true;
        if kind != GOAWAY {
            self.payload_left = length;
        } else if length > MAX_INTEGER_BYTES {
            return Err(StreamFault::Length);
        } else if (begun.len() as u64) < length {
            return Ok(());
        } else if integer(&mut begun).is_none() || !begun.is_empty() {
            return Err(StreamFault::Length);
        }
        self.begun.clear();
        Ok(())
    }

    /// Whether it is about tables of fields, which h3 does not read and nobody may close.
    pub fn is_about_tables(&self) -> bool {
        matches!(self.kind, Some(ENCODER | DECODER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::quic::fault::StreamFault::{Flood, Length, Order, Table};

    #[test]
    fn faults_are_found_however_they_are_cut() {
        for (bytes, expected) in [
            (&[][..], Ok(())),
            (&[0, 4, 0], Ok(())),
            (&[0x40, 0, 4, 2, 6, 5, 0x21, 1, 7, 7, 1, 4], Ok(())),
            (&[0, 4, 0, 7, 2, 0x40, 4, 7, 1, 0], Ok(())),
            (&[0, 0x21, 0], Err(Order)),
            (&[0, 7, 1, 0], Err(Order)),
            (&[0, 4, 0, 7, 0], Err(Length)),
            (&[0, 4, 0, 7, 1, 0x40], Err(Length)),
            (&[0, 4, 0, 7, 2, 4, 4], Err(Length)),
            (&[0, 4, 0, 7, 9], Err(Length)),
            (&[2, 0x20, 0x20], Ok(())),
            (&[2, 0x3f, 0xe1, 0x1f], Err(Table)),
            (&[2, 0x41, b'a', 1, b'b'], Err(Table)),
            (&[3, 0x80], Ok(())),
            (&[0x21, 1, 2, 3], Ok(())),
            (&[0x21; MAX_BYTES + 1], Err(Flood)),
        ] {
            for size in [1, 2, 3, 100_000] {
                let mut stream = ServerStream::default();
                let found = bytes.chunks(size).try_for_each(|piece| stream.feed(piece));
                assert_eq!(found, expected, "{bytes:x?} by {size}");
            }
        }
    }
}
