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

/// Credentials are masked as a whole from this length on, whatever characters they have.
const MIN_BYTES_OF_CREDENTIALS: usize = 4;

/// How far into a body words are looked for.
const MAX_BODY: usize = 16 * 1024;

/// How much of a text is kept, which is far more than is ever shown: its length is the peer's choice,
/// and looking through it takes time that other probes wait.
const MAX_TEXT: usize = 1_000;

/// The beginning of `text` with a mask for each value that stands in a request of `target` with these
/// headers, and for each word of it, however it is capitalised or escaped. The host and addresses are
/// no secrets.
pub fn masked(text: &str, target: &Target, headers: &HeaderMap) -> String {
    let sent = Sent::new(target, headers);
    let (text, behind) = text.split_at(text.floor_char_boundary(MAX_TEXT));
    let mut hidden = vec![false; text.len()];
    let mut hide = |from: usize, length: usize| {
        let found = hidden.iter_mut().skip(from).take(length);
        found.for_each(|byte| *byte = true);
    };
    let mut at = 0;
    for word in text.split_inclusive(|c| !is_of_word(c)) {
        let bare = word.trim_end_matches(|c| !is_of_word(c));
        if sent.holds(bare, target) {
            hide(at, bare.len());
        }
        at += word.len();
    }
    for value in sent.whole(target) {
        for (at, _) in text.char_indices() {
            let rest = text.get(at..).unwrap_or_default();
            if let Some(length) = repeated(rest, value, !behind.is_empty()) {
                hide(at, length);
            }
        }
    }
    let mut masked = String::with_capacity(text.len());
    let mut is_hidden = false;
    for (c, hide) in text
        .char_indices()
        .filter_map(|(at, c)| Some((c, *hidden.get(at)?)))
    {
        match hide {
            false => masked.push(c),
            true if is_hidden => {}
            true => masked.push_str(MASK),
        }
        is_hidden = hide;
    }
    masked
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || "-_.~%+/=".contains(c)
}

/// What requests of a target hold, but for the host.
struct Sent {
    /// What lets in.
    credentials: Vec<Vec<u8>>,
    /// What may, and may be a word like any other.
    values: Vec<Vec<u8>>,
    body: Bytes,
}

impl Sent {
    fn new(target: &Target, headers: &HeaderMap) -> Self {
        let headers = headers.iter().filter(|(name, _)| *name != header::HOST);
        let mut values: Vec<Vec<u8>> = headers.map(|(_, value)| value.as_bytes().into()).collect();
        let mut credentials = Vec::new();
        match &target.module.credentials {
            Some(Credentials::Basic { username, password }) => {
                credentials.extend([username.expose().clone(), password.expose().clone()]);
            }
            // Not among the headers if those of the URL are.
            Some(Credentials::Authorization { value, .. }) => {
                values.push(value.expose().as_bytes().into());
            }
            // What lets in is among the headers, and the rest is for the server of tokens.
            Some(Credentials::OAuth2(_)) | None => {}
        }
        if let Some((user, password)) = target.url.userinfo() {
            credentials.extend([user.into(), password.into()]);
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
                credentials.extend([user.clone(), password.clone()]);
            }
        }
        // What alone may be repeated: a token behind its scheme, a cookie behind its name.
        let is_between = |byte: &u8| b" =;,&".contains(byte);
        let pieces = values.iter().flat_map(|value| value.split(is_between));
        let pieces: Vec<Vec<u8>> = pieces.map(<[u8]>::to_vec).collect();
        values.extend(pieces);
        for values in [&mut credentials, &mut values] {
            let decoded: Vec<_> = values.iter().filter_map(|value| unescaped(value)).collect();
            values.extend(decoded);
        }
        let body = target.module.body.expose();
        Self {
            credentials,
            values,
            body: body.slice(..body.len().min(MAX_BODY)),
        }
    }

    /// The values that are looked for as a whole, in pieces of words or not.
    fn whole(&self, target: &Target) -> impl Iterator<Item = &Vec<u8>> {
        let host = target.url.host_header().clone();
        let credentials = self.credentials.iter();
        let credentials = credentials.filter(|value| value.len() >= MIN_BYTES_OF_CREDENTIALS);
        let values = self.values.iter().filter(|value| value.len() >= MIN_CHARS);
        credentials.chain(values).filter(move |value| {
            let text = std::str::from_utf8(value);
            let is_address = text.is_ok_and(|text| text.parse::<IpAddr>().is_ok());
            !is_address && !has_within(host.as_bytes(), value)
        })
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
                let mut values = self.credentials.iter().chain(&self.values);
                values.any(|value| overlap(value, word, MIN_CHARS))
                    || overlap(&self.body, word, MIN_CHARS_OF_BODY)
            })
    }
}

/// How many bytes of `text` are `value`, percent-encoded, escaped with backslashes or as it is. Where
/// the text was cut, the beginning of a value counts as well.
fn repeated(text: &str, value: &[u8], is_cut: bool) -> Option<usize> {
    let mut rest = text.as_bytes();
    for (n_found, wanted) in value.iter().enumerate() {
        rest = match rest {
            [] if is_cut && n_found >= MIN_BYTES_OF_CREDENTIALS => return Some(text.len()),
            [b'\\', byte, rest @ ..] if byte == wanted => rest,
            [b'%', high, low, rest @ ..] if stands_for(*high, *low, *wanted) => rest,
            [byte, rest @ ..] if byte.eq_ignore_ascii_case(wanted) => rest,
            _ => return None,
        };
    }
    Some(text.len() - rest.len())
}

