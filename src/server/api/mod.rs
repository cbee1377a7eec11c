//! The last probes of the targets as JSON, a target at a time.

#[cfg(test)]
mod tests;
pub mod view;

use std::sync::Arc;
use std::vec;

use axum::Router;
use axum::extract::Path;
use axum::extract::State;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;

use crate::history::History;
use crate::history::record::ProbeRecord;
use crate::history::store::Histories;
use crate::server::api::view::ErrorView;
use crate::server::chunks;

const JSON: &str = "application/json";

/// How many bytes a chunk has before it counts as full.
const CHUNK: usize = 64 * 1024;

/// The routes of the API.
pub fn router(histories: Arc<Histories>) -> Router {
    Router::new()
        .route("/api/v1/targets", get(all))
        // The rest of the path, as names may have slashes.
        .route("/api/v1/targets/{*name}", get(one))
        .with_state(histories)
}

async fn all(State(histories): State<Arc<Histories>>, headers: HeaderMap) -> Response {
    page(histories.current(), &headers)
}

async fn one(
    State(histories): State<Arc<Histories>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    // A name that is not UTF-8 is one that no target has.
    let found = name.ok().and_then(|Path(name)| histories.of(&name));
    match found {
        Some(history) => page(Arc::new([history]), &headers),
        None => {
            let mut body = Vec::new();
            let error = "there is no target of this name";
            view::write(&ErrorView { error }, &mut body);
            body.push(b'\n');
            let headers = [(header::CONTENT_TYPE, JSON)];
            guarded((StatusCode::NOT_FOUND, headers, body).into_response())
        }
    }
}

fn page(histories: Arc<[Arc<History>]>, request: &HeaderMap) -> Response {
    let mut page = Page::new(histories);
    guarded(chunks::answer(
        move |out| page.next_chunk(out),
        JSON,
        request,
    ))
}

/// Text from the network is in here: nobody is to guess that it is anything but JSON.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page on its way out: the targets that were there when it began, with the probes that are
/// there when their turn comes.
struct Page {
    histories: Arc<[Arc<History>]>,
    written: usize,
    /// The probes that are left of the target that is being written.
    probes: Option<vec::IntoIter<ProbeRecord>>,
    is_complete: bool,
}

impl Page {
    fn new(histories: Arc<[Arc<History>]>) -> Self {
        Self {
            histories,
            written: 0,
            probes: None,
            is_complete: false,
        }
    }

    /// Appends the next chunk to `out`; `false` if there was none left.
    fn next_chunk(&mut self, out: &mut Vec<u8>) -> bool {
        if self.is_complete {
            return false;
        }
        let full = out.len() + CHUNK;
        if self.written == 0 && self.probes.is_none() {
            out.extend_from_slice(b"{\"targets\":[");
        }
        while let Some(history) = self.histories.get(self.written) {
            if out.len() >= full {
                return true;
            }
            let probes = self.probes.get_or_insert_with(|| {
                if self.written > 0 {
                    out.push(b',');
                }
                view::begin(history, out);
                history.probes().into_iter()
            });
            let Some(probe) = probes.next() else {
                view::end(out);
                self.probes = None;
                self.written += 1;
                continue;
            };
            view::write_probe(&probe, out);
            if probes.len() > 0 {
                out.push(b',');
            }
        }
        out.extend_from_slice(b"]}\n");
        self.is_complete = true;
        true
    }
}
