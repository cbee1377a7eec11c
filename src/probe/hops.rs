//! The requests of a probe: the target's, and those that redirects ask for, each on a connection of
//! its own, through a proxy where there is one.

use std::net::IpAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;

use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::Prober;
use crate::probe::arrival::Arrival;
use crate::probe::carrier::Carrier;
use crate::probe::connect;
use crate::probe::connect::Choice;
use crate::probe::dns::Addresses;
use crate::probe::exchange::Stream;
use crate::probe::exchange::exchange;
use crate::probe::exchange::http3;
use crate::probe::proxy::Way;
use crate::probe::quic;
use crate::probe::redirect::Chain;
use crate::probe::redirect::Redirection;
use crate::probe::socket::ProbeSocket;
use crate::probe::stop::Stop;
use crate::probe::tls::Offer;
use crate::probe::walk::Walk;
use crate::target::address::Hostname;
use crate::target::address::TargetUrl;
use crate::target::proxy::ProxySettings;

impl Prober {
    /// Walks the cycle once for the target, and once more for each redirect; with an address, the
    /// look-up of the target's is done.
    pub(super) async fn walk(&self, address: Option<IpAddr>, walk: &mut Walk) -> Result<(), Stop> {
        let mut chain: Option<Chain<'_>> = None;
        loop {
            let (url, request) = match &chain {
                None => (&self.target.url, &self.request),
                Some(chain) => (chain.url(), chain.request()),
            };
            let address = address.filter(|_| chain.is_none());
            let hop = self.walk_hop(url, address, request.expose().clone(), walk);
            let Some(redirection) = hop.await? else {
                return Ok(());
            };
            let chain = chain.get_or_insert_with(|| Chain::new(&self.target.url, &self.request));
            chain.follow(&redirection)?;
            walk.left_origin = chain.has_left();
            if self.target.module.enable_http3 && !chain.url().is_tls() {
                let detail = "redirected to http, which there is no HTTP/3 for";
                return Err(Stop::failed(Reason::RedirectScheme, detail));
            }
            walk.begin_hop();
            if let Some(detail) = &mut walk.detail {
                let location = self.masked(&chain.url().to_string());
                detail.redirected_to.push(location);
            }
        }
    }

    async fn walk_hop(
        &self,
        url: &TargetUrl,
        address: Option<IpAddr>,
        mut request: Request<Full<Bytes>>,
        walk: &mut Walk,
    ) -> Result<Option<Redirection>, Stop> {
        let module = &self.target.module;
        if module.enable_http3 {
            // In a box, as it takes more room than the other ways together.
            return Box::pin(self.walk_http3(url, address, request, walk)).await;
        }
        let settings = module.proxy.as_deref();
        let proxy = settings.and_then(|settings| Some((settings, settings.of(url)?)));
        let carrier = match proxy {
            None => self.connect(url, address, walk).await?,
            Some((settings, proxy)) => {
                let way = Way {
                    settings,
                    proxy,
                    url,
                    address: self.look_up_behind(settings, url, walk).await?,
                };
                if way.forwards() {
                    way.address(&mut request);
                }
                way.permit(&request, &module.reach, walk)?;
                walk.note_proxy(way.address, settings.skips_look_up);
                self.connect_through(&way, walk).await?
            }
        };
        let stream = match (&self.tls, url.is_tls()) {
            (_, false) => Stream::Plain(carrier),
            (Some(tls), true) => {
                let offer = Offer {
                    http2: module.enable_http2,
                    // It lets in, and so it stays with its origin as other credentials do.
                    identity: url.is_same_origin(&self.target.url),
                };
                let host = self.server_name(url);
                Stream::Tls(Box::new(tls.handshake(carrier, &host, offer, walk).await?))
            }
            (None, true) => {
                // Redirected, on a system without certificate authorities.
                return Err(Stop::Skipped(SkipReason::Internal));
            }
        };
        exchange(stream, request, module, walk).await
    }

    /// One request over HTTP/3, which has a way of its own from the look-up on.
    async fn walk_http3(
        &self,
        url: &TargetUrl,
        address: Option<IpAddr>,
        request: Request<Full<Bytes>>,
        walk: &mut Walk,
    ) -> Result<Option<Redirection>, Stop> {
        let module = &self.target.module;
        let Some(tls) = self.tls.as_deref().filter(|_| url.is_tls()) else {
            return Err(Stop::Skipped(SkipReason::Internal));
        };
        let choice = self.choose(url, address, walk).await?;
        let opened = quic::open(choice, url.port(), &module.reach, walk)?;
        let host = self.server_name(url);
        let is_own = url.is_same_origin(&self.target.url);
        let connection = quic::handshake(opened, tls, &host, is_own, walk).await?;
        http3::exchange(connection, request, module, walk).await
    }

