//! The small pages beside the metrics.

use axum::http::StatusCode;

/// What `/-/ready` answers.
pub async fn ready(is_ready: bool) -> (StatusCode, &'static str) {
    if is_ready {
        (StatusCode::OK, "Ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Not ready\n")
    }
}
