//! The door of the server: who may ask how often, and what every response has. A door is one version
//! of the web configuration, made ready; requests take the one that was made last.

mod clients;
mod limiter;
mod passwords;
pub mod tls;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Request;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;

use crate::config::web::WebConfig;
use crate::server::door::limiter::Limiter;
use crate::server::door::users::Admission;
use crate::server::door::users::Users;

/// What stands between a connection and the pages.
#[derive(Debug)]
pub struct Door {
    tls: Option<Arc<ServerConfig>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    limiter: Option<Arc<Limiter>>,
    /// `None` lets everybody in.
    users: Option<Arc<Users>>,
}

impl Door {
    /// A door that is open to all, over plain HTTP.
    pub fn open() -> Self {
        Self {
            tls: None,
            headers: Vec::new(),
            limiter: None,
            users: None,
        }
    }

    /// Makes a door. What is as it was `before` goes on: passwords that were right, requests that
    /// were counted, sessions of TLS.
    pub fn new(config: &WebConfig, before: Option<(&WebConfig, &Self)>) -> Result<Self, String> {
        let same = |is_same: fn(&WebConfig, &WebConfig) -> bool| {
            let (its, door) = before?;
            is_same(its, config).then_some(door)
        };
        let tls = match same(|a, b| a.tls == b.tls && a.http2 == b.http2) {
            Some(door) => door.tls.clone(),
            None => {
                let settings = config.tls.as_ref();
                let built = settings.map(|settings| tls::server_config(settings, config.http2));
                built.transpose()?.map(Arc::new)
            }
        };
        let limiter = match same(|a, b| a.rate_limit == b.rate_limit) {
            Some(door) => door.limiter.clone(),
            None => config
                .rate_limit
                .map(|limit| Arc::new(Limiter::new(limit.interval, limit.burst))),
        };
        let users = match same(|a, b| a.users == b.users) {
            Some(door) => door.users.clone(),
            None if config.users.is_empty() => None,
            None => {
                let before = before.and_then(|(_, door)| door.users.as_deref());
                Some(Arc::new(Users::new(config.users.clone(), before)?))
            }
        };
        Ok(Self {
            tls,
            headers: config.headers.clone(),
            limiter,
            users,
        })
    }

    /// How TLS is spoken, if it is.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.clone()
    }

    /// Lets a request through to the pages, or answers in their stead.
    pub async fn answer(&self, request: Request<Incoming>, pages: Router) -> Response {
        let response = match self.refusal(&request).await {
            Some(refusal) => refusal,
            None => {
                let answered = TowerToHyperService::new(pages).call(request).await;
                answered.unwrap_or_else(|never| match never {})
            }
        };
        self.with_headers(response)
    }

    /// The answer to who gets no further than the door.
    pub fn refuse(&self, status: StatusCode) -> Response {
        self.with_headers(plain(status))
    }

    fn with_headers(&self, mut response: Response) -> Response {
        // A page knows best what it loads: its own header stays, as in exporter-toolkit.
        for (name, value) in &self.headers {
            let headers = response.headers_mut();
            headers.entry(name).or_insert_with(|| value.clone());
        }
        response
    }

    async fn refusal(&self, request: &Request<Incoming>) -> Option<Response> {
        if self
            .limiter
            .as_ref()
            .is_some_and(|limiter| !limiter.admits())
        {
            return Some(plain(StatusCode::TOO_MANY_REQUESTS));
        }
        let authorization = request.headers().get(header::AUTHORIZATION);
        match self.users.as_ref()?.admit(authorization).await {
            Admission::Granted => None,
            Admission::Denied => {
                let mut response = plain(StatusCode::UNAUTHORIZED);
                let headers = response.headers_mut();
                let basic = HeaderValue::from_static("Basic");
                headers.insert(header::WWW_AUTHENTICATE, basic);
                Some(response)
            }
            Admission::Busy => Some(plain(StatusCode::SERVICE_UNAVAILABLE)),
        }
    }
}

/// A response that says no more than its status.
fn plain(status: StatusCode) -> Response {
    let text = status.canonical_reason().unwrap_or_default();
    (status, Body::from(format!("{text}\n"))).into_response()
}
