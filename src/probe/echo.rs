//! Text of a peer that repeats what it was sent: what a module holds secret is not shown because a
//! server gives it back, in a value of a conflict, a farewell or the host of a redirect.

use std::net::IpAddr;

use bytes::Bytes;
use http::HeaderMap;
use http::header;

use crate::target::Target;
use crate::target::credentials::Credentials;
use crate::target::secret::MASK;

/// Shorter words are not looked for: most of what is so short in a request is no secret.
const MIN_CHARS: usize = 8;

/// The same for words of a body, most of which are words of a language.
const MIN_CHARS_OF_BODY: usize = 12;

/// How far into a body words are looked for.
const MAX_BODY: usize = 64 * 1024;

/// `text` with a mask for each word that stands in a request of `target` with these headers, however
/// it is capitalised or escaped. The host and addresses are no secrets.
pub fn masked(text: &str, target: &Target, headers: &HeaderMap) -> String {
    let sent = Sent::new(target, headers);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        masked.push_str(if sent.holds(word, target) { MASK } else { word });
        let between = behind.find(is_of_word).unwrap_or(behind.len());
        let (gap, next) = behind.split_at(between);
        masked.push_str(gap);
        rest = next;
    }
    masked
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || "-_.~%+/=".contains(c)
}

/// What requests of a target hold, but for the host.
struct Sent {
    values: Vec<Vec<u8>>,
    body: Bytes,
}

impl Sent {
    fn new(target: &Target, headers: &HeaderMap) -> Self {
        let headers = headers.iter().filter(|(name, _)| *name != header::HOST);
        let mut values: Vec<Vec<u8>> = headers.map(|(_, value)| value.as_bytes().into()).collect();
        match &target.module.credentials {
            Some(Credentials::Basic { username, password }) => {
                values.push(username.expose().clone());
                values.push(password.expose().clone());
            }
            // Not among the headers if those of the URL are.
            Some(Credentials::Authorization { value, .. }) => {
                values.push(value.expose().as_bytes().into());
            }
            None => {}
        }
        if let Some((user, password)) = target.url.userinfo() {
            values.push(user.into());
            values.push(password.into());
        }
        let query = target.url.request_target().query().unwrap_or_default();
        values.extend(query.split('&').map(|pair| {
            let value = pair.split_once('=').map_or(pair, |(_, value)| value);
            value.as_bytes().to_vec()
        }));
        if let Some(settings) = &target.module.proxy {
            let headers = settings.connect_headers.iter();
            values.extend(headers.map(|(_, value)| value.expose().as_bytes().to_vec()));
            let proxies = [&settings.proxies.http, &settings.proxies.https];
            for userinfo in proxies.into_iter().flatten().flat_map(|url| &url.userinfo) {
                let (user, password) = userinfo.expose();
                values.extend([user.clone(), password.clone()]);
            }
        }
        let decoded: Vec<Vec<u8>> = values.iter().filter_map(|value| unescaped(value)).collect();
        values.extend(decoded);
        let body = target.module.body.expose();
        Self {
            values,
            body: body.slice(..body.len().min(MAX_BODY)),
        }
    }

    fn holds(&self, word: &str, target: &Target) -> bool {
        let word = word.trim_matches(['.', '/']);
        if word.len() < MIN_CHARS || word.parse::<IpAddr>().is_ok() {
            return false;
        }
        if has_within(target.url.host_header().as_bytes(), word.as_bytes()) {
            return false;
        }
        let plain = unescaped(word.as_bytes());
        [Some(word.as_bytes()), plain.as_deref()]
            .into_iter()
            .flatten()
            .any(|word| {
                let mut values = self.values.iter();
                values.any(|value| overlap(value, word, MIN_CHARS))
                    || overlap(&self.body, word, MIN_CHARS_OF_BODY)
            })
    }
}

/// Bytes without their percent-encoding, if they have any.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    let has_escapes = bytes.contains(&b'%');
    has_escapes.then(|| percent_encoding::percent_decode(bytes).collect())
}

/// Whether the word stands in what was sent, or a word of what was sent in it.
fn overlap(sent: &[u8], word: &[u8], min: usize) -> bool {
    let is_of_word = |byte: &u8| !byte.is_ascii() || is_of_word(char::from(*byte));
    word.len() >= min
        && (has_within(sent, word)
            || sent
                .split(|byte| !is_of_word(byte))
                .any(|part| (min..=word.len()).contains(&part.len()) && has_within(word, part)))
}

fn has_within(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len().max(1))
        .any(|window| window.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http::HeaderValue;

    use super::*;
    use crate::target::address::TargetUrl;
    use crate::target::credentials::secret_value;
    use crate::target::labels::Labels;
    use crate::target::module::Module;

    #[test]
    fn what_was_sent_is_not_shown_and_the_rest_is() {
        let url = "http://us%65rname:hunter-of-url@api.example.test/path?token=hunter-of-query&bare-hunter";
        let module = Module {
            credentials: Some(Credentials::Basic {
                username: b"hunter-of-user".to_vec().into(),
                password: b"hunter-of-password".to_vec().into(),
            }),
            body: Bytes::from("{\"state\": \"hunter-of-body\", \"expected\": 1}").into(),
            ..Module::http_2xx()
        };
        let target = Target {
            name: "t".to_owned(),
            url: TargetUrl::parse(url).expect("valid"),
            module: Arc::new(module),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            labels: Labels::default(),
        };
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("hosting.example.test"));
        let value = secret_value(b"Bearer hunter-of-header, x").expect("valid");
        headers.insert("x-a", value.expose().clone());
        for (text, shown) in [
            ("status 409", "status 409"),
            (
                "status 409, reason other: \"hunter-of-header\"",
                "status 409, reason other: \"<secret>\"",
            ),
            ("HUNTER-OF-HEADER.", "<secret>"),
            ("you sent xhunter-of-headerx!", "you sent <secret>!"),
            ("part: ter-of-head", "part: <secret>"),
            ("hunter%2Dof%2dheader", "<secret>"),
            ("hunter-of-query and bare-hunter", "<secret> and <secret>"),
            ("username / hunter-of-url", "<secret> / <secret>"),
            ("hunter-of-user hunter-of-password", "<secret> <secret>"),
            ("hunter-of-body expected state", "<secret> expected state"),
            (
                "api.example.test has no A record",
                "api.example.test has no A record",
            ),
            ("hosting.example.test", "hosting.example.test"),
            ("ü hunter x", "ü hunter x"),
        ] {
            assert_eq!(masked(text, &target, &headers), shown);
        }
    }
}
