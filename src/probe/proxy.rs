//! The way through a proxy: the tunnel that it opens, and the form of a request that it forwards.

use std::io;
use std::net::IpAddr;

use http::HeaderName;
use http::Request;
use http::Uri;
use http::header;
use http::uri::Authority;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;

use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::carrier::Carrier;
use crate::probe::head::ResponseHead;
use crate::probe::permit::permit;
use crate::probe::permit::unjudged;
use crate::probe::request;
use crate::probe::socket::ProbeSocket;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;
use crate::probe::tls::TlsClient;
use crate::probe::walk::Walk;
use crate::target::address::Hostname;
use crate::target::address::TargetUrl;
use crate::target::credentials::SecretValue;
use crate::target::proxy::ProxyScheme;
use crate::target::proxy::ProxySettings;
use crate::target::proxy::ProxyUrl;
use crate::target::reach::Reach;

/// How many bytes the answer to `CONNECT` may have, interim heads included.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// A proxy that is connected to, and what is wanted of it.
#[derive(Debug)]
pub struct Way<'a> {
    /// What the module says about proxies.
    pub settings: &'a ProxySettings,
    /// The proxy.
    pub proxy: &'a ProxyUrl,
    /// The URL of the target.
    pub url: &'a TargetUrl,
    /// The address of the target, if its name was looked up.
    pub address: Option<IpAddr>,
}

impl Way<'_> {
    /// Whether requests go to the proxy itself, in absolute form, instead of through a tunnel.
    pub fn forwards(&self) -> bool {
        !self.url.is_tls() && self.proxy.scheme != ProxyScheme::Socks5
    }

    /// Refuses addresses that the proxy would connect to for the probe: the one that was looked up,
    /// and those that stand in the request as it is forwarded. Names are for the proxy to judge.
    pub fn permit<B>(&self, request: &Request<B>, reach: &Reach, walk: &Walk) -> Result<(), Stop> {
        if let Some(ip) = self.address {
            permit(ip, reach, walk)?;
        }
        if let Hostname::Ip(ip) = self.url.host() {
            permit(*ip, reach, walk)?;
        }
        if !self.forwards() {
            return Ok(());
        }
        // The header `Host` of the module has the say here, and need not be what the URL has.
        let headers = request.headers().get_all(header::HOST).iter();
        let headers = headers.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let authority = request.uri().authority().map(Authority::as_str);
        let texts = headers.chain(authority.map(Into::into));
        for text in texts.filter(|text| !text.is_empty()) {
            match TargetUrl::parse(&format!("http://{text}/"))
                .as_ref()
                .map(TargetUrl::host)
            {
                Ok(Hostname::Ip(ip)) => permit(*ip, reach, walk)?,
                Ok(Hostname::Name(_)) => {}
                Err(error) => return Err(unjudged(error, walk)),
            }
        }
        Ok(())
    }

    /// Does what it takes behind the opening of the connection until bytes reach the target, or the
    /// proxy that forwards them. It belongs to `connect`: the proxy connects meanwhile.
    pub async fn open(
        &self,
        socket: ProbeSocket,
        tls: Option<&TlsClient>,
        walk: &mut Walk,
    ) -> Result<Carrier, Stop> {
        if self.proxy.scheme == ProxyScheme::Http && self.forwards() {
            return Ok(Carrier::Socket(socket));
        }
        walk.begin(Phase::Connect, Instant::now());
        let opened = self.open_inner(socket, tls).await;
        // Where an answer arrived, it ends the phase; a connection that broke ends it itself.
        let was_answered = match &opened {
            Ok(_) => true,
            Err(Stop::Failed(failure)) => failure.reason == Reason::ConnectProxyAuth,
            Err(Stop::Skipped(_)) => false,
        };
        let last_read = walk.wire.marks().last_read.filter(|_| was_answered);
        walk.end(last_read.unwrap_or_else(|| Arrival::by_user(Instant::now())));
        walk.forget_writes();
        opened
    }

    async fn open_inner(
        &self,
        socket: ProbeSocket,
        tls: Option<&TlsClient>,
    ) -> Result<Carrier, Stop> {
        let carrier = match (self.proxy.scheme, tls) {
            (ProxyScheme::Http, _) => Carrier::Socket(socket),
            (ProxyScheme::Https, Some(tls)) => {
                let name = self.proxy.host.to_string();
                Carrier::of_session(tls.handshake_with_proxy(socket, &name).await?)
            }
            (ProxyScheme::Https, None) => {
                // The plan makes one wherever a proxy needs it.
                return Err(Stop::Skipped(SkipReason::Internal));
            }
            (ProxyScheme::Socks5, _) => return self.negotiate(socket).await.map(Carrier::Socket),
        };
        match self.forwards() {
            true => Ok(carrier),
            false => self.ask_for_tunnel(carrier).await,
        }
    }

    /// Where the proxy is to connect: the address that was looked up, else the name.
    fn destination(&self) -> String {
        let port = self.url.port();
        let host = match (self.address, self.url.host()) {
            (Some(ip), _) => Hostname::Ip(ip),
            (None, host) => host.clone(),
        };
        match host {
            Hostname::Ip(ip @ IpAddr::V6(_)) => format!("[{ip}]:{port}"),
            host => format!("{host}:{port}"),
        }
    }

    async fn ask_for_tunnel(&self, mut carrier: Carrier) -> Result<Carrier, Stop> {
        let destination = self.destination();
        let mut head = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n");
        let names_agent = |(name, _): &(HeaderName, SecretValue)| *name == header::USER_AGENT;
        if !self.settings.connect_headers.iter().any(names_agent) {
            head.push_str(&format!("User-Agent: {}\r\n", request::USER_AGENT));
        }
        let mut head = head.into_bytes();
        let credentials = self.credentials();
        let credentials = credentials.map(|value| (header::PROXY_AUTHORIZATION, value));
        let configured = &self.settings.connect_headers;
        // As in Go the credentials of the URL win, and the host is the one that is wanted.
        let own = |name: &HeaderName| {
            *name == header::HOST || (credentials.is_some() && *name == header::PROXY_AUTHORIZATION)
        };
        let configured = configured.iter().filter(|(name, _)| !own(name));
        for (name, value) in configured.chain(&credentials) {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.expose().as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let sent = async {
            carrier.write_all(&head).await?;
            carrier.flush().await
        };
        sent.await.map_err(|error| broken(&error))?;
        match read_status(&mut carrier).await? {
            200..=299 => Ok(carrier),
            407 => Err(Stop::failed(
                Reason::ConnectProxyAuth,
                "the proxy wants other credentials: status 407",
            )),
            code => Err(refused(format!("the proxy opens no tunnel: status {code}"))),
        }
    }

    async fn negotiate(&self, socket: ProbeSocket) -> Result<ProbeSocket, Stop> {
        let port = self.url.port();
        let target = match (self.address, self.url.host()) {
            (Some(ip), _) => TargetAddr::Ip((ip, port).into()),
            (None, Hostname::Ip(ip)) => TargetAddr::Ip((*ip, port).into()),
            (None, Hostname::Name(name)) => TargetAddr::Domain(name.into(), port),
        };
        let opened = match &self.proxy.userinfo {
            None => Socks5Stream::connect_with_socket(socket, target).await,
            Some(userinfo) => {
                let (user, password) = userinfo.expose();
                let user = String::from_utf8_lossy(user);
                let password = String::from_utf8_lossy(password);
                Socks5Stream::connect_with_password_and_socket(socket, target, &user, &password)
                    .await
            }
        };
        opened.map(Socks5Stream::into_inner).map_err(|error| {
            use tokio_socks::Error;
            match &error {
                Error::Io(error) => broken(error),
                Error::NoAcceptableAuthMethods
                | Error::UnknownAuthMethod
                | Error::PasswordAuthFailure(_)
                | Error::AuthorizationRequired
                | Error::InvalidAuthValues(_) => {
                    Stop::failed(Reason::ConnectProxyAuth, format!("the proxy: {error}"))
                }
                error => refused(format!("the proxy opens no tunnel: {error}")),
            }
        })
    }

    fn credentials(&self) -> Option<SecretValue> {
        let (user, password) = self.proxy.userinfo.as_ref()?.expose();
        Some(request::basic(user, password))
    }

    /// Puts a request into the form in which a proxy forwards it (RFC 9112, 3.2.2). The host is that
    /// of the header, as in Go.
    pub fn address<B>(&self, request: &mut Request<B>) {
        let host = request.headers().get(header::HOST);
        let host = host.unwrap_or_else(|| self.url.host_header());
        let path = self.url.request_target();
        let absolute = [b"http://", host.as_bytes(), path.as_str().as_bytes()].concat();
        let by_url = || {
            let host = self.url.host_header().as_bytes();
            [b"http://", host, path.as_str().as_bytes()].concat()
        };
        let uri = Uri::try_from(absolute).or_else(|_| Uri::try_from(by_url()));
        if let Ok(uri) = uri {
            *request.uri_mut() = uri;
        }
        if let Some(value) = self.credentials() {
            let headers = request.headers_mut();
            let entry = headers.entry(header::PROXY_AUTHORIZATION);
            entry.or_insert_with(|| value.expose().clone());
        }
    }
}

