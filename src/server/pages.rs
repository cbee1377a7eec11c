//! The small pages beside the metrics.

use axum::http::StatusCode;
use axum::http::header;
use axum::response::Html;
use axum::response::IntoResponse;
use axum::response::Response;

/// What `/-/ready` answers.
pub async fn ready(is_ready: bool) -> (StatusCode, &'static str) {
    if is_ready {
        (StatusCode::OK, "Ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Not ready\n")
    }
}

/// The landing page: what this is and where things are. It loads nothing. `recent` are the rows of
/// what was probed on request, if that is on.
pub fn landing(telemetry_path: &str, recent: Option<&str>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let path = escaped(telemetry_path);
    let recent = recent.map_or_else(String::new, |rows| {
        format!(
            "<h2>Recent probes</h2>\n<table>\n<tr><th>Module</th><th>Target</th><th>Result</th>\
             <th>Debug</th></tr>\n{rows}</table>\n"
        )
    });
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>httpcycle_exporter</title></head>\n<body>\n<main>\n\
         <h1>httpcycle_exporter</h1>\n\
         <p>How long each phase of the HTTP cycle takes, and how often each status code comes \
         back.</p>\n<p>Version {version}</p>\n<ul>\n<li><a href=\"{path}\">Metrics</a></li>\n\
         <li><a href=\"/config\">Configuration</a></li>\n\
         <li><a href=\"/-/healthy\">Health</a></li>\n\
         <li><a href=\"/-/ready\">Readiness</a></li>\n</ul>\n{recent}</main>\n</body>\n</html>\n"
    );
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(page)).into_response()
}

/// Text fit to stand in HTML, between tags or in quotes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
