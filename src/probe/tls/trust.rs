//! Which certificates are trusted, and how long the paths to them hold.

use std::cell::Cell;
use std::sync::Arc;

use ring::digest::Digest;
use ring::digest::SHA256;
use ring::digest::digest;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::TrustAnchor;
use rustls_pki_types::UnixTime;
use webpki::EndEntityCert;
use webpki::KeyUsage;
use webpki::RawPublicKeyEntity;
use webpki::VerifiedPath;
use webpki::spki_for_anchor;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::probe::tls::crypto_provider;
use crate::probe::tls::expiry;

/// The authorities to trust, with what rustls drops of them.
#[derive(Debug)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    /// In the order of the roots.
    authorities: Vec<Authority>,
}

#[derive(Debug)]
struct Authority {
    /// The end of its own validity.
    end: Option<i64>,
    /// Tells it from others of the same name and key.
    fingerprint: Digest,
}

impl Trust {
    /// Trusts nobody.
    pub fn empty() -> Self {
        Self {
            roots: Arc::new(RootCertStore::empty()),
            authorities: Vec::new(),
        }
    }

    /// Trusts one more.
    pub fn add(&mut self, authority: &CertificateDer<'static>) -> Result<(), rustls::Error> {
        Arc::make_mut(&mut self.roots).add(authority.clone())?;
        self.authorities.push(Authority {
            end: expiry::end(authority),
            fingerprint: digest(&SHA256, authority),
        });
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// The authorities as rustls wants them.
    pub fn roots(&self) -> Arc<RootCertStore> {
        self.roots.clone()
    }

    /// Whether a certificate is itself one of those that are trusted.
    pub fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        let fingerprint = digest(&SHA256, certificate);
        self.authorities
            .iter()
            .any(|authority| authority.fingerprint.as_ref() == fingerprint.as_ref())
    }

    /// Whether one of the authorities signed a certificate, without others between them.
    pub fn signed(&self, certificate: &CertificateDer<'_>) -> bool {
        self.signer(certificate).is_some()
    }

    /// The place of the authority that signed a certificate. One that may vouch for some names alone
    /// does not count, as only webpki can tell which these are.
    fn signer(&self, certificate: &CertificateDer<'_>) -> Option<usize> {
        let read = EndEntityCert::try_from(certificate).ok()?;
        let (_, parts) = X509Certificate::from_der(certificate).ok()?;
        let provider = crypto_provider();
        let has_signed = |root: &TrustAnchor<'_>| {
            let key = spki_for_anchor(root);
            let Ok(key) = RawPublicKeyEntity::try_from(&key) else {
                return false;
            };
            let signed = parts.tbs_certificate.as_ref();
            let signature = &parts.signature_value.data;
            // Whichever the certificate names: a signature fits one of them at most.
            let algorithms = provider.signature_verification_algorithms.all.iter();
            algorithms.copied().any(|algorithm| {
                let verified = key.verify_signature(algorithm, signed, signature);
                verified.is_ok()
            })
        };
        self.roots.roots.iter().position(|root| {
            root.subject.as_ref() == read.issuer()
                && root.name_constraints.is_none()
                && has_signed(root)
        })
    }

    /// When the last of the paths from `chain` to an authority ceases to be valid, which is when the
    /// first of its certificates expires.
    pub fn last_expiry(&self, chain: &[CertificateDer<'_>]) -> Option<i64> {
        let (own, others) = chain.split_first()?;
        let own_end = expiry::end(own)?;
        if self.holds(own) {
            return Some(own_end);
        }
        let of_path = self.last_of_paths(own, own_end, others);
        of_path.or_else(|| {
            let signer = self.authorities.get(self.signer(own)?)?;
            Some(signer.end.map_or(own_end, |end| end.min(own_end)))
        })
    }

    fn last_of_paths(
        &self,
        own: &CertificateDer<'_>,
        own_end: i64,
        others: &[CertificateDer<'_>],
    ) -> Option<i64> {
        let end_entity = EndEntityCert::try_from(own).ok()?;
        let last = Cell::new(None);
        let look_at = |path: &VerifiedPath<'_>| {
            let between = path.intermediate_certificates();
            let between = between.filter_map(|certificate| expiry::end(&certificate.der()));
            let anchor = self
                .roots
                .roots
                .iter()
                .position(|root| root == path.anchor());
            let anchor = anchor.and_then(|index| self.authorities.get(index)?.end);
            let end = between.chain(anchor).fold(own_end, i64::min);
            last.set(last.get().max(Some(end)));
            // Refused, so that the next path is looked for.
            Err(webpki::Error::UnknownIssuer)
        };
        let provider = crypto_provider();
        // Ends with an error once there are no more paths.
        end_entity
            .verify_for_usage(
                provider.signature_verification_algorithms.all,
                &self.roots.roots,
                others,
                UnixTime::now(),
                KeyUsage::server_auth(),
                None,
                Some(&look_at),
            )
            .ok();
        last.get()
    }
}
