//! Authorities that have the name of a trusted one and are another: one that was made anew, or that
//! of another place which calls its own alike.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use webpki::spki_for_anchor;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use crate::probe::tls::claim;
use crate::probe::tls::trust::Trust;
use crate::probe::tls::trust::has_signed;
use crate::probe::tls::weak;

/// How many keys are tried, as a server may show any number.
const MAX_TRIES: usize = 4;

/// The longest key that is tried, one of RSA with 4096 bits: the time that a longer one takes would be
/// a hostile server's choice.
const MAX_KEY_BYTES: usize = 600;

impl Trust {
    /// Whether a chain with a signature that does not fit leads to a namesake of an authority. A
    /// short key may be why it does not fit.
    pub fn has_namesake(&self, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> bool {
        let path = claim::path(own, others);
        if path.iter().any(weak::is_short) {
            return false;
        }
        let names_another = |certificate| self.names_another_key(certificate);
        let tries = path.iter().flat_map(|certificate| {
            let keys = self.keys_of_namesakes(certificate, &path).into_iter();
            keys.map(move |key| (certificate, key))
        });
        let mut tries = tries.take(MAX_TRIES);
        path.iter().any(names_another)
            || tries.any(|(certificate, key)| has_signed(&key, certificate))
    }

    /// Whether a certificate tells by which key it was signed, and no authority of that name has it.
    fn names_another_key(&self, certificate: &X509Certificate<'_>) -> bool {
        let Some(signer) = signer_key_id(certificate) else {
            return false;
        };
        let mut named = self.named(certificate.issuer().as_raw()).peekable();
        let is_another = |(_, key_id): (_, Option<&[u8]>)| key_id.is_some_and(|id| id != signer);
        named.peek().is_some() && named.all(is_another)
    }

    /// The keys that are shown under the name of who signed a certificate, if authorities of that name
    /// are trusted and none of them has the key.
    fn keys_of_namesakes(
        &self,
        certificate: &X509Certificate<'_>,
        shown: &[X509Certificate<'_>],
    ) -> Vec<SubjectPublicKeyInfoDer<'static>> {
        let issuer = certificate.issuer().as_raw();
        let trusted: Vec<_> = self
            .named(issuer)
            .map(|(root, _)| spki_for_anchor(root))
            .collect();
        if trusted.is_empty() {
            return Vec::new();
        }
        let roots = shown.iter().filter(|shown| {
            shown.subject().as_raw() == issuer && shown.issuer().as_raw() == issuer
        });
        roots
            .map(|root| SubjectPublicKeyInfoDer::from(root.public_key().raw.to_vec()))
            .filter(|key| key.len() <= MAX_KEY_BYTES && !trusted.contains(key))
            .collect()
    }
}

/// How a certificate calls the key that signed it.
fn signer_key_id<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    let mut extensions = certificate.iter_extensions();
    extensions.find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(signer) => Some(signer.key_identifier.as_ref()?.0),
        _ => None,
    })
}