/// Reads a head and nothing behind it, which belongs to the target, and returns its status. It is read as
/// that of a target is.
async fn read_status(carrier: &mut Carrier) -> Result<u16, Stop> {
    let mut head = ResponseHead::default();
    let asked = Arrival::by_user(Instant::now());
    // Of all heads together: interim ones could come without an end.
    for _ in 0..MAX_HEAD_BYTES {
        let byte = carrier.read_u8().await.map_err(|error| broken(&error))?;
        head.feed(&[byte], asked)
            .map_err(|fault| refused(format!("the answer of the proxy: {fault}")))?;
        if let Some(code) = head.code() {
            return match head.fault_of_fields() {
                None => Ok(code),
                Some(_) => Err(refused("the proxy answers with what is no HTTP")),
            };
        }
    }
    Err(refused("the proxy answers with a head without an end"))
}

fn refused(detail: impl Into<String>) -> Stop {
    Stop::failed(Reason::ConnectProxyRefused, detail)
}

/// A connection that broke while the proxy was asked.
fn broken(error: &io::Error) -> Stop {
    if let Some(skip) = own_fault(error) {
        return Stop::Skipped(skip);
    }
    let reset = errno(error).is_some() || error.kind() == io::ErrorKind::ConnectionReset;
    let reason = match reset {
        true => Reason::ConnectReset,
        false => Reason::ConnectProxyRefused,
    };
    Stop::failed(reason, format!("the proxy broke off: {error}"))
}
