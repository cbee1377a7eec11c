//! A server that lists targets: asked from time to time as Prometheus asks it, its last good answer kept
//! while it has no other.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::auth::client;
use crate::auth::client::Bounds;
use crate::auth::client::Client;
use crate::auth::client::FetchError;
use crate::auth::client::Question;
use crate::auth::source::Source;
use crate::auth::token::Token;
use crate::config::discovery::HttpSource;
use crate::config::file;
use crate::config::groups;
use crate::config::groups::Format;
use crate::discovery::Answer;
use crate::discovery::Failures;
use crate::discovery::Part;
use crate::discovery::Voice;
use crate::probe::request::USER_AGENT;
use crate::probe::request::basic;
use crate::target::address::TargetUrl;
use crate::target::credentials::Credentials;
use crate::target::credentials::SecretValue;
use crate::target::module::Module;

/// As many redirects as Go follows.
const MAX_REDIRECTS: usize = 10;

/// An answer has to be there before the next question, ...
const MIN_PATIENCE: Duration = Duration::from_secs(1);
/// ... and within this time even if that is far.
const MAX_PATIENCE: Duration = Duration::from_secs(60);

/// By how much Prometheus says that it asks.
const REFRESH_HEADER: &str = "x-prometheus-refresh-interval-seconds";

/// A server that is asked.
#[derive(Debug)]
pub struct Asking {
    source: HttpSource,
    /// What it lists, if it has said so.
    part: Option<Arc<Part>>,
    /// What it is asked with, as the files of the configuration had it then.
    ready: Option<(Module, Arc<Client>)>,
    /// Where the token comes from that it wants to see, if it wants one.
    tokens: Option<Source>,
    /// The one that was shown last.
    shown: Option<Arc<Token>>,
    /// Why it could not be asked the last time.
    trouble: Option<String>,
}

/// Asks for as long as it is awaited.
pub async fn run(mut asking: Asking, voice: Voice, failures: Arc<dyn Failures>) {
    let name = asking.source.url.to_string();
    loop {
        let next = Instant::now() + asking.source.every;
        let round = AssertUnwindSafe(asking.round(&name, &voice, &*failures));
        if round.catch_unwind().await.is_err() {
            tracing::error!(
                source = name,
                "asking for targets panicked, which is a bug; what was listed stays, please report it"
            );
            // It may be what it was asked with.
            (asking.ready, asking.tokens) = (None, None);
            // Counting it may be what panics.
            catch_unwind(AssertUnwindSafe(|| failures.failed(&name))).ok();
            voice.tell(None);
        }
        sleep_until(next).await;
    }
}

impl Asking {
    /// Asks once and tells what came of it.
    async fn round(&mut self, name: &str, voice: &Voice, failures: &dyn Failures) {
        let answer = match self.ask().await {
            Ok(answer) => {
                if self.trouble.take().is_some() {
                    tracing::info!(source = name, "targets are listed again");
                }
                answer
            }
            Err(why) => {
                failures.failed(name);
                if self.trouble.as_ref() != Some(&why) {
                    tracing::warn!(
                        source = name,
                        "targets cannot be had: {why}; what was listed stays"
                    );
                }
                self.trouble = Some(why);
                None
            }
        };
        voice.tell(answer);
    }

    /// Begins with what the server listed `before`, if it was asked.
    pub fn new(source: HttpSource, before: Option<Answer>) -> Self {
        Self {
            part: before.and_then(|answer| answer.first().cloned()),
            source,
            ready: None,
            tokens: None,
            shown: None,
            trouble: None,
        }
    }

    /// Asks once. Tells what is listed if that is something else than before.
    async fn ask(&mut self) -> Result<Option<Answer>, String> {
        let (request, client) = self.ready().await?;
        let authorization = self.authorization(&request).await?;
        let fetched = fetch(&self.source, &request, authorization, &client).await;
        if let (Err(Refusal::Unauthorized), Some(tokens), Some(shown)) =
            (&fetched, &self.tokens, &self.shown)
        {
            tokens.doubt(shown);
        }
        let body = fetched.map_err(|refusal| refusal.to_string())?;
        let name = self.source.url.to_string();
        // What is long takes long to read.
        let read = spawn_blocking(move || {
            let groups = groups::parse("the answer", Format::Json, &body)?;
            Ok::<_, String>(Part { name, groups })
        });
        let part = read.await.map_err(bug)??;
        if self.part.as_deref() == Some(&part) {
            return Ok(None);
        }
        let part = Arc::new(part);
        self.part = Some(part.clone());
        Ok(Some([part].into()))
    }

