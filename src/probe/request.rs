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

/// Builds the request line and headers of `target`, or says what does not fit into them.
pub fn build(target: &Target) -> Result<Request<Full<Bytes>>, String> {
    let module = &target.module;
    let uri = Uri::try_from(target.url.request_target())
        .map_err(|error| format!("the path of the URL cannot be sent: {error}"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &module.headers {
        headers.append(name, value.clone());
    }
    if !headers.contains_key(header::HOST) {
        let host = HeaderValue::try_from(target.url.authority())
            .map_err(|error| format!("the host of the URL cannot be sent: {error}"))?;
        headers.insert(header::HOST, host);
    }
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(USER_AGENT));
    if let Some((user, password)) = target.url.userinfo() {
        headers
            .entry(header::AUTHORIZATION)
            .or_insert(basic(user, password)?);
    }
    let mut request = Request::new(Full::new(module.body.clone()));
    *request.method_mut() = module.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Credentials of a URL as HTTP sends them (RFC 7617).
fn basic(user: &str, password: &str) -> Result<HeaderValue, String> {
    let mut plain = percent_encoding::percent_decode_str(user).collect::<Vec<u8>>();
    plain.push(b':');
    plain.extend(percent_encoding::percent_decode_str(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(plain)))
        .map_err(|error| format!("the credentials of the URL cannot be sent: {error}"))?;
    value.set_sensitive(true);
    Ok(value)
}
