//! The body of a response as it arrives: counted, and kept if it is to be looked at when the phases
//! are over.

use crate::target::module::Module;

/// What is kept of a body.
#[derive(Debug)]
pub struct RawBody {
    kept: Option<Vec<u8>>,
    max_bytes: u64,
}

impl RawBody {
    /// Room for the body of a response with `code`: what no check looks at is not kept.
    pub fn expected(module: &Module, code: u16) -> Self {
        let checks = &module.checks.body;
        let is_needed =
            checks.compression.is_some() || (checks.need_text() && module.is_valid(code));
        Self {
            kept: is_needed.then(Vec::new),
            max_bytes: checks.max_raw_bytes(),
        }
    }

    /// How many bytes may arrive.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Keeps a piece, if it is needed and within the bound.
    pub fn keep(&mut self, piece: &[u8]) {
        let Some(kept) = &mut self.kept else { return };
        let max = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        let room = max.saturating_sub(kept.len());
        let piece = piece.get(..room).unwrap_or(piece);
        let needed = kept.len() + piece.len();
        if needed > kept.capacity() {
            // Doubled as a vector would, but never beyond the bound.
            let grown = needed.max(2 * kept.capacity()).min(max);
            kept.reserve_exact(grown - kept.len());
        }
        kept.extend_from_slice(piece);
    }

    /// What was kept.
    pub fn bytes(&self) -> &[u8] {
        self.kept.as_deref().unwrap_or_default()
    }
}

impl Default for RawBody {
    /// That of a response without a head so far.
    fn default() -> Self {
        Self {
            kept: None,
            max_bytes: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::target::body::Compression;
    use crate::target::expression::Expression;

    fn module(compression: Option<Compression>, checked: bool, limit: u64) -> Module {
        let mut module = Module::http_2xx();
        let checks = &mut module.checks.body;
        checks.compression = compression;
        checks.size_limit = NonZeroU64::new(limit);
        if checked {
            checks.matches = vec![Expression::new("a").unwrap()];
        }
        module
    }

    #[test]
    fn only_what_is_looked_at_is_kept() {
        for (compression, checked, code, kept) in [
            (None, false, 200, &b""[..]),
            (None, true, 200, b"abcde"),
            (None, true, 500, b""),
            (Some(Compression::Br), false, 200, b"abcde"),
            (Some(Compression::Gzip), true, 500, b"abcde"),
        ] {
            let mut body = RawBody::expected(&module(compression, checked, 0), code);
            body.keep(b"abc");
            body.keep(b"de");
            assert_eq!(body.bytes(), kept, "{compression:?} {checked} {code}");
        }
    }

    #[test]
    fn no_more_is_kept_than_the_limit() {
        for size in [1, 7, 999, 1_000, 1_001, 5_000] {
            let mut body = RawBody::expected(&module(None, true, 1_000), 200);
            assert_eq!(body.max_bytes(), 1_000);
            for _ in 0..3_000 / size + 1 {
                body.keep(&vec![b'a'; size]);
            }
            assert_eq!(body.bytes().len(), 1_000, "pieces of {size}");
            let capacity = body.kept.map(|kept| kept.capacity());
            assert_eq!(capacity, Some(1_000), "pieces of {size}");
        }
    }

    #[test]
    fn a_compressed_body_may_be_longer_than_its_text() {
        for (limit, max) in [(1, 65_537), (16 * 1024 * 1024, 17 * 1024 * 1024)] {
            let body = RawBody::expected(&module(Some(Compression::Gzip), false, limit), 200);
            assert_eq!(body.max_bytes(), max);
        }
    }
}