    /// What to ask with, as the files of the configuration have it now.
    async fn ready(&mut self) -> Result<(Module, Arc<Client>), String> {
        let written = self.source.request.clone();
        let reread = spawn_blocking(move || {
            written
                .reread(|part| file::read_again(&part.path, part.part.max_bytes()))
                .map_err(|error| error.to_string())
        });
        let request = reread.await.map_err(bug)??;
        if let Some((before, client)) = &self.ready
            && *before == request
        {
            return Ok((request, client.clone()));
        }
        let bounds = Bounds {
            connecting: self.patience(),
            whole: self.patience(),
            body: usize::try_from(groups::MAX_BYTES).unwrap_or(usize::MAX),
        };
        let client = Client::new(&request.tls, request.proxy.clone(), bounds)?;
        let client = Arc::new(client);
        self.ready = Some((request.clone(), client.clone()));
        Ok((request, client))
    }

    /// What is shown to be let in.
    async fn authorization(&mut self, request: &Module) -> Result<Option<SecretValue>, String> {
        Ok(match &request.credentials {
            Some(Credentials::Basic { username, password }) => {
                Some(basic(username.expose(), password.expose()))
            }
            Some(Credentials::Authorization { value, .. }) => Some(value.clone()),
            Some(Credentials::OAuth2(settings)) => {
                let patience = self.patience();
                let name = self.source.url.to_string();
                let tokens = self.tokens.get_or_insert_with(|| {
                    Source::new(&name, settings.clone(), false, &Handle::current())
                });
                tokens.change(settings);
                let token = tokens.wait(patience).await;
                let token = token.map_err(|why| format!("no token to show: {why}"))?;
                let value = token.value().clone();
                self.shown = Some(token);
                Some(value)
            }
            None => of_url(&self.source.url),
        })
    }

    fn patience(&self) -> Duration {
        self.source.every.clamp(MIN_PATIENCE, MAX_PATIENCE)
    }
}

fn bug(error: tokio::task::JoinError) -> String {
    format!("reading it panicked, which is a bug: {error}")
}

/// Why there is no list.
#[derive(Debug)]
enum Refusal {
    /// There was no answer.
    NoAnswer(FetchError),
    /// The server that is configured does not let us in.
    Unauthorized,
    /// The answer has this status.
    Status(StatusCode),
    /// The answer is of no use.
    Useless(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(error) => error.fmt(f),
            Self::Unauthorized => Self::Status(StatusCode::UNAUTHORIZED).fmt(f),
            Self::Status(status) => {
                write!(f, "the status is {}, and only 200 will do", status.as_u16())
            }
            Self::Useless(what) => f.write_str(what),
        }
    }
}

