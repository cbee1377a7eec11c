//! Certificates made on the fly.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use httpcycle_exporter::probe::tls::crypto_provider;
use httpcycle_exporter::target::tls::{ClientIdentity, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DEFAULT_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// An authority of a test.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// An authority whose own certificate is changed by `change` before it is signed.
    pub fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = authority_params(change);
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// An authority below this one.
    pub fn below(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = authority_params(change);
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    /// TLS settings that trust this authority and no other.
    pub fn trusted(&self) -> TlsSettings {
        TlsSettings {
            authorities: Some(vec![self.certificate()]),
            ..TlsSettings::default()
        }
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Another certificate of this key, changed by `change` before it is signed.
    pub fn renewed(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let (params, _) = authority_params(change);
        params.self_signed(self.0.key()).unwrap().der().clone()
    }

    /// A certificate for `name` with its key, changed by `change` before it is signed.
    pub fn issue(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        self.issue_for(&[name], change)
    }

    /// Like [`Self::issue`], for several names.
    pub fn issue_for(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (certificate.der().clone(), key)
    }

    /// A server that shows a good certificate for `name`.
    pub fn server(&self, name: &str) -> TlsAcceptor {
        let (certificate, key) = self.issue(name, |_| {});
        acceptor(certificate, key)
    }

    /// A server like [`Self::server`] that speaks one of these protocols, the first one best.
    pub fn server_of(&self, name: &str, protocols: &[&str]) -> TlsAcceptor {
        let acceptor = self.server(name);
        let mut config = ServerConfig::clone(acceptor.config());
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A server like [`Self::server`] that lets in only who shows a certificate of this authority.
    pub fn server_for_clients(&self, name: &str) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).unwrap();
        let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), crypto_provider());
        let (certificate, key) = self.issue(name, |_| {});
        let config = ServerConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A client that such a server lets in.
    pub fn client(&self) -> ClientIdentity {
        let (certificate, key) = self.issue("client.test", |_| {});
        ClientIdentity {
            chain: vec![certificate],
            key: Arc::new(key).into(),
        }
    }
}

/// DER as nginx and configuration files want it.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines = text.as_bytes().chunks(64);
    let lines: Vec<_> = lines.map(|line| str::from_utf8(line).unwrap()).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

fn authority_params(change: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    // Authorities of one name would be taken for one another.
    let name = format!("authority {:x?}", &key.public_key_raw()[..8]);
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    (params, key)
}

/// A certificate that vouches for itself alone, as `openssl req -x509` makes them.
pub fn self_signed(name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    self_signed_with(name, |_| {})
}

/// Like [`self_signed`], changed by `change` before it is signed.
pub fn self_signed_with(
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (certificate.der().clone(), key)
}

/// A server that shows `certificate`.
pub fn acceptor(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> TlsAcceptor {
    acceptor_of(DEFAULT_VERSIONS, certificate, key)
}

/// A server that speaks these versions alone and shows `certificate`, whether it can be read and
/// the key belongs to it or not.
pub fn acceptor_of(
    versions: &[&'static SupportedProtocolVersion],
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> TlsAcceptor {
    acceptor_of_chain(versions, vec![certificate], key)
}

/// Like [`acceptor_of`], with others behind the server's own certificate.
pub fn acceptor_of_chain(
    versions: &[&'static SupportedProtocolVersion],
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> TlsAcceptor {
    let key = crypto_provider().key_provider.load_private_key(key);
    let shown = CertifiedKey::new(chain, key.unwrap());
    let config = ServerConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    TlsAcceptor::from(Arc::new(config))
}
