//! When a chain of certificates expires.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The earliest end of validity in `chain`, in seconds since 1970; `None` if no certificate of it
/// can be read. blackbox_exporter takes the earliest too, but only of chains that are valid.
pub fn earliest(chain: &[CertificateDer<'_>]) -> Option<i64> {
    chain.iter().filter_map(end).min()
}

/// The end of validity of one certificate.
pub fn end(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// Whether a certificate is signed with its own key, going by its names.
pub fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, certificate)| certificate.issuer() == certificate.subject())
}
