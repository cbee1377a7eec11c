//! The API itself: reads that take their time, writes that need the current version, and an export
//! that comes in pieces.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::Path;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::extract::rejection::PathRejection;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use futures_util::stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio::time::sleep;

use crate::demo::chance::Chance;
use crate::demo::orders::Change;
use crate::demo::orders::Order;
use crate::demo::orders::Orders;
use crate::demo::orders::Refusal;
use crate::demo::orders::Wish;
use crate::demo::problem::Problem;
use crate::demo::storm::Storms;

/// The longest body of a request.
const MAX_BODY: usize = 16 * 1024;

/// How long the read of an order takes, at least and at most; twice that in a storm.
const READ: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(90));

/// How many pieces the export has, and how long each takes, at least and at most.
const N_PIECES: u32 = 20;
const PIECE: (Duration, Duration) = (Duration::from_millis(8), Duration::from_millis(20));

/// Of this time the lock of the stock is held for all but the last part. No multiple of a second, so
/// that probes meet it free at times.
const LOCK: (Duration, Duration) = (Duration::from_millis(5_300), Duration::from_millis(1_100));

/// What the API is about.
#[derive(Debug)]
pub struct Shop {
    /// The orders.
    pub orders: Orders,
    /// When they are competed for.
    pub storms: Storms,
    /// When it began.
    pub started: Instant,
    /// What decides how long things take.
    pub chance: Chance,
}

/// What there is at which path.
pub fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/health", get("fine\n"))
        .route("/orders", get(list).post(place))
        .route("/orders/export", get(export))
        .route("/orders/latest", get(latest))
        .route("/orders/{id}", get(read).put(save))
        .route("/locks/stock", post(lock))
        .fallback(async |uri: Uri| Problem::not_found(uri.path()))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shop)
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} is not for {}", uri.path());
    Problem::of(StatusCode::METHOD_NOT_ALLOWED, detail, uri.path())
}

async fn list(State(shop): State<Arc<Shop>>) -> Response {
    json(StatusCode::OK, &shop.orders.all())
}

async fn latest(State(shop): State<Arc<Shop>>) -> Response {
    let place = path_of(shop.orders.latest());
    (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
}

async fn read(
    State(shop): State<Arc<Shop>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let since_start = shop.started.elapsed();
    let is_stormy = shop.storms.next(since_start).contains(&since_start);
    let takes = shop.chance.between(READ.0, READ.1);
    sleep(if is_stormy { takes * 2 } else { takes }).await;
    let found = number(id).and_then(|id| shop.orders.one(id));
    let found = found.ok_or_else(|| Problem::not_found(uri.path()))?;
    Ok(json(StatusCode::OK, &found))
}

async fn save(
    State(shop): State<Arc<Shop>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let change: Change = understood(body, &uri)?;
    let saved = number(id).ok_or(Refusal::Unknown);
    let saved = saved.and_then(|id| shop.orders.save(id, &change));
    let saved = saved.map_err(|refusal| Problem::refused(refusal, uri.path()))?;
    Ok(json(StatusCode::OK, &saved))
}

async fn place(
    State(shop): State<Arc<Shop>>,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let wish: Wish = understood(body, &uri)?;
    let placed = shop.orders.place(&wish);
    let placed = placed.map_err(|refusal| Problem::refused(refusal, uri.path()))?;
    if wish.validate_only {
        return Ok(json(StatusCode::OK, &placed));
    }
    let location = [(header::LOCATION, path_of(placed.id))];
    Ok((location, json(StatusCode::CREATED, &placed)).into_response())
}

/// Takes the lock and gives it back at once, if nobody else has it.
async fn lock(State(shop): State<Arc<Shop>>, uri: Uri) -> Result<&'static str, Problem> {
    match held_for(shop.started.elapsed()) {
        Some(left) => Err(Problem::locked(left, uri.path())),
        None => Ok("taken, and given back\n"),
    }
}

/// For how long somebody else has the lock, so long after the start.
fn held_for(since_start: Duration) -> Option<Duration> {
    let (every, free) = LOCK;
    let turns = since_start.as_nanos() / every.as_nanos();
    let turn = since_start.saturating_sub(every * u32::try_from(turns).unwrap_or(u32::MAX));
    (every - free)
        .checked_sub(turn)
        .filter(|left| !left.is_zero())
}

/// The orders as CSV, as a slow data base brings them.
async fn export(State(shop): State<Arc<Shop>>) -> Response {
    let pieces = stream::unfold(0, move |n| {
        let shop = shop.clone();
        async move {
            if n == N_PIECES {
                return None;
            }
            sleep(shop.chance.between(PIECE.0, PIECE.1)).await;
            let rows = shop.orders.all();
            let rows = rows.iter().map(
                |Order {
                     id,
                     name,
                     state,
                     version,
                 }| { format!("{n},{id},{name},{state:?},{version}\n") },
            );
            Some((Ok::<_, std::io::Error>(rows.collect::<String>()), n + 1))
        }
    });
    (
        [(header::CONTENT_TYPE, "text/csv")],
        Body::from_stream(pieces),
    )
        .into_response()
}

fn path_of(id: u64) -> String {
    format!("/orders/{id}")
}

/// The number in a path; what is none is one that no order has.
fn number(id: Result<Path<String>, PathRejection>) -> Option<u64> {
    let Path(id) = id.ok()?;
    let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| id.parse().ok())?
}

/// What a body asks for.
fn understood<T: DeserializeOwned>(
    body: Result<Bytes, BytesRejection>,
    uri: &Uri,
) -> Result<T, Problem> {
    let body = body.map_err(|rejection| {
        let detail = format!("a body of up to {MAX_BODY} bytes is wanted");
        Problem::of(rejection.status(), detail, uri.path())
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("the body is not what is wanted: {error}");
        Problem::of(StatusCode::BAD_REQUEST, detail, uri.path())
    })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let mut body = serde_json::to_vec(value).expect("text and numbers can be written as JSON");
    body.push(b'\n');
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_held_most_of_the_time() {
        for (since_start, left) in [
            (0, Some(4_200)),
            (4_199, Some(1)),
            (4_200, None),
            (5_299, None),
            (5_300, Some(4_200)),
            (5_300 * 1_000 + 200, Some(4_000)),
        ] {
            let held = held_for(Duration::from_millis(since_start));
            assert_eq!(held, left.map(Duration::from_millis), "{since_start}");
        }
    }
}
