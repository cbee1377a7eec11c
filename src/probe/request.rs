//! The request of a target, built once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Request;
use http::Uri;
use http::header;
use http_body_util::Full;

use crate::target::Target;

/// The value of `User-Agent` unless the module sets one.
const USER_AGENT: &str = concat!("httpcycle_exporter/", env!("CARGO_PKG_VERSION"));

/// Builds the request of `target`.
pub fn build(target: &Target) -> Request<Full<Bytes>> {
    let module = &target.module;
    let mut headers = HeaderMap::new();
    for (name, value) in &module.headers {
        headers.append(name, value.clone());
    }
    headers
        .entry(header::HOST)
        .or_insert_with(|| target.url.host_header().clone());
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(USER_AGENT));
    if let Some((user, password)) = target.url.userinfo() {
        headers
            .entry(header::AUTHORIZATION)
            .or_insert_with(|| basic(user, password));
    }
    let mut request = Request::new(Full::new(module.body.clone()));
    *request.method_mut() = module.method.clone();
    *request.uri_mut() = Uri::from(target.url.request_target().clone());
    *request.headers_mut() = headers;
    request
}

/// Credentials of a URL as HTTP sends them (RFC 7617).
fn basic(user: &str, password: &str) -> HeaderValue {
    let mut plain = percent_encoding::percent_decode_str(user).collect::<Vec<u8>>();
    plain.push(b':');
    plain.extend(percent_encoding::percent_decode_str(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(plain)))
        .expect("base64 has only characters that a header may have");
    value.set_sensitive(true);
    value
}
