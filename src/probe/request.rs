//! The request of a target, built once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Uri;
use http::header;
use http_body_util::Full;

use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::credentials::Credentials;
use crate::target::credentials::SecretValue;
use crate::target::credentials::secret_value;

/// The value of `User-Agent` unless the module sets one.
pub const USER_AGENT: &str = concat!("httpcycle_exporter/", env!("CARGO_PKG_VERSION"));

/// Builds the request of `target`.
pub fn build(target: &Target) -> Request<Full<Bytes>> {
    let module = &target.module;
    let mut headers = HeaderMap::new();
    for (name, value) in &module.headers {
        headers.append(name, value.expose().clone());
    }
    for (name, value) in &module.http_headers {
        headers.append(name, value.expose().clone());
    }
    headers
        .entry(header::HOST)
        .or_insert_with(|| target.url.host_header().clone());
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(USER_AGENT));
    let is_set = headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| !value.is_empty());
    if let Some(value) = authorization(target).filter(|_| !is_set) {
        headers.insert(header::AUTHORIZATION, value.expose().clone());
    }
    let means_body = matches!(module.method, Method::POST | Method::PUT | Method::PATCH);
    if means_body && module.body.expose().is_empty() {
        // Servers may ask for the length of a body that is to be expected, even of none (RFC 9110,
        // 8.6); of others hyper tells it.
        headers
            .entry(header::CONTENT_LENGTH)
            .or_insert(HeaderValue::from_static("0"));
    }
    let mut request = Request::new(Full::new(module.body.expose().clone()));
    *request.method_mut() = module.method.clone();
    *request.uri_mut() = Uri::from(target.url.request_target().clone());
    *request.headers_mut() = headers;
    request
}

/// What the request shows to be let in. The URL wins over the module, since Go's client sets the
/// header from it before those of Prometheus see the request, and they leave one that is there.
fn authorization(target: &Target) -> Option<SecretValue> {
    if let Some(value) = authorization_of_url(&target.url) {
        return Some(value);
    }
    match target.module.credentials.as_ref()? {
        Credentials::Basic { username, password } => {
            Some(basic(username.expose(), password.expose()))
        }
        Credentials::Authorization { value, .. } => Some(value.clone()),
        // Not here yet, see `authorized`.
        Credentials::OAuth2(_) => None,
    }
}

/// What the user name and password of a URL let show.
pub fn authorization_of_url(url: &TargetUrl) -> Option<SecretValue> {
    let (user, password) = url.userinfo()?;
    let decode = |text| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    Some(basic(&decode(user), &decode(password)))
}

/// User name and password as HTTP sends them (RFC 7617).
pub fn basic(user: &[u8], password: &[u8]) -> SecretValue {
    let plain = [user, b":", password].concat();
    let value = format!("Basic {}", BASE64.encode(plain));
    secret_value(value.as_bytes()).expect("base64 has only characters that a header may have")
}
