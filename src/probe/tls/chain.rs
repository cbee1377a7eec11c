//! The chain of a server as those who ask for details see it, described once and remembered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use ring::digest::SHA256;
use ring::digest::digest;
use rustls::CipherSuite;
use rustls::CommonState;
use rustls::ProtocolVersion;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::outcome::detail::Agreed;
use crate::outcome::detail::Chain;
use crate::outcome::detail::Tls;
use crate::probe::tls::TlsClient;
use crate::probe::tls::expiry;
use crate::probe::tls::name;
use crate::probe::tls::trust::Trust;

/// How many chains are remembered, and how large each may be: one that a peer made large on
/// purpose is described anew every time.
const MAX_CHAINS: usize = 256;
const MAX_CHAIN_BYTES: usize = 16 * 1024;

/// The descriptions of the chains that were seen last.
#[derive(Debug, Default)]
pub struct Chains(Mutex<HashMap<Vec<CertificateDer<'static>>, Arc<Chain>>>);

impl TlsClient {
    /// What a handshake showed; `connection` is there if it came to its end.
    pub(crate) fn detail(
        &self,
        agreed: Option<Agreed>,
        chain: &[CertificateDer<'static>],
    ) -> Option<Tls> {
        // What was presented in a handshake that failed may be no more than its look.
        let verified_by = self.trust.as_deref().filter(|_| agreed.is_some());
        let chain = match verified_by {
            None if self.trust.is_some() => Arc::new(describe(chain, None)?),
            trust => self.remembered(chain, trust)?,
        };
        Some(Tls { agreed, chain })
    }

    fn remembered(
        &self,
        chain: &[CertificateDer<'static>],
        trust: Option<&Trust>,
    ) -> Option<Arc<Chain>> {
        let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
        let lock = || self.chains.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A path that is over may have been the last to end of several.
        let is_current = |known: &&Arc<Chain>| known.last_chain_expiry.is_none_or(|end| end > now);
        if let Some(known) = lock().get(chain).filter(is_current) {
            return Some(known.clone());
        }
        let described = Arc::new(describe(chain, trust)?);
        let size: usize = chain.iter().map(|certificate| certificate.len()).sum();
        if size <= MAX_CHAIN_BYTES {
            let mut chains = lock();
            if chains.len() >= MAX_CHAINS {
                chains.clear();
            }
            chains.insert(chain.to_vec(), described.clone());
        }
        Some(described)
    }
}

/// Describes a chain, verified if there is `trust`; `None` if it is empty.
pub fn describe(chain: &[CertificateDer<'_>], trust: Option<&Trust>) -> Option<Chain> {
    let own = chain.first()?;
    let mut described = Chain {
        fingerprint: name::hex(digest(&SHA256, own).as_ref()),
        earliest_expiry: expiry::earliest(chain),
        last_chain_expiry: trust.and_then(|trust| trust.last_expiry(chain)),
        ..Chain::default()
    };
    let Ok((_, own)) = X509Certificate::from_der(own) else {
        return Some(described);
    };
    described.expiry = Some(own.validity().not_after.timestamp());
    described.subject = name::written(own.subject());
    described.issuer = name::written(own.issuer());
    described.alternative_names = dns_names(&own);
    let serial = own.raw_serial();
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    described.serial_number = name::hex(&serial[zeros..]);
    Some(described)
}

fn dns_names(certificate: &X509Certificate<'_>) -> String {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| &extension.value.general_names);
    let names = names.into_iter().flatten().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    names.collect::<Vec<_>>().join(",")
}

/// What a session that has shaken hands agreed on.
pub fn agreed(connection: &CommonState) -> Agreed {
    let suite = connection
        .negotiated_cipher_suite()
        .map(|suite| suite.suite());
    Agreed {
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "unknown",
        },
        cipher: suite.map_or("unknown", cipher_name),
    }
}

/// The name that the IANA and Go give a suite; all that ring has.
fn cipher_name(suite: CipherSuite) -> &'static str {
    use CipherSuite as S;
    match suite {
        S::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        S::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        S::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        suite => suite.as_str().unwrap_or("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::tls::crypto_provider;

    #[test]
    fn every_suite_that_is_offered_has_the_name_that_go_gives_it() {
        let provider = crypto_provider();
        let suites = provider.cipher_suites.iter().map(|suite| suite.suite());
        let mut names: Vec<_> = suites.map(cipher_name).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "TLS_AES_128_GCM_SHA256",
                "TLS_AES_256_GCM_SHA384",
                "TLS_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            ]
        );
    }
}
