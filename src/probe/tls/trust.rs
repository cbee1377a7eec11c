//! Which certificates are trusted, and how long the paths to them hold.

use std::cell::Cell;

use ring::digest::SHA256;
use ring::digest::digest;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::TrustAnchor;
use rustls_pki_types::UnixTime;
use webpki::EndEntityCert;
use webpki::RawPublicKeyEntity;
use webpki::VerifiedPath;
use webpki::spki_for_anchor;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::probe::tls::authority::Authority;
use crate::probe::tls::crypto_provider;
use crate::probe::tls::expiry;
use crate::probe::tls::purpose;
use crate::probe::tls::purpose::OfServers;

/// The authorities to trust, with what rustls drops of them.
#[derive(Debug)]
pub struct Trust {
    roots: RootCertStore,
    /// In the order of the roots.
    authorities: Vec<Authority>,
}

impl Trust {
    /// Trusts nobody.
    pub fn empty() -> Self {
        Self {
            roots: RootCertStore::empty(),
            authorities: Vec::new(),
        }
    }

    /// Trusts one more.
    pub fn add(&mut self, authority: &CertificateDer<'static>) -> Result<(), rustls::Error> {
        self.roots.add(authority.clone())?;
        self.authorities.push(Authority::of(authority));
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// Whether a certificate is itself one of those that are trusted.
    pub fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        let fingerprint = digest(&SHA256, certificate);
        self.authorities
            .iter()
            .any(|authority| authority.fingerprint.as_ref() == fingerprint.as_ref())
    }

    /// The authorities of a name in DER, and how their certificates call their keys.
    pub fn named<'a>(
        &'a self,
        name: &'a [u8],
    ) -> impl Iterator<Item = (&'a TrustAnchor<'static>, Option<&'a [u8]>)> {
        let authorities = self.roots.roots.iter().zip(&self.authorities);
        let named = authorities.filter(move |(_, authority)| authority.subject == name);
        named.map(|(root, authority)| (root, authority.key_id.as_deref()))
    }

    /// Whether one of the authorities signed a certificate, without others between them. The error
    /// says why that one is not valid now.
    pub fn signed(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Result<bool, webpki::Error> {
        let signer = self.signer(certificate);
        let end = signer.map(|root| self.end_of_root(root, now)).transpose()?;
        Ok(end.is_some())
    }

    /// The authority that signed a certificate. One that may vouch for some names alone does not
    /// count, as only webpki can tell which these are.
    fn signer(&self, certificate: &CertificateDer<'_>) -> Option<&TrustAnchor<'static>> {
        let read = EndEntityCert::try_from(certificate).ok()?;
        let (_, parts) = X509Certificate::from_der(certificate).ok()?;
        self.roots.roots.iter().find(|root| {
            root.subject.as_ref() == read.issuer()
                && root.name_constraints.is_none()
                && has_signed(&spki_for_anchor(root), &parts)
        })
    }

    /// Looks for a path from `own` over `others` to an authority.
    pub fn verify(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        self.walk(own, others, now, &|path| self.end(path, now).map(drop))
    }

    /// When the last of the paths from `chain` to an authority ceases to be valid, which is when the
    /// first of its certificates expires.
    pub fn last_expiry(&self, chain: &[CertificateDer<'_>]) -> Option<i64> {
        let (own, others) = chain.split_first()?;
        let own_end = expiry::end(own)?;
        if self.holds(own) {
            return Some(own_end);
        }
        let now = UnixTime::now();
        let last = Cell::new(None);
        let look_at = |path: &VerifiedPath<'_>| {
            let end = self.end(path, now)?.min(own_end);
            last.set(last.get().max(Some(end)));
            // Refused, so that the next path is looked for.
            Err(webpki::Error::UnknownIssuer)
        };
        // Ends with an error once there are no more paths.
        self.walk(own, others, now, &look_at).ok();
        last.get().or_else(|| {
            let end = self.end_of_root(self.signer(own)?, now).ok()?;
            Some(end.min(own_end))
        })
    }

    /// Shows `look_at` the paths that webpki finds until one will do.
    fn walk(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
        look_at: &dyn Fn(&VerifiedPath<'_>) -> Result<(), webpki::Error>,
    ) -> Result<(), webpki::Error> {
        let provider = crypto_provider();
        let end_entity = EndEntityCert::try_from(own)?;
        let path = end_entity.verify_for_usage(
            provider.signature_verification_algorithms.all,
            &self.roots.roots,
            others,
            now,
            OfServers,
            None,
            Some(look_at),
        );
        path.map(drop)
    }

    /// When the first of a path's certificates expires, the server's own left aside. The error says
    /// why the path will not do, though its signatures fit: webpki looks neither at the validity of
    /// authorities that are trusted nor at what the keys of those between may do.
    fn end(&self, path: &VerifiedPath<'_>, now: UnixTime) -> Result<i64, webpki::Error> {
        let mut end = self.end_of_root(path.anchor(), now)?;
        for between in path.intermediate_certificates() {
            let between = between.der();
            let Ok((_, between)) = X509Certificate::from_der(&between) else {
                continue;
            };
            if !purpose::may_sign(&between) {
                return Err(webpki::Error::EndEntityUsedAsCa);
            }
            end = end.min(between.validity().not_after.timestamp());
        }
        Ok(end)
    }

    /// When the last of the authorities with this name and key ceases to be valid: to webpki they
    /// are the same. The error says why none is valid now.
    fn end_of_root(&self, root: &TrustAnchor<'_>, now: UnixTime) -> Result<i64, webpki::Error> {
        let authorities = self.roots.roots.iter().zip(&self.authorities);
        let same = authorities.filter(|(other, _)| *other == root);
        let mut end = Err(webpki::Error::UnknownIssuer);
        for (_, authority) in same {
            end = match (end, authority.end(now)) {
                (Ok(one), Ok(other)) => Ok(one.max(other)),
                (Ok(end), Err(_)) | (Err(_), Ok(end)) => Ok(end),
                (Err(_), Err(refusal)) => Err(refusal),
            };
        }
        end
    }
}

/// Whether this key made the signature of a certificate.
pub fn has_signed(key: &SubjectPublicKeyInfoDer<'_>, certificate: &X509Certificate<'_>) -> bool {
    let Ok(key) = RawPublicKeyEntity::try_from(key) else {
        return false;
    };
    let signed = certificate.tbs_certificate.as_ref();
    let signature = &certificate.signature_value.data;
    let provider = crypto_provider();
    // Whichever the certificate names: a signature fits one of them at most.
    let mut algorithms = provider.signature_verification_algorithms.all.iter();
    algorithms.any(|algorithm| key.verify_signature(*algorithm, signed, signature).is_ok())
}
