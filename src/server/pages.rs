//! The small pages beside the metrics.

use axum::http::StatusCode;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse;

/// What `/-/ready` answers.
pub async fn ready(is_ready: bool) -> (StatusCode, &'static str) {
    if is_ready {
        (StatusCode::OK, "Ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Not ready\n")
    }
}

/// The landing page: what this is and where things are. It loads nothing.
pub fn landing(telemetry_path: &str) -> impl IntoResponse + Clone + 'static {
    let version = env!("CARGO_PKG_VERSION");
    let path = telemetry_path
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>httpcycle_exporter</title></head>\n<body>\n<main>\n\
         <h1>httpcycle_exporter</h1>\n\
         <p>How long each phase of the HTTP cycle takes, and how often each status code comes \
         back.</p>\n<p>Version {version}</p>\n<ul>\n<li><a href=\"{path}\">Metrics</a></li>\n\
         <li><a href=\"/-/healthy\">Health</a></li>\n\
         <li><a href=\"/-/ready\">Readiness</a></li>\n</ul>\n</main>\n</body>\n</html>\n"
    );
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(page))
}
