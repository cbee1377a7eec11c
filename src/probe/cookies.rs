//! The cookies of one probe: set by redirects, shown again to the origin that set them.

use cookie_store::CookieStore;
use http::HeaderMap;
use http::header;

use crate::target::address::TargetUrl;
use crate::target::credentials::SecretValue;
use crate::target::credentials::secret_value;
use crate::target::secret::Secret;

/// How many bytes of cookies a probe keeps: a redirect in a circle may set new ones at every turn.
const MAX_BYTES: usize = 16 * 1024;

/// A jar that begins empty with each probe. It has a compartment for each origin, as no cookie is
/// to cross to another host, port or scheme, which RFC 6265 would allow.
#[derive(Debug, Default)]
pub struct Jar {
    compartments: Vec<(TargetUrl, Secret<CookieStore>)>,
    n_bytes: usize,
}

impl Jar {
    /// Keeps what the headers of a response from `url` set; what is no cookie is left out.
    pub fn keep(&mut self, url: &TargetUrl, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            self.n_bytes += value.len();
            let Ok(text) = value.to_str() else { continue };
            if self.n_bytes > MAX_BYTES {
                return;
            }
            let compartments = &mut self.compartments;
            let place = compartments
                .iter()
                .position(|(owner, _)| owner.is_same_origin(url));
            let place = place.unwrap_or_else(|| {
                compartments.push((url.clone(), Secret::default()));
                compartments.len() - 1
            });
            if let Some((_, store)) = compartments.get_mut(place) {
                // One that is refused, by its domain for instance, is not sent.
                store.expose_mut().parse(text, url.as_url()).ok();
            }
        }
    }

    /// The header `Cookie` of a request to `url`: `configured`, which is the module's own, with what
    /// the jar has for it. A cookie of the jar takes the place of a configured one.
    pub fn header(&self, url: &TargetUrl, configured: Option<&SecretValue>) -> Option<SecretValue> {
        let store = self
            .compartments
            .iter()
            .find_map(|(owner, store)| owner.is_same_origin(url).then_some(store));
        let mut set = store
            .map(|store| store.expose().matches(url.as_url()))
            .unwrap_or_default();
        // Those of longer paths first, else as they were set (RFC 6265, 5.4).
        set.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let set: Vec<(&str, &str)> = set.iter().map(|cookie| cookie.name_value()).collect();
        if set.is_empty() {
            return configured.cloned();
        }
        let configured = configured.and_then(|value| value.expose().to_str().ok());
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().trim().to_owned();
        let is_set = |pair: &str| set.iter().any(|(other, _)| *other == name(pair));
        let kept = configured
            .into_iter()
            .flat_map(|text| text.split(';'))
            .map(str::trim)
            .filter(|pair| !pair.is_empty() && !is_set(pair))
            .map(str::to_owned);
        let set = set.iter().map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<String> = kept.chain(set).collect();
        secret_value(pairs.join("; ").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn url(text: &str) -> TargetUrl {
        TargetUrl::parse(text).expect("valid")
    }

    #[test]
    fn a_cookie_goes_to_the_origin_that_set_it_and_nowhere_else() {
        let from = url("http://a.example:8080/login/start");
        for (set, to, expected) in [
            ("s=1", "http://a.example:8080/login/next", Some("s=1")),
            ("s=1", "http://a.example:8080/", None),
            ("s=1; Path=/", "http://a.example:8080/", Some("s=1")),
            ("s=1; Path=/", "http://a.example:8081/", None),
            ("s=1; Path=/", "https://a.example:8080/", None),
            ("s=1; Path=/", "http://b.example:8080/", None),
            (
                "s=1; Path=/; Domain=example",
                "http://b.example:8080/",
                None,
            ),
            ("s=1; Path=/; Secure", "http://a.example:8080/", None),
            ("s=1; Path=/; Max-Age=0", "http://a.example:8080/", None),
            (
                "s=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "http://a.example:8080/",
                None,
            ),
            (
                "s=1; Path=/; HttpOnly; SameSite=Strict",
                "http://a.example:8080/",
                Some("s=1"),
            ),
            ("", "http://a.example:8080/login/next", None),
        ] {
            let mut jar = Jar::default();
            let mut headers = HeaderMap::new();
            headers.append(header::SET_COOKIE, HeaderValue::from_static(set));
            jar.keep(&from, &headers);
            let sent = jar.header(&url(to), None);
            assert_eq!(
                sent.as_ref().and_then(|value| value.expose().to_str().ok()),
                expected,
                "{set} to {to}"
            );
        }
    }

    #[test]
    fn what_is_set_takes_the_place_of_what_is_configured() {
        let origin = url("http://a.example/");
        let mut jar = Jar::default();
        let configured = secret_value(b"old=1; kept=2").expect("valid");
        assert_eq!(
            jar.header(&origin, Some(&configured)),
            Some(configured.clone())
        );
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("old=3"));
        jar.keep(&origin, &headers);
        let both = jar.header(&origin, Some(&configured)).expect("there");
        assert_eq!(both.expose(), "kept=2; old=3");
        assert!(both.expose().is_sensitive());
    }

    #[test]
    fn what_a_jar_keeps_is_bounded() {
        let origin = url("http://a.example/");
        let mut jar = Jar::default();
        for n in 0..100 {
            let mut headers = HeaderMap::new();
            let set = format!("c{n}={}", "x".repeat(1_000));
            let set = HeaderValue::try_from(set).expect("valid");
            headers.append(header::SET_COOKIE, set);
            jar.keep(&origin, &headers);
        }
        let sent = jar.header(&origin, None).expect("some are kept");
        let len = sent.expose().len();
        assert!(len <= MAX_BYTES, "{len}");
    }
}
