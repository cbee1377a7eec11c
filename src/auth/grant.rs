//! The request for a token: client credentials (RFC 6749, 4.4), as golang.org/x/oauth2 sends it.

use std::time::Duration;

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_encode;
use tokio::time::timeout;

use crate::auth::client::Answer;
use crate::auth::client::Bounds;
use crate::auth::client::Client;
use crate::auth::client::FetchError;
use crate::auth::client::Question;
use crate::auth::moment::Clock;
use crate::auth::token::NoToken;
use crate::auth::token::Token;
use crate::probe::request::USER_AGENT;
use crate::probe::request::authorization_of_url;
use crate::probe::request::basic;
use crate::target::address::TargetUrl;
use crate::target::oauth2::OAuth2;

/// What asking may take, with all redirects and both ways to show the secret.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one request may take; the bytes are as many as Go reads.
const BOUNDS: Bounds = Bounds {
    connecting: Duration::from_secs(10),
    whole: PATIENCE,
    body: 1 << 20,
};

/// As many as Go's client follows.
const MAX_REDIRECTS: usize = 10;

/// What Go leaves as it is; a space becomes a plus.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b' ');

/// Where a request has the secret of the client (RFC 6749, 2.3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Style {
    Header,
    Body,
}

/// Asks for tokens, by the way that the server was found to take.
#[derive(Debug)]
pub struct Grant {
    client: Result<Client, String>,
    clock: Clock,
    /// The one that worked.
    style: Option<Style>,
}

/// Why a request brought no token.
enum Failure {
    /// By what the server said or did.
    Said(String),
    /// No server was heard.
    Unheard(FetchError),
}

impl Grant {
    /// Prepares requests by these settings; what is wrong with them is told when a token is wanted.
    pub fn new(settings: &OAuth2, clock: Clock) -> Self {
        let proxy = settings.proxy.clone();
        Self {
            clock,
            client: Client::new(&settings.tls, proxy, BOUNDS),
            style: None,
        }
    }

    /// Asks for a token, for no longer than `within` if that is given. The error says why there is none,
    /// and shows no secret. A server that does not take the secret in a header is asked once more with it
    /// in the body; which one it takes is then known. What is dropped meanwhile is as if it had not begun.
    pub async fn ask(
        &mut self,
        settings: &OAuth2,
        within: Option<Duration>,
    ) -> Result<Token, String> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let within = within.map_or(PATIENCE, |within| within.min(PATIENCE));
        let asked = timeout(within, self.ask_either_way(client, settings)).await;
        let asked = asked.unwrap_or(Err(Failure::Unheard(FetchError::TimedOut(within))));
        match asked {
            Ok((token, style)) => {
                self.style = Some(style);
                Ok(token)
            }
            Err(Failure::Said(what)) => {
                // It may be the way that the server takes no more.
                self.style = None;
                Err(what)
            }
            Err(Failure::Unheard(error)) => Err(error.to_string()),
        }
    }

    async fn ask_either_way(
        &self,
        client: &Client,
        settings: &OAuth2,
    ) -> Result<(Token, Style), Failure> {
        let first = self.style.unwrap_or(Style::Header);
        match ask(client, settings, first, self.clock).await {
            Ok(token) => Ok((token, first)),
            Err(Failure::Said(_)) if self.style.is_none() => {
                let token = ask(client, settings, Style::Body, self.clock).await;
                token.map(|token| (token, Style::Body))
            }
            Err(failure) => Err(failure),
        }
    }
}

async fn ask(
    client: &Client,
    settings: &OAuth2,
    style: Style,
    clock: Clock,
) -> Result<Token, Failure> {
    let asked = clock();
    let answer = follow(client, settings, style).await?;
    let token = Token::of_answer(&answer, asked);
    token.map_err(|error: NoToken| Failure::Said(error.to_string()))
}

