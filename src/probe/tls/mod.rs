//! TLS: the client configuration of a module, and the handshake of a probe.

mod authority;
mod chain;
mod claim;
mod expiry;
pub mod failure;
pub mod flood;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod name;
mod namesake;
mod observer;
mod ordinary;
pub mod plaintext;
mod purpose;
pub mod quic;
pub mod record;
mod refusal;
mod trust;
mod verifier;
mod weak;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::OnceLock;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::outcome::detail::Agreed;
use crate::outcome::phase::Phase;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::carrier::Carrier;
use crate::probe::socket::ProbeSocket;
use crate::probe::stop::Stop;
use crate::probe::tls::chain::Chains;
use crate::probe::tls::failure::ClientCertificate;
use crate::probe::tls::observer::Observer;
use crate::probe::tls::quic::SessionStart;
use crate::probe::tls::trust::Trust;
use crate::probe::tls::verifier::Verifier;
use crate::probe::walk::Walk;
use crate::target::tls::TlsSettings;
use crate::target::tls::TlsVersion;

/// What a module's settings make of TLS, built once and shared by its targets.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: ClientConfig,
    verifier: Option<Arc<Verifier>>,
    trust: Option<Arc<Trust>>,
    chains: Arc<Chains>,
}

/// What a server is offered besides what the settings say.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Whether it may choose HTTP/2.
    pub http2: bool,
    /// Whether it is shown the client's certificate if it asks.
    pub identity: bool,
}

/// How ALPN calls HTTP/2 (RFC 9113, 3.2).
pub const HTTP2: &[u8] = b"h2";

/// How ALPN calls HTTP/1.1 (RFC 7301, 6).
const HTTP1: &[u8] = b"http/1.1";

/// The one crypto provider of the program.
pub fn crypto_provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()));
    provider.clone()
}

