//! `GET /logs`: what a probe that is over would have said with `debug=true`.

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::server::probe::Endpoint;
use crate::server::probe::debug;
use crate::server::probe::handler::error;
use crate::server::probe::handler::text;
use crate::server::probe::query;

/// Answers a request for the log of a probe, by its number or by its target.
pub async fn logs(State(endpoint): State<Arc<Endpoint>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let id = query::first(&query, "id").and_then(|id| id.parse::<i64>().ok());
    let target = query::first(&query, "target");
    let module = query::first(&query, "module");
    let bad = |message| error(StatusCode::BAD_REQUEST, message);
    let (found, missing) = match (id, target) {
        (Some(_), Some(_)) => {
            return bad("Probe id and target can't be defined at the same time");
        }
        (None | Some(-1), None) => {
            return bad("Probe id or target must be defined as http query parameters");
        }
        (Some(_), None) if module.is_some() => {
            return bad("Probe module filter only works in conjunction with target parameter");
        }
        (Some(id), None) => (endpoint.results().of_id(id), "Probe id not found"),
        (None, Some(target)) => (
            endpoint.results().of_target(&target, module.as_deref()),
            "Probe target not found",
        ),
    };
    match found {
        Some(result) => text(StatusCode::OK, "text/plain", debug::page(&result)),
        None => error(StatusCode::NOT_FOUND, missing),
    }
}
