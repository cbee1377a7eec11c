//! A page as a stream of chunks, so that its memory does not grow with the targets.

use std::io::Write as _;

use axum::body::Body;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;
use tokio::task::yield_now;

/// Room for a chunk of the metrics and what it has more than it should. A vector that grew to it by
/// itself could be twice as large, for as long as the client takes.
const ROOM: usize = 28 * 1024;

/// How many pages are compressed at once. Each takes 350 to 410 KB for as long as the client takes
/// it, twenty times what a page takes that is not compressed.
const MAX_ENCODERS: usize = 32;

static ENCODERS: Semaphore = Semaphore::const_new(MAX_ENCODERS);

/// Answers with a page in chunks, compressed if `request` asks for it and not too many are already.
/// `next_chunk` appends a chunk, and says `false` once there was none left.
pub fn answer(
    next_chunk: impl FnMut(&mut Vec<u8>) -> bool + Send + 'static,
    content_type: &'static str,
    request: &HeaderMap,
) -> Response {
    answer_with(&ENCODERS, next_chunk, content_type, request)
}

fn answer_with(
    encoders: &'static Semaphore,
    next_chunk: impl FnMut(&mut Vec<u8>) -> bool + Send + 'static,
    content_type: &'static str,
    request: &HeaderMap,
) -> Response {
    let wanted =
        text_of(request, header::ACCEPT_ENCODING).is_some_and(|codings| takes_gzip(&codings));
    let permit = wanted.then(|| encoders.try_acquire().ok()).flatten();
    let is_packed = permit.is_some();
    let chunks = Chunks::new(next_chunk, permit);
    let body = Body::from_stream(stream::unfold(chunks, |mut chunks| async {
        // One page must not keep the thread from the others.
        yield_now().await;
        let chunk = chunks.next()?;
        Some((chunk, chunks))
    }));
    let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-encoding"),
    );
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// All values of a header as one list (RFC 9110, 5.2).
pub fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether an `Accept-Encoding` lists gzip and does not forbid it.
fn takes_gzip(codings: &str) -> bool {
    codings.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse::<f32>().ok());
        name.eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// The chunks of a page, compressed on the way if asked for.
struct Chunks<F> {
    next_chunk: Option<F>,
    gzip: Option<Gzip>,
    plain: Vec<u8>,
}

/// An encoder, and the permit to have it.
struct Gzip {
    encoder: GzEncoder<Vec<u8>>,
    _permit: SemaphorePermit<'static>,
}

impl<F> Chunks<F> {
    fn new(next_chunk: F, permit: Option<SemaphorePermit<'static>>) -> Self {
        Self {
            next_chunk: Some(next_chunk),
            gzip: permit.map(|permit| Gzip {
                // Level 6 would take longer than the encoding and save a third.
                encoder: GzEncoder::new(Vec::new(), Compression::fast()),
                _permit: permit,
            }),
            plain: Vec::new(),
        }
    }
}

impl<F: FnMut(&mut Vec<u8>) -> bool> Iterator for Chunks<F> {
    type Item = std::io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(next_chunk) = &mut self.next_chunk {
            self.plain.clear();
            self.plain.reserve_exact(ROOM);
            if !next_chunk(&mut self.plain) {
                self.next_chunk = None;
            }
            let Some(gzip) = &mut self.gzip else {
                if self.plain.is_empty() {
                    continue;
                }
                return Some(Ok(std::mem::take(&mut self.plain).into()));
            };
            if let Err(error) = gzip.encoder.write_all(&self.plain) {
                return Some(Err(error));
            }
            let packed = std::mem::take(gzip.encoder.get_mut());
            if !packed.is_empty() {
                return Some(Ok(packed.into()));
            }
        }
        Some(self.gzip.take()?.encoder.finish().map(Bytes::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_asked_for() {
        for (codings, takes) in [
            ("gzip", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(codings), takes, "{codings}");
        }
    }

    #[test]
    fn no_more_pages_are_compressed_at_once_than_there_are_encoders() {
        static ENCODERS: Semaphore = Semaphore::const_new(2);
        let ask = |codings: &'static str| {
            let mut request = HeaderMap::new();
            let codings = HeaderValue::from_static(codings);
            request.insert(header::ACCEPT_ENCODING, codings);
            let response = answer_with(&ENCODERS, |_| false, "text/plain", &request);
            let is_packed = response.headers().contains_key(header::CONTENT_ENCODING);
            (is_packed, response)
        };
        let (_identity, first, second) = (ask("identity"), ask("gzip"), ask("gzip"));
        assert!(first.0 && second.0);
        assert!(!ask("gzip").0);
        drop(first);
        let third = ask("gzip");
        assert!(third.0 && !ask("gzip").0);
        drop((second, third));
        // A page that is whole needs its encoder no more, though its body is still there.
        let mut chunks = Chunks::new(|_: &mut Vec<u8>| false, ENCODERS.try_acquire().ok());
        assert_eq!(ENCODERS.available_permits(), 1);
        while chunks.next().is_some() {}
        assert_eq!(ENCODERS.available_permits(), 2);
    }
}
