//! The pages for people: all targets at a glance, and each with its last probes.
//!
//! ```text
//! overview   all targets, computed once for all viewers ── query, arrange
//! target     one target with its last probes
//! row        what a line of either shows ── drawing, words
//! links      where things are, as seen from a page
//! assets     what pages load
//! ```
//!
//! Sorting, filtering and paging are done here, by the query of the URL, so that they work without the
//! script and cost a browser nothing. The script asks for the page again and again and puts into the
//! one that is shown what has changed.

mod arrange;
mod assets;
mod drawing;
mod links;
mod overview;
mod query;
mod row;
mod target;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;
use std::time::SystemTime;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;
use axum::response::Response;
use axum::routing::get;

use crate::history::store::Histories;
use crate::server::chunks;
use crate::server::probe::Endpoint;
use crate::server::probe::query as parameters;
use crate::server::status::links::Frame;
use crate::server::status::overview::OverviewPage;
use crate::server::status::overview::Overviews;
use crate::server::status::query::Query;
use crate::server::status::target::MissingPage;
use crate::server::status::target::TargetPage;
use crate::target::shard::Shard;

const HTML: &str = "text/html; charset=utf-8";

/// Nothing is loaded but what the exporter serves, and nothing runs that stands in a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// How many probes a page shows, however many are kept.
const MAX_PROBES: usize = 100;

/// How much of a page is handed on at once; other pages come between.
const SLICE: usize = 16 * 1024;

/// What the pages are made of.
#[derive(Debug)]
pub struct Status {
    histories: Arc<Histories>,
    endpoint: Option<Arc<Endpoint>>,
    telemetry_path: String,
    shard: Shard,
    overviews: Overviews,
}

/// The routes of the pages. The overview is left out if the metrics are in its place.
pub fn router(
    histories: Arc<Histories>,
    endpoint: Option<Arc<Endpoint>>,
    telemetry_path: &str,
    shard: Shard,
) -> Router {
    let mut router = Router::new()
        .route("/targets/", get(named))
        // The rest of the path, as whatever stands between may have undone what escapes a slash.
        .route("/targets/{*name}", get(one))
        .merge(assets::router());
    if telemetry_path != "/" {
        router = router.route("/", get(all));
    }
    router.with_state(Arc::new(Status {
        histories,
        endpoint,
        telemetry_path: telemetry_path.to_owned(),
        shard,
        overviews: Overviews::default(),
    }))
}

/// Answers with all targets that the query asks for.
async fn all(
    State(status): State<Arc<Status>>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Response {
    let now = SystemTime::now();
    let query = Query::parse(&query.unwrap_or_default());
    let histories = status.histories.current();
    let overview = status.overviews.latest(&histories, now);
    let frame = Frame::new("./", &status.telemetry_path);
    let endpoint = status.endpoint.as_ref();
    let requested = endpoint.map(|endpoint| endpoint.recent(MAX_PROBES));
    let frame = frame.of(status.shard);
    let page = OverviewPage::new(frame, &histories, &overview, query, requested, now);
    answer(StatusCode::OK, &page, &request)
}

/// Answers with the target that the path names.
async fn one(
    State(status): State<Arc<Status>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
    request: HeaderMap,
) -> Response {
    // Whatever stands before is the same for all pages.
    let below = uri.path().split_once("/targets/");
    let n_steps = 1 + below.map_or(0, |(_, name)| name.matches('/').count());
    // A name that is not UTF-8 is one that no target has.
    let name = name.ok().map(|Path(name)| name);
    target(&status, name, &"../".repeat(n_steps), &request)
}

/// Answers with the target that the query names, for names that no path can hold.
async fn named(
    State(status): State<Arc<Status>>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Response {
    let name = parameters::first(&query.unwrap_or_default(), "name");
    target(&status, name, "../", &request)
}

fn target(status: &Status, name: Option<String>, base: &str, request: &HeaderMap) -> Response {
    let now = SystemTime::now();
    let frame = Frame::new(base, &status.telemetry_path);
    let frame = frame.of(status.shard);
    let history = name.as_deref().and_then(|name| status.histories.of(name));
    match history {
        Some(history) => {
            let page = TargetPage::new(frame, &history, MAX_PROBES, now);
            answer(StatusCode::OK, &page, request)
        }
        None => {
            let owner = name.map(|name| status.shard.owner_of(&name));
            let owner = owner.filter(|owner| *owner != status.shard.ordinal());
            answer(
                StatusCode::NOT_FOUND,
                &MissingPage { frame, owner },
                request,
            )
        }
    }
}

fn answer(status: StatusCode, page: &impl Template, request: &HeaderMap) -> Response {
    let written = page.render();
    let written = written.expect("no value of a page fails to be written");
    let mut n_passed_on = 0;
    let next_chunk = move |out: &mut Vec<u8>| {
        let left = written.as_bytes().get(n_passed_on..).unwrap_or_default();
        let slice = left.get(..SLICE).unwrap_or(left);
        out.extend_from_slice(slice);
        n_passed_on += slice.len();
        !slice.is_empty()
    };
    let mut response = chunks::answer(next_chunk, HTML, request);
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
