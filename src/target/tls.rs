//! What a module wants of TLS, as data: certificates are read, keys are parsed, nothing is built.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

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

/// A client certificate with its chain and key. Its `Debug` does not show the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientIdentity {
    /// The chain, the client's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key that belongs to the first certificate.
    pub key: Arc<PrivateKeyDer<'static>>,
}

/// A version of TLS that can be probed with.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}
