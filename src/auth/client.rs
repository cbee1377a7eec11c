//! The client for ordinary HTTP, where nothing is measured: one request and its whole answer, within
//! bounds, by the TLS and the proxies that somebody configured.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::header;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_encode;
use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::ServerName;
use tokio::net::lookup_host;
use url::Url;

use crate::probe::request::basic;
use crate::probe::tls::TlsClient;
use crate::probe::tls::crypto_provider;
use crate::target::address::Hostname;
use crate::target::address::TargetUrl;
use crate::target::proxy::ProxyScheme;
use crate::target::proxy::ProxySettings;
use crate::target::proxy::ProxyUrl;
use crate::target::reach::Reach;
use crate::target::tls::TlsSettings;

/// What one exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// To be connected, the handshake of TLS included.
    pub connecting: Duration,
    /// From the look-up of the name to the last byte of the answer.
    pub whole: Duration,
    /// The bytes of the answer's body.
    pub body: usize,
}

/// What fetches. Each request has a connection of its own, and no redirect is followed.
#[derive(Debug)]
pub struct Client {
    settings: TlsSettings,
    /// What they make, once something asks for it and it can be had: reading all authorities of a system
    /// takes its time, and they may not be there yet.
    tls: OnceLock<ClientConfig>,
    /// The name to ask for in TLS and to find in certificates, instead of the host of the URL.
    server_name: Option<ServerName<'static>>,
    proxy: Option<Box<ProxySettings>>,
    bounds: Bounds,
}

/// What is asked for.
#[derive(Debug)]
pub struct Question<'q> {
    /// The method.
    pub method: Method,
    /// Where to; what stands before its host is left out.
    pub url: &'q TargetUrl,
    /// The headers besides `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body, empty for none.
    pub body: Vec<u8>,
    /// By what the addresses are judged that may be connected to, if somebody else chose the URL than
    /// the operator. Behind a proxy only those that are written can be.
    pub reach: Option<&'q Reach>,
}

/// A whole answer.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not longer than its bound.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    /// What is fetched may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = &mut f.debug_struct("Answer");
        answer.field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no whole answer. The text shows nothing of what was sent and no URL.
#[derive(Debug)]
pub enum FetchError {
    /// Nobody was there to ask.
    Unreachable(String),
    /// Not within this time.
    TimedOut(Duration),
    /// The body is longer than so many bytes.
    TooLarge(usize),
    /// The exchange broke off, or was none of HTTP.
    Broken(String),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "cannot connect: {why}"),
            Self::TimedOut(after) => write!(f, "no whole answer within {after:?}"),
            Self::TooLarge(bytes) => write!(f, "the answer has more than {} KiB", bytes >> 10),
            Self::Broken(why) => write!(f, "no whole answer: {why}"),
        }
    }
}

impl std::error::Error for FetchError {}

impl Client {
    /// Prepares fetching. Whether TLS can work shows when it is needed: plain HTTP does without it, also
    /// on a system without certificate authorities.
    pub fn new(
        tls: &TlsSettings,
        proxy: Option<Box<ProxySettings>>,
        bounds: Bounds,
    ) -> Result<Self, String> {
        let server_name = tls.server_name.as_ref().map(|name| {
            ServerName::try_from(name.to_owned())
                .map_err(|_| format!("{name:?} is neither a DNS name nor an IP address"))
        });
        let server_name = server_name.transpose()?;
        Ok(Self {
            settings: tls.clone(),
            tls: OnceLock::new(),
            server_name,
            proxy,
            bounds,
        })
    }