/// The body of the answer, after redirects. What lets in stays with the first origin.
async fn fetch(
    source: &HttpSource,
    request: &Module,
    authorization: Option<SecretValue>,
    client: &Client,
) -> Result<Vec<u8>, Refusal> {
    let mut url = source.url.clone();
    let mut headers = all_headers(source, request, authorization);
    let mut has_left = false;
    for _ in 0..=MAX_REDIRECTS {
        let question = Question {
            method: Method::GET,
            url: &url,
            headers: headers.clone(),
            body: Vec::new(),
            reach: (url.host() != source.url.host()).then_some(&request.reach),
        };
        let answer = client.ask(question).await.map_err(Refusal::NoAnswer)?;
        if !(request.follow_redirects && is_redirect(answer.status)) {
            return match answer.status {
                StatusCode::UNAUTHORIZED if !has_left => Err(Refusal::Unauthorized),
                _ => checked(answer),
            };
        }
        let location = answer.headers.get(header::LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        let location = location.ok_or(Refusal::Useless("a redirect leads nowhere"))?;
        let next = url
            .join(location)
            .map_err(|_| Refusal::Useless("a redirect leads to no URL of HTTP"))?;
        if !next.is_same_origin(&url) {
            headers = own_headers(source);
            has_left = true;
        }
        url = next;
    }
    Err(Refusal::Useless("more than 10 redirects"))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn checked(answer: client::Answer) -> Result<Vec<u8>, Refusal> {
    if answer.status != StatusCode::OK {
        return Err(Refusal::Status(answer.status));
    }
    let content_type = answer.headers.get(header::CONTENT_TYPE);
    match content_type.and_then(|value| value.to_str().ok()) {
        Some(text) if is_json(text) => Ok(answer.body),
        // It may be anything that a stranger wrote.
        _ => Err(Refusal::Useless("the Content-Type is not application/json")),
    }
}

/// As Prometheus takes it: with UTF-8 as its only parameter, if there is one.
fn is_json(content_type: &str) -> bool {
    let (kind, parameter) = content_type.split_once(';').unwrap_or((content_type, ""));
    let parameter = parameter.trim_start().to_ascii_lowercase();
    let is_utf8 = matches!(&*parameter, "" | "charset=utf-8" | "charset=\"utf-8\"");
    kind.eq_ignore_ascii_case("application/json") && is_utf8
}

/// What every server may know.
fn own_headers(source: &HttpSource) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::ACCEPT, json);
    let agent = HeaderValue::from_static(USER_AGENT);
    headers.insert(header::USER_AGENT, agent);
    let seconds = source.every.as_secs_f64().to_string();
    if let Ok(seconds) = HeaderValue::from_str(&seconds) {
        headers.insert(REFRESH_HEADER, seconds);
    }
    headers
}

/// What the server that is configured may know besides.
fn all_headers(
    source: &HttpSource,
    request: &Module,
    authorization: Option<SecretValue>,
) -> HeaderMap {
    let mut headers = own_headers(source);
    if let Some(value) = authorization {
        headers.insert(header::AUTHORIZATION, value.expose().clone());
    }
    let mut named = Vec::new();
    for (name, value) in &request.http_headers {
        // The first of a name takes the place of our own.
        match named.contains(&name) {
            true => headers.append(name, value.expose().clone()),
            false => headers.insert(name, value.expose().clone()).is_some(),
        };
        named.push(name);
    }
    headers
}

fn of_url(url: &TargetUrl) -> Option<SecretValue> {
    let (user, password) = url.userinfo()?;
    let decoded = |text| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    Some(basic(&decoded(user), &decoded(password)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::config;
    use crate::config::discovery::TargetSource;

    /// Panics when something fails for the first time.
    struct Panicking(AtomicU32);

    impl Failures for Panicking {
        fn failed(&self, _: &str) {
            assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "as asked for");
        }
    }

    #[tokio::test]
    async fn asking_goes_on_after_a_panic() {
        // Nobody listens there.
        let text = "http_sd_configs: [{url: 'http://127.0.0.1:1/', refresh_interval: 100ms}]";
        let config = config::parse("", Path::new(""), text, &|_| Ok(())).expect("valid");
        let [TargetSource::Http(source)] = &config.sources[..] else {
            panic!("{:?}", config.sources);
        };
        let asking = Asking::new(HttpSource::clone(source), None);
        let (latest, _) = tokio::sync::watch::channel(Default::default());
        let changed = Arc::default();
        let voice = Voice { latest, changed };
        let failures = Arc::new(Panicking(AtomicU32::new(0)));
        let asked = tokio::spawn(run(asking, voice, failures.clone()));
        // Once it panics, once that is counted, and then it fails as it should.
        while failures.0.load(Ordering::SeqCst) < 4 {
            assert!(!asked.is_finished());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        asked.abort();
    }

    #[test]
    fn types_of_content_are_those_that_prometheus_takes() {
        for (text, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("application/json; v=1", false),
            ("text/html", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            assert_eq!(is_json(text), expected, "{text}");
        }
    }
}