/// Asks, and goes where the server sends it. What is secret stays with the origin that is configured: a
/// redirect that would repeat it elsewhere is not followed.
async fn follow(client: &Client, settings: &OAuth2, style: Style) -> Result<Answer, Failure> {
    let said = |what: &str| Failure::Said(what.to_owned());
    let first = &settings.token_url;
    let mut url = first.clone();
    let (mut method, mut body) = (Method::POST, form(settings, style));
    let mut headers = headers(settings, style);
    for _ in 0..=MAX_REDIRECTS {
        let question = Question {
            method: method.clone(),
            url: &url,
            headers: headers.clone(),
            body: body.clone(),
            reach: (url.host() != first.host()).then_some(&settings.reach),
        };
        let answer = client.ask(question).await.map_err(|error| match error {
            FetchError::Unreachable(_) | FetchError::TimedOut(_) => Failure::Unheard(error),
            FetchError::TooLarge(_) | FetchError::Broken(_) => Failure::Said(error.to_string()),
        })?;
        let location = answer.headers.get(header::LOCATION);
        let Some(location) = location.filter(|_| is_redirect(answer.status)) else {
            return Ok(answer);
        };
        let location = std::str::from_utf8(location.as_bytes()).ok();
        let next = location.and_then(|location| url.join(location).ok());
        let next: TargetUrl = next.ok_or_else(|| said("the server redirects to no URL"))?;
        if !matches!(answer.status.as_u16(), 307 | 308) {
            // As Go does: what is there is asked for, without what belongs to the body.
            (method, body) = (Method::GET, Vec::new());
            headers.remove(header::CONTENT_TYPE);
        }
        if !first.is_same_origin(&next) {
            if !body.is_empty() {
                return Err(said(
                    "the server redirects to another origin, which is not to have the secret; \
                     write the URL that it redirects to as token_url",
                ));
            }
            headers.remove(header::AUTHORIZATION);
        }
        url = next;
    }
    Err(said("the server redirects more than 10 times"))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn headers(settings: &OAuth2, style: Style) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let user_agent = settings.user_agent.as_ref();
    let user_agent = user_agent.map(|value| value.expose().clone());
    let user_agent = user_agent.unwrap_or(HeaderValue::from_static(USER_AGENT));
    headers.insert(header::USER_AGENT, user_agent);
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, form);
    let credentials = match style {
        Style::Header => {
            let secret = escaped(settings.client_secret.expose());
            let id = escaped(settings.client_id.as_bytes());
            Some(basic(id.as_bytes(), secret.as_bytes()))
        }
        // What stands in the URL counts where nothing else does, as in Go.
        Style::Body => authorization_of_url(&settings.token_url),
    };
    if let Some(value) = credentials {
        headers.insert(header::AUTHORIZATION, value.expose().clone());
    }
    headers
}

/// The form of the request, its fields by their names as Go sends them.
fn form(settings: &OAuth2, style: Style) -> Vec<u8> {
    let scopes = settings.scopes.join(" ");
    let mut fields: Vec<(&str, &[u8])> = vec![("grant_type", b"client_credentials")];
    if !settings.scopes.is_empty() {
        fields.push(("scope", scopes.as_bytes()));
    }
    for (name, value) in &settings.endpoint_params {
        // A grant with a name of the server's own takes the place of the usual one.
        fields.retain(|(known, _)| known != name);
        fields.push((name, value.expose().as_bytes()));
    }
    if style == Style::Body {
        let secret = settings.client_secret.expose();
        fields.retain(|(known, _)| *known != "client_id");
        fields.push(("client_id", settings.client_id.as_bytes()));
        if !secret.is_empty() {
            fields.retain(|(known, _)| *known != "client_secret");
            fields.push(("client_secret", secret));
        }
    }
    fields.sort_by_key(|(name, _)| *name);
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name.as_bytes()), escaped(value)));
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

fn escaped(text: &[u8]) -> String {
    percent_encode(text, ESCAPED).to_string().replace(' ', "+")
}
