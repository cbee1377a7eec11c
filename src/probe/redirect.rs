//! Redirects: where they lead, what the next request is, and what it must not take along.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use http::Uri;
use http::header;
use http_body_util::Full;
use percent_encoding::AsciiSet;
use percent_encoding::percent_encode;

use crate::outcome::reason::Reason;
use crate::probe::cookies::Jar;
use crate::probe::request;
use crate::probe::stop::Stop;
use crate::target::address::JoinError;
use crate::target::address::TargetUrl;
use crate::target::credentials::SecretValue;
use crate::target::credentials::secret_value;
use crate::target::secret::Secret;

/// How many redirects are followed, as many as Go's client and blackbox_exporter follow.
const MAX_REDIRECTS: u8 = 10;

/// The headers that go along to another origin: what a request needs to be understood, nothing that
/// could let somebody in. All others may be secrets of the first origin, and stay.
const HARMLESS: [HeaderName; 10] = [
    header::ACCEPT,
    header::ACCEPT_CHARSET,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::USER_AGENT,
];

/// The headers that describe a body and go with it.
const OF_BODY: [HeaderName; 6] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
];

/// What is escaped of a `Location` that is not UTF-8, besides what is beyond ASCII.
const NOTHING_ELSE: AsciiSet = AsciiSet::EMPTY;

/// A response that asks to go elsewhere.
#[derive(Debug)]
pub struct Redirection {
    status: StatusCode,
    location: Secret<HeaderValue>,
    headers: Secret<HeaderMap>,
}

/// Whether a status asks to go elsewhere (RFC 9110, 15.4), given a `Location`.
pub fn is_redirect(code: u16) -> bool {
    matches!(code, 301 | 302 | 303 | 307 | 308)
}

impl Redirection {
    /// The redirect that a head is, if it is one and says where to.
    pub fn of_head(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let location = headers
            .get(header::LOCATION)
            .filter(|value| !value.is_empty())?;
        is_redirect(status.as_u16()).then(|| Self {
            status,
            location: location.clone().into(),
            headers: headers.clone().into(),
        })
    }
}

/// The requests of a probe that was redirected.
#[derive(Debug)]
pub struct Chain<'a> {
    first: &'a TargetUrl,
    url: TargetUrl,
    request: Secret<Request<Full<Bytes>>>,
    /// Whether some request went to another origin. What was left behind then does not come back.
    has_left: bool,
    n_redirects: u8,
    jar: Jar,
    /// The header `Cookie` of the module.
    configured_cookie: Option<SecretValue>,
}

impl<'a> Chain<'a> {
    /// The chain that begins with `request` to `url`.
    pub fn new(url: &'a TargetUrl, request: &Secret<Request<Full<Bytes>>>) -> Self {
        Self {
            first: url,
            url: url.clone(),
            configured_cookie: joined_cookies(request.expose().headers()),
            request: request.clone(),
            has_left: false,
            n_redirects: 0,
            jar: Jar::default(),
        }
    }

    /// Where the current request goes.
    pub fn url(&self) -> &TargetUrl {
        &self.url
    }

    /// Whether some request went to another origin.
    pub fn has_left(&self) -> bool {
        self.has_left
    }

    /// The current request.
    pub fn request(&self) -> &Secret<Request<Full<Bytes>>> {
        &self.request
    }

    /// Makes the next request the current one.
    pub fn follow(&mut self, redirection: &Redirection) -> Result<(), Stop> {
        if self.n_redirects == MAX_REDIRECTS {
            return Err(Stop::failed(
                Reason::RedirectLimit,
                format!("redirected more than {MAX_REDIRECTS} times"),
            ));
        }
        let location = location_text(redirection.location.expose())?;
        let url = self.url.join(&location).map_err(|error| match error {
            JoinError::Scheme(scheme) => Stop::failed(
                Reason::RedirectScheme,
                format!("redirected to scheme {scheme:?}"),
            ),
            JoinError::Unusable(what) => Stop::failed(
                Reason::RedirectLocation,
                format!("redirected to a Location that cannot be used: {what}"),
            ),
        })?;
        self.jar.keep(&self.url, redirection.headers.expose());
        self.n_redirects += 1;
        self.has_left |= !self.first.is_same_origin(&url);
        let host_stays = !self.has_left && is_path(&location);
        self.rewrite(redirection.status, &url, host_stays);
        self.url = url;
        Ok(())
    }