impl TlsClient {
    /// Builds the client. The error says what is wrong with the settings or with this system.
    pub fn new(settings: &TlsSettings) -> Result<Self, String> {
        let provider = crypto_provider();
        let trust = match settings.verify {
            true => Some(Arc::new(trust(settings)?)),
            false => None,
        };
        let verifier = trust.clone().map(Verifier::new).map(Arc::new);
        let versions: Vec<_> = [
            (TlsVersion::Tls12, &rustls::version::TLS12),
            (TlsVersion::Tls13, &rustls::version::TLS13),
        ]
        .into_iter()
        .filter(|(version, _)| (settings.min_version..=settings.max_version).contains(version))
        .map(|(_, version)| version)
        .collect();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| format!("no usable version of TLS: {error}"))?
            // Stands in until a probe puts its own observer there.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Observer::new(verifier.clone(), None)));
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.expose().clone_key())
                .map_err(|error| {
                    format!("the client certificate and its key do not fit: {error}")
                })?,
        };
        // A resumed session is a third shorter and shows no certificate.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config,
            verifier,
            trust,
            chains: Arc::default(),
        })
    }

    /// Shakes hands with the server behind `carrier`; `host` is the name to ask for. The phase lasts
    /// from the first byte of the ClientHello to the last byte that the server sent.
    pub async fn handshake(
        &self,
        carrier: Carrier,
        host: &str,
        offer: Offer,
        walk: &mut Walk,
    ) -> Result<TlsStream<Carrier>, Stop> {
        let name = server_name(host).map_err(failure::name)?;
        let (connector, observer) = self.observed(offer);
        let wire = walk.wire.clone();
        let carrier = carrier.read_by_record();
        let began = Instant::now();
        walk.begin(Phase::Tls, began);
        // What the server did last ends the phase: its last bytes, or the closing of the connection.
        let shaken = connector.connect(name, carrier).await;
        let (first_write, last_read) = {
            let marks = wire.marks();
            (marks.first_write, marks.last_read)
        };
        walk.begin(Phase::Tls, first_write.unwrap_or(began));
        let ended_by_bytes = match &shaken {
            Ok(_) => true,
            Err(error) => failure::of_io(error).is_some(),
        };
        let ended = last_read.filter(|_| ended_by_bytes);
        walk.end(ended.unwrap_or_else(|| Arrival::by_user(Instant::now())));
        let chain = observer.chain();
        let certificate = observer.client_certificate();
        let agreed = shaken.as_ref().ok().filter(|_| walk.detail.is_some());
        let agreed = agreed.map(|stream| chain::agreed(stream.get_ref().1));
        self.note_handshake(agreed, &chain, certificate, walk);
        let mut shaken =
            shaken.map_err(|error| failure::of_handshake(&error, &chain, certificate))?;
        shaken.get_mut().0.end_handshake();
        Ok(shaken)
    }

    /// Shakes hands with a proxy, which is no phase of its own.
    pub async fn handshake_with_proxy(
        &self,
        socket: ProbeSocket,
        host: &str,
    ) -> Result<TlsStream<ProbeSocket>, Stop> {
        let name = server_name(host).map_err(failure::name)?;
        let (connector, observer) = self.observed(Offer {
            http2: false,
            identity: true,
        });
        let shaken = connector.connect(name, socket.bounded()).await;
        let mut shaken = shaken.map_err(|error| {
            let certificate = observer.client_certificate();
            failure::of_handshake(&error, &observer.chain(), certificate)
        })?;
        shaken.get_mut().0.end_handshake();
        Ok(shaken)
    }

    /// The session of a connection of QUIC, with the same observer; `host` is the name to ask for, and
    /// `identity` whether the server is shown the client's certificate if it asks.
    pub fn quic_session(
        &self,
        host: &str,
        identity: bool,
    ) -> Result<(SessionStart, Arc<Observer>), Stop> {
        let name = server_name(host).map_err(failure::name)?;
        let (config, observer) = self.observed_config(&[quic::HTTP3], identity);
        let session = SessionStart::new(Arc::new(config), name);
        let session = session.ok_or(Stop::Skipped(SkipReason::Internal))?;
        Ok((session, observer))
    }

    /// Keeps what a handshake showed, and what was agreed on if it came to its end.
    pub fn note_handshake(
        &self,
        agreed: Option<Agreed>,
        chain: &[CertificateDer<'static>],
        certificate: ClientCertificate,
        walk: &mut Walk,
    ) {
        walk.cert_expiry = expiry::earliest(chain);
        walk.wire.marks().client_certificate = certificate;
        if let Some(detail) = &mut walk.detail {
            detail.tls = self.detail(agreed, chain);
        }
    }

    /// What shakes hands once, and what sees which certificates are shown meanwhile.
    fn observed(&self, offer: Offer) -> (TlsConnector, Arc<Observer>) {
        let protocols: &[&[u8]] = match offer.http2 {
            true => &[HTTP2, HTTP1],
            false => &[],
        };
        let (config, observer) = self.observed_config(protocols, offer.identity);
        (TlsConnector::from(Arc::new(config)), observer)
    }

    fn observed_config(
        &self,
        protocols: &[&[u8]],
        identity: bool,
    ) -> (ClientConfig, Arc<Observer>) {
        let mut config = self.config.clone();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let observer = Arc::new(Observer::new(
            self.verifier.clone(),
            Some(config.client_auth_cert_resolver.clone()).filter(|_| identity),
        ));
        config
            .dangerous()
            .set_certificate_verifier(observer.clone());
        config.client_auth_cert_resolver = observer.clone();
        (config, observer)
    }
}

fn trust(settings: &TlsSettings) -> Result<Trust, String> {
    let mut trust = Trust::empty();
    match &settings.authorities {
        Some(authorities) => {
            for authority in authorities {
                trust.add(authority).map_err(|error| {
                    format!("a certificate of ca or ca_file cannot be an authority: {error}")
                })?;
            }
        }
        None => {
            for authority in rustls_native_certs::load_native_certs().certs {
                // The system may have some that cannot be used; the others will do.
                trust.add(&authority).ok();
            }
            if trust.is_empty() {
                return Err("this system has no certificate authorities; install \
                            ca-certificates or set ca or ca_file in tls_config"
                    .to_owned());
            }
        }
    }
    Ok(trust)
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    // A URL may end a name with a dot, which certificates and SNI (RFC 6066, 3) leave out.
    let bare = host.strip_suffix('.').unwrap_or(host).to_owned();
    let name = ServerName::try_from(bare)
        .map_err(|_| format!("{host:?} is neither a DNS name nor an IP address"))?;
    Ok(match name {
        // An address of IPv4 stands in a certificate as one, however it is written.
        ServerName::IpAddress(address) => IpAddr::from(address).to_canonical().into(),
        name => name,
    })
}
