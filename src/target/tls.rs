//! What a module wants of TLS, as data: certificates are read, keys are parsed, nothing is built.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::target::secret::Secret;

/// What [`certificates`] wants.
pub const CERTIFICATE: &str = "certificate in PEM form";

/// What [`private_key`] wants.
pub const PRIVATE_KEY: &str = "private key in PEM form without a password";

/// The TLS part of a module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsSettings {
    /// The authorities to trust instead of the system's.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// What the client shows when it is asked for a certificate.
    pub identity: Option<ClientIdentity>,
    /// The name to ask for and to find in the certificate, instead of the host of the URL.
    pub server_name: Option<String>,
    /// Whether the certificate must be valid.
    pub verify: bool,
    /// The lowest version to offer.
    pub min_version: TlsVersion,
    /// The highest version to offer, not below `min_version`.
    pub max_version: TlsVersion,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            authorities: None,
            identity: None,
            server_name: None,
            verify: true,
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
        }
    }
}

/// A client certificate with its chain and key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientIdentity {
    /// The chain, the client's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key that belongs to the first certificate.
    pub key: Secret<Arc<PrivateKeyDer<'static>>>,
}

/// The certificates in a text in PEM form, if there is one and none is broken.
pub fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    parsed.ok().filter(|certificates| !certificates.is_empty())
}

/// The private key in a text in PEM form. The parser's error may hold a line of it, so there is none.
pub fn private_key(pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).ok()
}

/// A version of TLS that can be probed with.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}
