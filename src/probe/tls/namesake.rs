//! Authorities that have the name of a trusted one and are another: one that was made anew, or that
//! of another place which calls its own alike.

use rustls_pki_types::CertificateDer;
use webpki::spki_for_anchor;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use crate::probe::tls::claim;
use crate::probe::tls::trust::Trust;
use crate::probe::tls::trust::has_signed;
use crate::probe::tls::weak;

/// How many certificates of a path are looked at, which is more than webpki takes, and how many that
/// may have signed each: a server may show any number.
const MAX_PATH: usize = 8;
const MAX_SIGNERS: usize = 4;

impl Trust {
    /// Whether a chain with a signature that does not fit leads to a namesake of an authority. A
    /// short key may be why it does not fit.
    pub fn has_namesake(&self, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> bool {
        let path = claim::path(own, others);
        let is_of_namesake = |certificate| {
            self.names_another_key(certificate) || self.is_signed_by_namesake(certificate, &path)
        };
        !path.iter().any(weak::is_short) && path.iter().take(MAX_PATH).any(is_of_namesake)
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

    /// Whether what signed a certificate is shown and is none of the authorities of that name.
    fn is_signed_by_namesake(
        &self,
        certificate: &X509Certificate<'_>,
        shown: &[X509Certificate<'_>],
    ) -> bool {
        let issuer = certificate.issuer().as_raw();
        let keys: Vec<_> = self
            .named(issuer)
            .map(|(root, _)| spki_for_anchor(root))
            .collect();
        let roots = shown.iter().filter(|shown| {
            shown.subject().as_raw() == issuer && shown.issuer().as_raw() == issuer
        });
        let mut signers = roots
            .map(|root| root.public_key().raw.into())
            .filter(|key| !keys.contains(key))
            .take(MAX_SIGNERS);
        !keys.is_empty() && signers.any(|key| has_signed(&key, certificate))
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
