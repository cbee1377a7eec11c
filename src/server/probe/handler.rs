//! `GET /probe`: takes the request apart, has the target probed, writes the series.

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::outcome::Attempt;
use crate::server::probe::Endpoint;
use crate::server::probe::ProbeModule;
use crate::server::probe::debug;
use crate::server::probe::page;
use crate::server::probe::query;
use crate::server::probe::results::Found;
use crate::server::probe::results::ProbeResult;
use crate::server::probe::time_limit;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;
use crate::target::module::Module;

const TEXT: &str = "text/plain; charset=utf-8";
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The module of requests that name none.
const DEFAULT_MODULE: &str = "http_2xx";

/// How many bytes a target may have: results are kept, and the target with them.
const MAX_TARGET_BYTES: usize = 8 * 1024;

/// How much a page has, roughly.
const PAGE_BYTES: usize = 4 * 1024;

/// Answers a request for a probe.
pub async fn probe(
    State(endpoint): State<Arc<Endpoint>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    match endpoint.answer(&query, &headers).await {
        Ok(result) if query::first(&query, "debug").as_deref() == Some("true") => {
            text(StatusCode::OK, "text/plain", debug::page(&result))
        }
        Ok(result) => {
            let mut page = Vec::with_capacity(PAGE_BYTES);
            page::write(&result, &mut page);
            text(StatusCode::OK, EXPOSITION, page)
        }
        Err((status, message)) => error(status, &message),
    }
}

/// A page that nobody is to take for anything but text: it holds some from the network.
pub fn text(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, body).into_response()
}

/// An answer that is no result.
pub fn error(status: StatusCode, message: &str) -> Response {
    text(status, TEXT, format!("{message}\n").into_bytes())
}

fn bad(message: impl Into<String>) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, message.into())
}

fn unavailable(message: impl Into<String>) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, message.into())
}

impl Endpoint {
    /// Reads the request in the order in which blackbox_exporter does, so that of two mistakes the
    /// same is told, and probes.
    pub async fn answer(
        &self,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Arc<ProbeResult>, (StatusCode, String)> {
        let name = query::first(query, "module");
        let name = name.as_deref().unwrap_or(DEFAULT_MODULE);
        let ready = self.modules.find(name);
        let ready = ready.ok_or_else(|| bad(format!("Unknown module {name:?}")))?;
        let patience = headers.get(HeaderName::from_static(time_limit::HEADER));
        let patience = patience.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let timeout = time_limit::of(patience.as_deref(), ready.timeout(), self.timeout_offset)
            .map_err(|error| {
                let message = format!("Failed to parse timeout from Prometheus header: {error}");
                (StatusCode::INTERNAL_SERVER_ERROR, message)
            })?;
        let target = query::first(query, "target");
        let target = target.ok_or_else(|| bad("Target parameter is missing"))?;
        let target = match is_escaped_whole(&target) {
            true => query::unescape(&target).unwrap_or(target),
            false => target,
        };
        if target.len() > MAX_TARGET_BYTES {
            let message = format!("Target parameter has more than {MAX_TARGET_BYTES} bytes");
            return Err(bad(message));
        }
        let module = match query::first(query, "hostname") {
            None => ready.module().clone(),
            Some(hostname) => Arc::new(with_host(ready.module(), &hostname).map_err(bad)?),
        };
        let _admitted = self
            .admit()
            .ok_or_else(|| unavailable("Too many probes are under way; nothing was measured"))?;
        let asked = Asked {
            module,
            target,
            timeout,
        };
        let result = Arc::new(asked.probe(&*ready).await.map_err(unavailable)?);
        self.results().add(result.clone());
        Ok(result)
    }
}

/// What a request asks for.
struct Asked {
    module: Arc<Module>,
    target: String,
    timeout: Duration,
}

impl Asked {
    /// Has it probed. The error says what of the exporter's own stood in the way: nothing was
    /// learnt of the target, and a result would charge it with that.
    async fn probe(self, ready: &dyn ProbeModule) -> Result<ProbeResult, String> {
        let started = SystemTime::now();
        let found = match url(&self.target, self.module.enable_http3) {
            Err(error) => Err(error),
            Ok(url) => {
                let probed = ready.probe(Target {
                    name: url.to_string(),
                    url: url.clone(),
                    module: self.module.clone(),
                    interval: self.timeout,
                    timeout: self.timeout,
                    labels: Labels::default(),
                });
                let (attempt, detail) = probed.await.map_err(|error| {
                    format!("The exporter cannot probe: {error}; nothing was measured")
                })?;
                match attempt {
                    Attempt::Finished(outcome) => Ok(Found {
                        url,
                        outcome,
                        detail,
                    }),
                    Attempt::Skipped(reason) => {
                        let reason = reason.label();
                        return Err(format!(
                            "The exporter could not probe ({reason}); nothing was measured"
                        ));
                    }
                }
            }
        };
        Ok(ProbeResult {
            module: self.module,
            module_timeout: ready.timeout(),
            target: self.target.into(),
            started,
            timeout: self.timeout,
            found,
        })
    }
}

/// Whether a target is escaped twice: some write what they have into a URL that is escaped as a whole.
/// What is escaped within a URL is to stay so.
fn is_escaped_whole(target: &str) -> bool {
    !target.contains("://") && target.to_ascii_lowercase().contains("%3a%2f%2f")
}

/// The URL that a target stands for; without a scheme it is plain HTTP. A module that speaks HTTP/3
/// makes https of it, as blackbox_exporter does.
fn url(target: &str, is_http3: bool) -> Result<TargetUrl, String> {
    if !is_http3 {
        return TargetUrl::of_target(target, "http");
    }
    let scheme = "http://";
    let (start, rest) = target.split_at_checked(scheme.len()).unwrap_or_default();
    let is_plain = start.eq_ignore_ascii_case(scheme);
    TargetUrl::of_target(if is_plain { rest } else { target }, "https")
}

/// The module with a `Host`, unless it has another one already.
fn with_host(module: &Module, hostname: &str) -> Result<Module, String> {
    let value = HeaderValue::from_str(hostname)
        .map_err(|_| format!("host name {hostname:?} cannot be sent as a header"))?;
    let hosts = module
        .headers
        .iter()
        .filter(|(name, _)| name == header::HOST);
    for (_, configured) in hosts {
        if *configured.expose() != value {
            return Err(format!(
                "host header defined both in module configuration ({}) and with URL-parameter \
                 'hostname' ({hostname})",
                String::from_utf8_lossy(configured.expose().as_bytes())
            ));
        }
    }
    let mut module = module.clone();
    module.headers.retain(|(name, _)| name != header::HOST);
    module.headers.push((header::HOST, value.into()));
    Ok(module)
}