    /// Turns the request into the one to `url`, as Go's client does: 307 and 308 repeat method and
    /// body, the others ask for what is there (RFC 9110, 15.4).
    fn rewrite(&mut self, status: StatusCode, url: &TargetUrl, host_stays: bool) {
        let repeats = matches!(
            status,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        );
        let request = self.request.expose_mut();
        if !repeats {
            *request.body_mut() = Full::default();
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                *request.method_mut() = Method::GET;
            }
        }
        *request.uri_mut() = Uri::from(url.request_target().clone());
        let headers = request.headers_mut();
        if !repeats {
            for name in OF_BODY {
                headers.remove(name);
            }
        }
        if self.has_left {
            // Taken out and put back, as a map of headers has no `retain`.
            let kept: Vec<_> = HARMLESS
                .iter()
                .flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            headers.clear();
            headers.extend(kept);
            self.configured_cookie = None;
        }
        if !host_stays {
            headers.insert(header::HOST, url.host_header().clone());
        }
        if !headers.contains_key(header::AUTHORIZATION)
            && let Some(value) = request::authorization_of_url(url)
        {
            headers.insert(header::AUTHORIZATION, value.expose().clone());
        }
        headers.remove(header::COOKIE);
        if let Some(value) = self.jar.header(url, self.configured_cookie.as_ref()) {
            headers.insert(header::COOKIE, value.expose().clone());
        }
    }
}

/// All cookies of the module in one header, as there may be several.
fn joined_cookies(headers: &HeaderMap) -> Option<SecretValue> {
    let values = headers.get_all(header::COOKIE).iter();
    let values: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
    secret_value(&values.join(&b"; "[..])).filter(|joined| !joined.expose().is_empty())
}

/// The text of a `Location`, with what is beyond ASCII escaped if it is not UTF-8, as in browsers. The
/// parser of URLs, like browsers, would drop a tab and go elsewhere.
fn location_text(value: &HeaderValue) -> Result<Cow<'_, str>, Stop> {
    let unusable = |what: &str| {
        let detail = format!("redirected to a Location {what}");
        Stop::failed(Reason::RedirectLocation, detail)
    };
    let bytes = value.as_bytes();
    let escaped = || Cow::from(percent_encode(bytes, &NOTHING_ELSE).to_string());
    let text = std::str::from_utf8(bytes).map_or_else(|_| escaped(), Cow::Borrowed);
    if text.contains(|c: char| c.is_ascii_control()) {
        return Err(unusable("with a control character"));
    }
    match lacks_host(&text) {
        true => Err(unusable("without a host")),
        false => Ok(text),
    }
}

/// Whether a reference has one of the two schemes and no host, which makes it invalid (RFC 9110,
/// 4.2.1). The parser of URLs, like browsers, would take the path for one, or go where it came from.
fn lacks_host(location: &str) -> bool {
    let Some((scheme, rest)) = location.split_once(':') else {
        return false;
    };
    let has_scheme = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let host = rest.strip_prefix("//");
    has_scheme && host.is_none_or(|host| host.is_empty() || host.starts_with(['/', '\\', '?', '#']))
}

/// Whether a reference names no host, so that the host stays the one that was asked for.
fn is_path(location: &str) -> bool {
    let relative = matches!(
        url::Url::parse(location),
        Err(url::ParseError::RelativeUrlWithoutBase)
    );
    relative && !location.starts_with("//") && !location.starts_with("\\\\")
}
