//! What arrives of a chunked body besides the body. A parser reads it byte by byte and keeps none of
//! it, so that no other bound would end it: chunks of a byte, or the size of one that never ends.

use std::error::Error;
use std::fmt;

use crate::outcome::reason::Reason;

/// How many bytes of a body's chunks may be no body, besides a share of what is: as much as a server
/// needs that writes word by word, up to a body of a megabyte or more.
const FREE_BYTES: u64 = 256 * 1024;
const SHARE: u64 = 4;

/// A small chunk has no more than this around it.
const AROUND_A_CHUNK: u64 = 32;

/// What has arrived behind a head, and what of it was the body.
#[derive(Debug, Default)]
pub struct Chunking {
    raw_bytes: u64,
    body_bytes: u64,
    n_pieces: u64,
    /// How many bytes may be around small chunks in any case.
    allowed: u64,
}

impl Chunking {
    /// Allows what stands around the chunks of a body to be as long as the body itself may be, since
    /// somebody wants so much to be read.
    pub fn allow(&mut self, body_bytes: u64) {
        self.allowed = body_bytes;
    }

    /// Counts what arrived. The body in it may still be with the parser, which takes no more than a
    /// read ahead.
    pub fn arrived(&mut self, n_bytes: usize) -> Result<(), ChunkingFault> {
        self.raw_bytes += n_bytes as u64;
        let around = self.raw_bytes.saturating_sub(self.body_bytes);
        if around <= FREE_BYTES + self.body_bytes / SHARE {
            Ok(())
        } else if around <= self.n_pieces.saturating_mul(AROUND_A_CHUNK) {
            if around <= self.allowed {
                return Ok(());
            }
            Err(ChunkingFault::SmallChunks(self.n_pieces))
        } else {
            Err(ChunkingFault::NoChunks)
        }
    }

    /// Counts a piece of the body.
    pub fn given(&mut self, n_bytes: usize) {
        self.body_bytes += n_bytes as u64;
        self.n_pieces += 1;
    }
}

/// Why a chunked body is read no further.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChunkingFault {
    /// So many chunks held hardly anything.
    SmallChunks(u64),
    /// What arrives is hardly ever a chunk.
    NoChunks,
}

impl ChunkingFault {
    /// The reason of the failure.
    pub fn reason(self) -> Reason {
        match self {
            Self::SmallChunks(_) => Reason::TransferBodyTooLarge,
            Self::NoChunks => Reason::TransferChunkInvalid,
        }
    }
}

impl fmt::Display for ChunkingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SmallChunks(n_pieces) => {
                write!(f, "{n_pieces} chunks of the body hold hardly anything")
            }
            Self::NoChunks => write!(f, "more than {FREE_BYTES} bytes around the chunks"),
        }
    }
}

impl Error for ChunkingFault {}

#[cfg(test)]
mod tests {
    use super::*;

    /// How the reading of a million chunks of this size ends, each with so much around it.
    fn read(chunk_bytes: usize, around: usize) -> Result<(), ChunkingFault> {
        read_with(Chunking::default(), chunk_bytes, around)
    }

    fn read_with(
        mut chunking: Chunking,
        chunk_bytes: usize,
        around: usize,
    ) -> Result<(), ChunkingFault> {
        (0..1_000_000).try_for_each(|_| {
            chunking.arrived(chunk_bytes + around)?;
            if chunk_bytes > 0 {
                chunking.given(chunk_bytes);
            }
            Ok(())
        })
    }

    #[test]
    fn chunks_may_be_small_but_not_all_of_a_large_body() {
        assert_eq!(read(64 * 1024, 8), Ok(()));
        assert_eq!(read(40, 6), Ok(()));
        let reason = |read: Result<(), ChunkingFault>| read.map_err(ChunkingFault::reason);
        assert_eq!(reason(read(1, 5)), Err(Reason::TransferBodyTooLarge));
        assert_eq!(reason(read(10, 5)), Err(Reason::TransferBodyTooLarge));
        assert_eq!(reason(read(0, 100)), Err(Reason::TransferChunkInvalid));
        assert_eq!(reason(read(1, 100)), Err(Reason::TransferChunkInvalid));
    }

    #[test]
    fn who_wants_large_bodies_gets_them_in_small_chunks() {
        let allowing = |bytes| {
            let mut chunking = Chunking::default();
            chunking.allow(bytes);
            chunking
        };
        let reason = |read: Result<(), ChunkingFault>| read.map_err(ChunkingFault::reason);
        assert_eq!(read_with(allowing(5_000_000), 10, 5), Ok(()));
        let too_large = Err(Reason::TransferBodyTooLarge);
        assert_eq!(reason(read_with(allowing(2_000_000), 10, 5)), too_large);
        let invalid = Err(Reason::TransferChunkInvalid);
        assert_eq!(reason(read_with(allowing(u64::MAX), 0, 100)), invalid);
    }

    #[test]
    fn a_page_written_word_by_word_passes() {
        let mut chunking = Chunking::default();
        for _ in 0..100_000 {
            assert_eq!(chunking.arrived(10 + 5), Ok(()));
            chunking.given(10);
        }
    }
}