    /// Asks once and reads the answer to its end.
    pub async fn ask(&self, question: Question<'_>) -> Result<Answer, FetchError> {
        let (client, url) = self.toward(question.url, question.reach)?;
        let mut headers = question.headers;
        if url.host() != question.url.as_url().host() {
            headers.insert(header::HOST, question.url.host_header().clone());
        }
        let request = client.request(question.method, url).headers(headers);
        let request = match question.body.is_empty() {
            true => request,
            false => request.body(question.body),
        };
        let mut response = request.send().await.map_err(|error| self.failed(error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > self.bounds.body {
                return Err(FetchError::TooLarge(self.bounds.body));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    /// A client that connects to `url`, and the URL that it is to be asked for: reqwest takes the name
    /// for TLS from there, so that another name is looked up as if it were the host's.
    fn toward(
        &self,
        url: &TargetUrl,
        reach: Option<&Reach>,
    ) -> Result<(reqwest::Client, Url), FetchError> {
        if let (Some(reach), Hostname::Ip(ip)) = (reach, url.host()) {
            let judged = reach.check(*ip);
            judged.map_err(|denial| FetchError::Unreachable(denial.to_string()))?;
        }
        let mut asked = url.as_url().clone();
        // Both can only fail for URLs without a host.
        asked.set_username("").ok();
        asked.set_password(None).ok();
        let proxy = self.proxy.as_ref();
        let proxy = proxy.and_then(|settings| Some((settings, settings.of(url)?)));
        let needs_tls =
            url.is_tls() || proxy.is_some_and(|(_, proxy)| proxy.scheme == ProxyScheme::Https);
        let tls = self.tls(needs_tls);
        let tls = tls.map_err(|what| FetchError::Broken(format!("TLS cannot work: {what}")))?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(self.bounds.connecting)
            .timeout(self.bounds.whole)
            // Those of the environment count if somebody configured so, and have been read then.
            .no_proxy();
        match proxy {
            Some((settings, proxy)) => {
                builder = builder.proxy(through(settings, proxy, url.is_tls())?);
            }
            None => {
                let mut is_renamed = false;
                if let (Some(ServerName::DnsName(name)), true) = (&self.server_name, url.is_tls()) {
                    is_renamed = asked.set_host(Some(name.as_ref())).is_ok();
                }
                if is_renamed || reach.is_some() {
                    let (host, reach) = (url.host().clone(), reach.cloned());
                    builder = builder.dns_resolver(Instead { host, reach });
                }
            }
        }
        let built = builder.build();
        Ok((built.map_err(|error| self.failed(error))?, asked))
    }

    fn tls(&self, is_needed: bool) -> Result<ClientConfig, String> {
        if !is_needed {
            return trusting_nobody();
        }
        if let Some(built) = self.tls.get() {
            return Ok(built.clone());
        }
        let client = TlsClient::new(&self.settings)?;
        let built = client.ordinary(self.server_name.clone());
        Ok(self.tls.get_or_init(|| built).clone())
    }

    fn failed(&self, error: reqwest::Error) -> FetchError {
        let error = error.without_url();
        match (error.is_timeout(), error.is_connect()) {
            (true, true) => FetchError::TimedOut(self.bounds.connecting),
            (true, false) => FetchError::TimedOut(self.bounds.whole),
            (false, true) => FetchError::Unreachable(cause(&error)),
            (false, false) => FetchError::Broken(cause(&error)),
        }
    }
}

/// What lies behind an error: the texts before the last one only say which part of the client had it.
fn cause(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// TLS for who has nothing to do with it: no handshake ends well.
fn trusting_nobody() -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no usable version of TLS: {error}"))?;
    let roots = RootCertStore::empty();
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The way through a proxy. As in Go a name is given to SOCKS 5 as it is, and the headers of the
/// configuration belong to tunnels.
fn through(
    settings: &ProxySettings,
    proxy: &ProxyUrl,
    is_tunnel: bool,
) -> Result<reqwest::Proxy, FetchError> {
    let unusable = |_| FetchError::Broken("the URL of the proxy cannot be used".to_owned());
    let is_socks = proxy.scheme == ProxyScheme::Socks5;
    let mut url = proxy.to_string();
    if let (Some(userinfo), true) = (&proxy.userinfo, is_socks) {
        let (user, password) = userinfo.expose();
        let [user, password] = [user, password].map(|text| percent_encode(text, NON_ALPHANUMERIC));
        url = url.replace("://", &format!("://{user}:{password}@"));
    }
    let url = url.replacen("socks5://", "socks5h://", 1);
    let mut through = reqwest::Proxy::all(url).map_err(unusable)?;
    if is_socks {
        return Ok(through);
    }
    if let Some(userinfo) = &proxy.userinfo {
        let (user, password) = userinfo.expose();
        through = through.custom_http_auth(basic(user, password).expose().clone());
    }
    if is_tunnel && !settings.connect_headers.is_empty() {
        let headers = settings.connect_headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.expose().clone()));
        through = through.headers(headers.collect());
    }
    Ok(through)
}

/// Finds the addresses of this host, whatever name is asked for, and of them those that may be reached.
struct Instead {
    host: Hostname,
    reach: Option<Reach>,
}

impl Resolve for Instead {
    fn resolve(&self, _: Name) -> Resolving {
        let (host, reach) = (self.host.clone(), self.reach.clone());
        Box::pin(async move {
            let mut addresses: Vec<SocketAddr> = match host {
                Hostname::Ip(ip) => vec![any_port(ip)],
                Hostname::Name(name) => lookup_host((name, 0)).await?.collect(),
            };
            if let Some(reach) = reach {
                let judge = |address: &SocketAddr| reach.check(address.ip());
                let denial = addresses.iter().find_map(|address| judge(address).err());
                addresses.retain(|address| judge(address).is_ok());
                if let (Some(denial), true) = (denial, addresses.is_empty()) {
                    return Err(io::Error::other(denial.to_string()).into());
                }
            }
            match addresses.is_empty() {
                true => Err(io::Error::other("the name has no address").into()),
                false => Ok(Box::new(addresses.into_iter()) as Addrs),
            }
        })
    }
}

/// reqwest puts the port of the URL in the place of 0.
fn any_port(ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, 0)
}
