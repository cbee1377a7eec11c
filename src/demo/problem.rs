//! What the demo's API answers instead: problem documents (RFC 9457), which say why.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;

use crate::demo::orders::Refusal;

/// Where the types of this API begin. Nothing is there: they are names.
const TYPES: &str = "https://orders.example/problems/";

/// One problem.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    instance: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<u64>,
}

impl Problem {
    /// What a status code says by itself, with the particulars.
    pub fn of(status: StatusCode, detail: String, instance: &str) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Problem"),
            status,
            detail,
            instance: instance.to_owned(),
            current_version: None,
        }
    }

    /// There is nothing at `instance`.
    pub fn not_found(instance: &str) -> Self {
        let detail = format!("there is nothing at {instance}; GET /orders lists what there is");
        Self::of(StatusCode::NOT_FOUND, detail, instance)
    }

    /// Somebody else has the lock for as long as this.
    pub fn locked(left: Duration, instance: &str) -> Self {
        let detail = format!(
            "picker-3 counts the stock, for another {} ms",
            left.as_millis()
        );
        Self::conflict("locked", "The stock is locked", detail, instance)
    }

    /// Why nothing was saved.
    pub fn refused(refusal: Refusal, instance: &str) -> Self {
        match refusal {
            Refusal::Unknown => Self::not_found(instance),
            Refusal::Stale(current) => Self {
                current_version: Some(current),
                ..Self::conflict(
                    "stale-version",
                    "Somebody else saved this order",
                    format!("it has version {current} now; read it again, then save"),
                    instance,
                )
            },
            Refusal::Taken(id) => Self::conflict(
                "name-taken",
                "Another order has this name",
                format!("order {id} has it; choose another one"),
                instance,
            ),
            Refusal::Unnameable => {
                let detail = "a name has up to 40 letters, digits and hyphens".to_owned();
                Self::of(StatusCode::BAD_REQUEST, detail, instance)
            }
            Refusal::Full => {
                let detail = "there are too many orders until the next storm is over".to_owned();
                Self::of(StatusCode::INSUFFICIENT_STORAGE, detail, instance)
            }
        }
    }

    fn conflict(name: &str, title: &'static str, detail: String, instance: &str) -> Self {
        Self {
            kind: format!("{TYPES}{name}"),
            title,
            ..Self::of(StatusCode::CONFLICT, detail, instance)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut body = serde_json::to_vec(&self).expect("text and numbers can be written as JSON");
        body.push(b'\n');
        (self.status, content_type, body).into_response()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}