/// Whether two digits are an escape for a byte.
fn stands_for(high: u8, low: u8, byte: u8) -> bool {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let escaped = digit(high)
        .zip(digit(low))
        .map(|(high, low)| 16 * high + low);
    let as_code = |byte: u8| Some(u32::from(byte));
    escaped == as_code(byte.to_ascii_lowercase()) || escaped == as_code(byte.to_ascii_uppercase())
}

/// Bytes without their percent-encoding, if they have any.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    let has_escapes = bytes.contains(&b'%');
    has_escapes.then(|| percent_encoding::percent_decode(bytes).collect())
}

/// Whether the word stands in what was sent, or a word of what was sent in it.
fn overlap(sent: &[u8], word: &[u8], min: usize) -> bool {
    let is_of_word = |byte: &u8| !byte.is_ascii() || is_of_word(char::from(*byte));
    let words = || sent.split(|byte| !is_of_word(byte));
    // What stands behind the name of a field of a form.
    let fields = words().flat_map(|word| word.split(|byte| *byte == b'='));
    let mut parts = words().chain(fields);
    word.len() >= min
        && (has_within(sent, word)
            || parts.any(|part| (min..=word.len()).contains(&part.len()) && has_within(word, part)))
}

fn has_within(text: &[u8], part: &[u8]) -> bool {
    let Some((first, behind)) = part.split_first() else {
        return true;
    };
    let mut rest = text;
    // Most of a text does not even begin like what is looked for.
    while let Some(at) = rest
        .iter()
        .position(|byte| byte.eq_ignore_ascii_case(first))
    {
        let (_, from) = rest.split_at(at + 1);
        let found = from.get(..behind.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(behind)) {
            return true;
        }
        rest = from;
    }
    false
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
        let value = secret_value(b"a=hunter-of-cookie").expect("valid");
        headers.insert("cookie", value.expose().clone());
        for (text, shown) in [
            ("status 409", "status 409"),
            (
                "status 409, reason other: \"hunter-of-header\"",
                "status 409, reason other: \"<secret>\"",
            ),
            ("HUNTER-OF-HEADER.", "<secret>"),
            ("you sent xhunter-of-headerx!", "you sent <secret>!"),
            ("-hunter-of-cookie-hunter-of-header-", "<secret>"),
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

    fn target(password: &[u8], body: &str) -> Target {
        let module = Module {
            credentials: Some(Credentials::Basic {
                username: b"me".to_vec().into(),
                password: password.to_vec().into(),
            }),
            body: Bytes::from(body.to_owned()).into(),
            ..Module::http_2xx()
        };
        Target {
            name: "t".to_owned(),
            url: TargetUrl::parse("http://127.0.0.1:1/?q=a%21b%23c%24de").expect("valid"),
            module: Arc::new(module),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            labels: Labels::default(),
        }
    }

    #[test]
    fn secrets_of_short_pieces_are_not_shown() {
        let headers = HeaderMap::new();
        for (password, text, shown) in [
            (
                "p@ss!w0rd#x",
                "other: \"p@ss!w0rd#x\", ü",
                "other: \"<secret>\", ü",
            ),
            ("p@ss!w0rd#x", "xP@SS!W0RD#Xx", "x<secret>x"),
            ("p@ss!w0rd#x", "/p@ss%21w0rd%23x/", "/<secret>"),
            ("p@ss!w0rd#x", "p@ss!w0rd", "p@ss!w0rd"),
            ("a\"b\\c\"d", "\"a\\\"b\\\\c\\\"d\"", "\"<secret>\""),
            ("5%!%5", "5%!%5 5%25!%255", "<secret> <secret>"),
            ("ü@ö", "ä ü@ö ä", "ä <secret> ä"),
            ("pin", "a pin has few bytes", "a pin has few bytes"),
            (
                "127.0.0.1",
                "127.0.0.1:1 is silent",
                "127.0.0.1:1 is silent",
            ),
            ("", "a!b#c$de or a%21b%23c%24de", "<secret> or <secret>"),
        ] {
            let target = target(password.as_bytes(), "");
            assert_eq!(masked(text, &target, &headers), shown, "{password}");
        }
    }

    #[test]
    fn a_text_of_any_length_is_cut_before_it_is_looked_through() {
        let target = target(b"p@ss!w0rd#x", &"o".repeat(64 * 1024));
        for text in [
            "o:".repeat(200_000),
            "ü".repeat(200_000),
            "o".repeat(200_000),
        ] {
            let masked = masked(&text, &target, &HeaderMap::new());
            assert!(masked.len() <= MAX_TEXT, "{} bytes", masked.len());
        }
        let text = format!("{}p@ss!w0rd#x", ".".repeat(MAX_TEXT - 6));
        let masked = masked(&text, &target, &HeaderMap::new());
        assert_eq!(masked.trim_start_matches('.'), MASK);
    }
}