    /// The address to connect to, of those of the host unless it is known.
    async fn choose(
        &self,
        url: &TargetUrl,
        address: Option<IpAddr>,
        walk: &mut Walk,
    ) -> Result<Choice, Stop> {
        match address {
            Some(first) => Ok(Choice {
                first,
                fallback: None,
                source: self.target.module.source_ip,
            }),
            None => {
                let source = self.target.module.source_ip;
                let addresses = self.look_up(url.host(), source, walk).await?;
                connect::choose(&addresses, &self.target.module)
            }
        }
    }

    async fn connect(
        &self,
        url: &TargetUrl,
        address: Option<IpAddr>,
        walk: &mut Walk,
    ) -> Result<Carrier, Stop> {
        let choice = self.choose(url, address, walk).await?;
        let reach = &self.target.module.reach;
        let connected = connect::connect(choice, url.port(), reach, walk).await;
        let stream = connected.map_err(|stop| reset_once_open(stop, url.is_tls(), walk))?;
        let socket = ProbeSocket::new(stream, walk.wire.clone());
        Ok(Carrier::Socket(socket))
    }

    async fn connect_through(&self, way: &Way<'_>, walk: &mut Walk) -> Result<Carrier, Stop> {
        let source = self.target.module.source_ip;
        let addresses = self.look_up(&way.proxy.host, source, walk).await?;
        let choice = connect::choose(&addresses, &self.target.module)?;
        let stream =
            connect::connect(choice, way.proxy.port, &self.target.module.reach, walk).await?;
        let socket = ProbeSocket::new(stream, walk.wire.clone());
        way.open(socket, self.tls.as_deref(), walk).await
    }

    /// The address of a target behind a proxy, which blackbox_exporter looks up as well unless it is
    /// told not to; where a redirect leads is the proxy's business alone.
    async fn look_up_behind(
        &self,
        settings: &ProxySettings,
        url: &TargetUrl,
        walk: &mut Walk,
    ) -> Result<Option<IpAddr>, Stop> {
        if settings.skips_look_up || walk.n_redirects() > 0 {
            return Ok(None);
        }
        let addresses = self.look_up(url.host(), None, walk).await?;
        // The proxy connects to it, from an address of its own.
        let choice = connect::choose_from(None, &addresses, &self.target.module)?;
        Ok(Some(choice.first))
    }

    /// The addresses of a host that is to be connected to from `source`.
    pub(super) async fn look_up(
        &self,
        host: &Hostname,
        source: Option<IpAddr>,
        walk: &mut Walk,
    ) -> Result<Addresses, Stop> {
        let name = match host {
            Hostname::Ip(ip) => return Ok(Addresses::literal(*ip)),
            Hostname::Name(name) => name,
        };
        walk.begin(Phase::Dns, Instant::now());
        let alone = connect::family_alone(source, &self.target.module);
        let looked_up = self.resolver.lookup(name, alone, self.wall_clock).await;
        match looked_up.addresses {
            Err(Stop::Skipped(_)) => walk.forget_phase(),
            Ok(_) | Err(Stop::Failed(_)) => walk.end(looked_up.known),
        }
        looked_up.addresses
    }

    /// The name to ask for in TLS: as in blackbox_exporter that of the settings wins over a `Host`
    /// header, which wins over the URL. Where a redirect names another host, the URL has the say.
    fn server_name(&self, url: &TargetUrl) -> String {
        let first = &self.target.url;
        if url.host_header() != first.host_header() {
            return url.host().to_string();
        }
        if let Some(name) = &self.target.module.tls.server_name {
            return name.clone();
        }
        let header = self.request.expose().headers().get(http::header::HOST);
        let authority = header.and_then(|value| value.to_str().ok()?.parse().ok());
        authority.map_or_else(
            || first.host().to_string(),
            |authority: http::uri::Authority| {
                let host = authority.host();
                host.trim_matches(['[', ']']).to_owned()
            },
        )
    }
}

/// A host that would not be connected to is said to refuse. One that connects and resets at once may
/// have done so before anybody here looked; that it was connected to then counts, as it does when the
/// reset comes a moment later.
fn reset_once_open(stop: Stop, is_tls: bool, walk: &mut Walk) -> Stop {
    let (phase, reason) = match is_tls {
        true => (Phase::Tls, Reason::TlsClosed),
        false => (Phase::FirstByte, Reason::FirstByteReset),
    };
    match stop {
        Stop::Failed(failure) if failure.reason == Reason::ConnectReset => {
            let now = Instant::now();
            walk.begin(phase, now);
            walk.end(Arrival::by_user(now));
            Stop::failed(reason, failure.detail)
        }
        stop => stop,
    }
}
