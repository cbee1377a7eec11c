//! What the body of a response must be like, as blackbox_exporter's keys say it.

use std::num::NonZeroU64;

use crate::target::cel::Cel;
use crate::target::expression::Expression;

/// How many bytes a body may have unless the module says otherwise; blackbox_exporter then reads on
/// without a bound.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The checks of a body, and how to read it; by default any body of up to 64 MiB passes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BodyChecks {
    /// Each fails the probe if it matches.
    pub matches: Vec<Expression>,
    /// Each fails the probe if it does not match.
    pub not_matches: Vec<Expression>,
    /// Fails the probe if it is true of the JSON, or cannot be told.
    pub json_matches: Option<Cel>,
    /// Fails the probe if it is not true of the JSON, or cannot be told.
    pub json_not_matches: Option<Cel>,
    /// What the body is decoded from, whatever the response says of it.
    pub compression: Option<Compression>,
    /// How many bytes the body may have, once it is decoded.
    pub size_limit: Option<NonZeroU64>,
}

impl BodyChecks {
    /// Whether there are expressions for the text.
    pub fn have_regexps(&self) -> bool {
        !self.matches.is_empty() || !self.not_matches.is_empty()
    }

    /// Whether there are expressions for the JSON.
    pub fn have_cel(&self) -> bool {
        self.json_matches.is_some() || self.json_not_matches.is_some()
    }

    /// Whether the text of the body is needed.
    pub fn need_text(&self) -> bool {
        self.have_regexps() || self.have_cel()
    }

    /// How many bytes the decoded body may have.
    pub fn max_bytes(&self) -> u64 {
        self.size_limit.map_or(MAX_BYTES, NonZeroU64::get)
    }

    /// How many bytes may arrive: a body that hardly compresses is longer than its text, and a
    /// short one by its frame.
    pub fn max_raw_bytes(&self) -> u64 {
        const FRAME: u64 = 64 * 1024;
        let max = self.max_bytes();
        match self.compression {
            None => max,
            Some(_) => max.saturating_add(FRAME.max(max / 16)),
        }
    }
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// One gzip file, or several in a row.
    Gzip,
    /// Brotli.
    Br,
    /// A bare stream of deflate, without zlib's frame around it: that is what blackbox_exporter
    /// reads, though HTTP means the frame (RFC 9110, 8.4.1.2).
    Deflate,
}
