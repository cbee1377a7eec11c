//! The blocks of fields that the heads of a response come in.

use crate::probe::frames::FrameHeader;
use crate::probe::frames::HEADERS;
use crate::probe::frames::PADDED;
use crate::probe::frames::PRIORITY;
use crate::probe::frames::block;
use crate::probe::frames::block::BlockFault;
use crate::probe::frames::pseudo::Pseudo;
use crate::probe::frames::pseudo::PseudoReader;
use crate::probe::frames::status::StatusReader;

/// Follows the blocks within frames that may have padding and a priority around them. What is kept
/// of them is bounded with the heads.
#[derive(Debug)]
pub struct Fields {
    /// The status that the block begins with.
    pub status: StatusReader,
    /// The blocks so far, those of interim heads before this one.
    blocks: Vec<u8>,
    pseudo: PseudoReader,
    /// Where this one begins.
    from: usize,
    /// Whether a length of padding is still to come.
    awaits_padding: bool,
    /// How many bytes of a priority are still to come.
    priority_left: usize,
    /// How many bytes of the frame are neither of those nor padding.
    left: usize,
}

impl Fields {
    /// Begins before the first head.
    pub fn new() -> Self {
        Self {
            status: StatusReader::new(),
            blocks: Vec::new(),
            pseudo: PseudoReader::new(),
            from: 0,
            awaits_padding: false,
            priority_left: 0,
            left: 0,
        }
    }

    /// Begins the next head, behind an interim one.
    pub fn begin_next(&mut self) {
        self.status = StatusReader::new();
        self.from = self.blocks.len();
    }

    /// Begins the fields behind the body.
    pub fn begin_trailers(&mut self) {
        self.from = self.blocks.len();
    }

    /// Takes note of a frame of fields.
    pub fn begin_frame(&mut self, header: &FrameHeader) {
        let begins = header.is_ours(HEADERS);
        self.awaits_padding = begins && header.has(PADDED);
        self.priority_left = if begins && header.has(PRIORITY) { 5 } else { 0 };
        let around = usize::from(self.awaits_padding) + self.priority_left;
        self.left = header.length().saturating_sub(around);
    }

    /// Takes what comes next of it.
    pub fn feed(&mut self, mut payload: &[u8]) {
        if self.awaits_padding
            && let Some((padding, rest)) = payload.split_first()
        {
            self.awaits_padding = false;
            self.left = self.left.saturating_sub(usize::from(*padding));
            payload = rest;
        }
        let (priority, rest) = payload.split_at(self.priority_left.min(payload.len()));
        self.priority_left -= priority.len();
        let block = rest.get(..self.left.min(rest.len())).unwrap_or_default();
        self.left -= block.len();
        self.status.feed(block);
        self.blocks.extend_from_slice(block);
    }

    /// Which pseudo-header fields the block has, which has ended.
    pub fn end_block(&mut self) -> Pseudo {
        self.status.end();
        self.pseudo
            .read(self.blocks.get(self.from..).unwrap_or_default())
    }

    /// What is wrong with the head, which is there whole or as far as it arrived.
    pub fn fault(&self, is_whole: bool, ends_stream: bool) -> Option<BlockFault> {
        block::fault(&self.blocks, self.from, is_whole, ends_stream)
    }
}
