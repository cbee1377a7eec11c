//! A token as a server gives it (RFC 6749, 5), read as golang.org/x/oauth2 does.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use http::header;
use serde_json::Value;
use url::form_urlencoded;

use crate::auth::client::Answer;
use crate::auth::life::Life;
use crate::auth::moment::Moment;
use crate::target::credentials::SecretValue;
use crate::target::credentials::secret_value;

/// What servers say when they refuse (RFC 6749, 5.2, and 4.1.2.1 for those that use its codes here).
/// Others are not repeated, as a server may say anything.
const CODES: [&str; 9] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "access_denied",
    "server_error",
    "temporarily_unavailable",
];

/// What is shown to be let in.
#[derive(Debug)]
pub struct Token {
    value: SecretValue,
    /// `None` if it has no end.
    life: Option<Life>,
}

/// Why an answer holds no token. It shows nothing of what the server wrote but for its status and a code
/// of the specification.
#[derive(Debug, Eq, PartialEq)]
pub enum NoToken {
    /// The server refuses, with a code if it is a known one.
    Refused(StatusCode, Option<&'static str>),
    /// What it says is nothing that a token could be read from.
    Unreadable(&'static str),
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status, Some(code)) => {
                write!(f, "the server refuses: {code}, status {}", status.as_u16())
            }
            Self::Refused(status, None) => {
                write!(f, "the server refuses with status {}", status.as_u16())
            }
            Self::Unreadable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for NoToken {}

impl Token {
    /// The token of an answer to what was asked at `asked`, from when on its life is counted: the
    /// server cannot have begun before.
    pub fn of_answer(answer: &Answer, asked: Moment) -> Result<Self, NoToken> {
        let fields = Fields::read(answer)?;
        let code = fields.text("error").filter(|code| !code.is_empty());
        if let Some(code) = code {
            let known = CODES.into_iter().find(|known| *known == code);
            return Err(NoToken::Refused(answer.status, known));
        }
        if !answer.status.is_success() {
            return Err(NoToken::Refused(answer.status, None));
        }
        let token = fields.text("access_token").unwrap_or_default();
        if token.is_empty() {
            return Err(NoToken::Unreadable("the answer has no access_token"));
        }
        let kind = fields.text("token_type").unwrap_or_default();
        let value = format!("{} {token}", scheme(&kind));
        let value = secret_value(value.as_bytes());
        let value = value.ok_or(NoToken::Unreadable("the token cannot stand in a header"))?;
        let life = fields.seconds("expires_in")?.map(Duration::from_secs);
        let life = life.map(|life| Life::new(asked, life));
        Ok(Self { value, life })
    }

    /// The value of `Authorization`.
    pub fn value(&self) -> &SecretValue {
        &self.value
    }

    /// Whether it can be shown.
    pub fn is_usable(&self, now: Moment) -> bool {
        self.life.is_none_or(|life| life.is_usable(now))
    }

    /// When to ask for another, if ever.
    pub fn renew_at(&self) -> Option<Moment> {
        self.life.map(|life| life.renew_at())
    }

    /// How long a request for another may take, so that there can be more while this one is usable; `None`
    /// if that does not matter, as it is usable for ever or no more.
    pub fn patience(&self, now: Moment) -> Option<Duration> {
        self.life?.patience(now)
    }
}

/// How the header calls a type of token: as Go does, whose servers may write `bearer`.
fn scheme(kind: &str) -> &str {
    let known = ["Bearer", "MAC", "Basic"];
    match known.iter().find(|known| known.eq_ignore_ascii_case(kind)) {
        Some(known) => known,
        None if kind.is_empty() => "Bearer",
        None => kind,
    }
}

/// What an answer says, in either of the two forms.
enum Fields<'a> {
    Form(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    Json(Value),
}

impl<'a> Fields<'a> {
    /// Reads the body by its type. What cannot be read is no more than its status if that tells enough.
    fn read(answer: &'a Answer) -> Result<Self, NoToken> {
        let kind = answer.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next();
        let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
        if matches!(&*kind, "application/x-www-form-urlencoded" | "text/plain") {
            let pairs = form_urlencoded::parse(&answer.body);
            return Ok(Self::Form(pairs.collect()));
        }
        match serde_json::from_slice(&answer.body) {
            Ok(json @ Value::Object(_)) => Ok(Self::Json(json)),
            _ if !answer.status.is_success() => Err(NoToken::Refused(answer.status, None)),
            Ok(_) => Err(NoToken::Unreadable("the answer is no object of JSON")),
            Err(_) => Err(NoToken::Unreadable("the answer is not JSON")),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        match self {
            Self::Form(pairs) => {
                let (_, value) = pairs.iter().find(|(key, _)| key == name)?;
                Some(value.to_string())
            }
            Self::Json(json) => Some(json.get(name)?.as_str()?.to_owned()),
        }
    }

    /// Seconds as a number or as text; none and 0 mean no end, as in Go.
    fn seconds(&self, name: &str) -> Result<Option<u64>, NoToken> {
        /// As many as Go takes, which is longer than anything runs.
        const MOST: f64 = i32::MAX as f64;
        let number = match self {
            // What is no number has no end, as in Go.
            Self::Form(_) => self.text(name).and_then(|text| text.parse().ok()),
            Self::Json(json) => match json.get(name) {
                None | Some(Value::Null) => None,
                Some(Value::Number(number)) => number.as_f64(),
                Some(Value::String(text)) => Some(text.parse().unwrap_or(f64::NAN)),
                Some(_) => Some(f64::NAN),
            },
        };
        match number {
            None => Ok(None),
            Some(seconds) if seconds.is_nan() => {
                Err(NoToken::Unreadable("expires_in is no number of seconds"))
            }
            Some(seconds) if seconds < 0.0 => Err(NoToken::Unreadable("expires_in is in the past")),
            Some(seconds) => {
                let whole = Duration::from_secs_f64(seconds.min(MOST)).as_secs();
                Ok(Some(whole).filter(|seconds| *seconds > 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::HeaderValue;

    use super::*;

    fn answer(status: u16, kind: &'static str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Answer {
            status: StatusCode::from_u16(status).expect("valid"),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    const JSON: &str = "application/json; charset=utf-8";
    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn tokens_are_read_as_go_reads_them() {
        for (kind, body, expected) in [
            (JSON, r#"{"access_token":"t"}"#, "Bearer t"),
            (
                "",
                r#"{"access_token":"t","token_type":"bearer"}"#,
                "Bearer t",
            ),
            (JSON, r#"{"access_token":"t","token_type":"mac"}"#, "MAC t"),
            (
                JSON,
                r#"{"access_token":"t","token_type":"BASIC"}"#,
                "Basic t",
            ),
            (
                JSON,
                r#"{"access_token":"t","token_type":"DPoP"}"#,
                "DPoP t",
            ),
            (JSON, r#"{"access_token":"t","error":""}"#, "Bearer t"),
            (FORM, "access_token=a%2Bb&token_type=bearer", "Bearer a+b"),
            ("text/plain", "access_token=t&expires_in=never", "Bearer t"),
        ] {
            let token = Token::of_answer(&answer(200, kind, body), Moment::now());
            let token = token.unwrap_or_else(|error| panic!("{body}: {error}"));
            assert_eq!(token.value().expose(), expected);
            assert!(token.renew_at().is_none() && token.is_usable(Moment::now()));
            assert_eq!(token.patience(Moment::now()), None);
        }
    }

    #[test]
    fn what_is_no_token_is_told_without_what_the_server_wrote() {
        for (status, kind, body, expected) in [
            (200, JSON, "", "not JSON"),
            (200, JSON, "access_token=t", "not JSON"),
            (200, JSON, "[]", "no object"),
            (200, JSON, "{}", "no access_token"),
            (200, FORM, r#"{"access_token":"t"}"#, "no access_token"),
            (200, JSON, r#"{"access_token":""}"#, "no access_token"),
            (200, JSON, r#"{"access_token":7}"#, "no access_token"),
            (
                200,
                JSON,
                r#"{"access_token":"a\nb"}"#,
                "cannot stand in a header",
            ),
            (
                200,
                JSON,
                r#"{"access_token":"t","token_type":"a\u0000"}"#,
                "cannot stand",
            ),
            (
                200,
                JSON,
                r#"{"access_token":"t","expires_in":"x"}"#,
                "no number",
            ),
            (
                200,
                JSON,
                r#"{"access_token":"t","expires_in":[]}"#,
                "no number",
            ),
            (
                200,
                JSON,
                r#"{"access_token":"t","expires_in":-1}"#,
                "in the past",
            ),
            (
                200,
                JSON,
                r#"{"access_token":"t","error":"s3cret"}"#,
                "refuses with status 200",
            ),
            (
                200,
                JSON,
                r#"{"error":"invalid_scope"}"#,
                "invalid_scope, status 200",
            ),
            (
                400,
                JSON,
                r#"{"error":"invalid_client"}"#,
                "invalid_client, status 400",
            ),
            (
                400,
                FORM,
                "error=invalid_grant",
                "invalid_grant, status 400",
            ),
            (401, JSON, "<html>s3cret", "refuses with status 401"),
            (
                500,
                JSON,
                r#"{"access_token":"t"}"#,
                "refuses with status 500",
            ),
            (302, JSON, "", "refuses with status 302"),
        ] {
            let error = Token::of_answer(&answer(status, kind, body), Moment::now());
            let error = error.expect_err(body).to_string();
            assert!(error.contains(expected), "{body}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    /// What is written as the end, and the seconds that it means.
    #[test]
    fn ends_are_read_as_go_reads_them() {
        for (end, life) in [
            ("3600", 3600),
            ("\"3600\"", 3600),
            ("3600.9", 3600),
            ("1e300", 2_147_483_647),
        ] {
            let asked = Moment::now();
            let body = format!("{{\"access_token\":\"t\",\"expires_in\":{end}}}");
            let token = Token::of_answer(&answer(200, JSON, &body), asked).expect("a token");
            let expected = Life::new(asked, Duration::from_secs(life));
            assert_eq!(token.life, Some(expected), "{end}");
        }
    }
}
