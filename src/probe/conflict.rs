//! Why a response is a conflict: what may tell is kept while the response arrives, and looked at
//! when the last phase is over.

use std::borrow::Cow;

use http::HeaderMap;
use http::HeaderValue;

use crate::probe::json;
use crate::target::conflict::ReasonRule;
use crate::target::conflict::Source;

/// How many bytes of a body are kept: far more than an error that a person is to read, and little
/// even if every probe in flight keeps as much.
pub const MAX_KEPT_BYTES: usize = 64 * 1024;

/// What of a response may tell the reason. By default nothing does, and nothing is kept.
#[derive(Debug, Default)]
pub struct Evidence {
    header: Option<HeaderValue>,
    body: Option<KeptBody>,
}

impl Evidence {
    /// What the head of a conflict tells, with room for a body if `rule` needs it.
    pub fn of_head(headers: &HeaderMap, rule: &ReasonRule) -> Self {
        Self {
            header: match &rule.source {
                Source::Header(name) => headers.get(name).cloned(),
                Source::Json(_) | Source::Regexp(_) => None,
            },
            body: rule.source.is_body().then(KeptBody::default),
        }
    }

    /// Keeps a piece of the body, if it is needed and there is room.
    pub fn keep(&mut self, piece: &[u8]) {
        if let Some(body) = &mut self.body {
            body.push(piece);
        }
    }

    /// Whether the body may tell.
    pub fn needs_body(&self) -> bool {
        self.body.is_some()
    }

    /// Has another body tell, if one may: what the kept one says once it is decoded.
    pub fn replace_body(&mut self, text: &[u8]) {
        if let Some(body) = &mut self.body {
            *body = KeptBody::default();
            body.push(text);
        }
    }

    /// The value that stands where `source` says, as far as it arrived.
    pub fn value(&self, source: &Source) -> Option<Cow<'_, [u8]>> {
        match source {
            Source::Header(_) => {
                let header = self.header.as_ref()?;
                Some(Cow::Borrowed(header.as_bytes().trim_ascii()))
            }
            Source::Json(pointer) => {
                // What is cut is no JSON any more.
                let body = self.body.as_ref().filter(|body| !body.is_cut)?;
                let value = json::find(&body.bytes, pointer)?;
                Some(match value {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                })
            }
            Source::Regexp(pattern) => pattern.find(&self.body.as_ref()?.bytes).map(Cow::Borrowed),
        }
    }
}

/// The beginning of a body.
#[derive(Debug, Default)]
struct KeptBody {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl KeptBody {
    fn push(&mut self, piece: &[u8]) {
        let room = MAX_KEPT_BYTES - self.bytes.len();
        self.is_cut |= piece.len() > room;
        let piece = piece.get(..room).unwrap_or(piece);
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            // Doubled as a vector would, but never beyond the bound.
            let grown = needed.max(2 * self.bytes.capacity()).min(MAX_KEPT_BYTES);
            self.bytes.reserve_exact(grown - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::conflict::Reasons;

    #[test]
    fn what_is_kept_never_takes_more_than_the_bound() {
        for size in [1, 7, 1_000, MAX_KEPT_BYTES - 1, MAX_KEPT_BYTES, 10_000_000] {
            let mut body = KeptBody::default();
            let mut pushed = 0;
            while pushed < 3 * MAX_KEPT_BYTES {
                let piece: Vec<u8> = (pushed..pushed + size)
                    .map(|n| n.to_le_bytes()[0])
                    .collect();
                body.push(&piece);
                pushed += size;
                let kept = pushed.min(MAX_KEPT_BYTES);
                assert_eq!(body.bytes.len(), kept, "pieces of {size}");
                assert!(body.bytes.capacity() <= MAX_KEPT_BYTES, "pieces of {size}");
                assert_eq!(body.is_cut, pushed > MAX_KEPT_BYTES, "pieces of {size}");
            }
            let in_order = body.bytes.iter().enumerate();
            assert!(
                in_order
                    .clone()
                    .all(|(n, byte)| *byte == n.to_le_bytes()[0])
            );
        }
    }

    #[test]
    fn the_first_header_counts_without_white_space_and_the_body_is_left_alone() {
        let rule = ReasonRule {
            source: Source::Header(http::HeaderName::from_static("x-reason")),
            reasons: Reasons::default(),
        };
        let mut headers = HeaderMap::new();
        let value = |headers: &HeaderMap| {
            let mut evidence = Evidence::of_head(headers, &rule);
            evidence.keep(b"x-reason: c");
            assert!(evidence.body.is_none());
            evidence.value(&rule.source).map(Cow::into_owned)
        };
        assert_eq!(value(&headers), None);
        for text in [" a\t", "b"] {
            headers.append("x-reason", HeaderValue::from_static(text));
            assert_eq!(value(&headers).as_deref(), Some(&b"a"[..]));
        }
    }

    #[test]
    fn a_small_body_takes_little() {
        let mut body = KeptBody::default();
        body.push(b"{}");
        assert!(body.bytes.capacity() < 100);
    }
}
