//! `GET /logs`: what a probe that is over would have said with `debug=true`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::server::pages::escaped;
use crate::server::probe::Endpoint;
use crate::server::probe::debug;
use crate::server::probe::handler::error;
use crate::server::probe::handler::text;
use crate::server::probe::query;
use crate::server::probe::results::Results;

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

/// The results as rows of an HTML table, the newest first.
pub fn rows(results: &Results) -> String {
    let mut rows = String::new();
    for (id, result) in results.all().rev() {
        let module = escaped(&result.module.name);
        let target = escaped(&result.shown_target());
        let verdict = match result.is_success() {
            true => "Success",
            false => "<strong>Failure</strong>",
        };
        writeln!(
            rows,
            "<tr><td>{module}</td><td>{target}</td><td>{verdict}</td>\
             <td><a href=\"logs?id={id}\">Logs</a></td></tr>"
        )
        .expect("a String takes whatever is written");
    }
    rows
}
