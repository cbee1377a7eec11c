//! The path that a chain claims to be, of which nothing has been verified.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// More certificates than webpki takes for a path: a server may show any number.
const MAX_PATH: usize = 8;

/// A server's own certificate and those of `others` that vouch for it, going by names, the first few.
/// What has nothing to do with it is left out, as is what cannot be read.
pub fn path<'a>(
    own: &'a CertificateDer<'_>,
    others: &'a [CertificateDer<'_>],
) -> Vec<X509Certificate<'a>> {
    let read = |certificate: &'a CertificateDer<'_>| {
        let read = X509Certificate::from_der(certificate).ok();
        read.map(|(_, certificate)| certificate)
    };
    let mut others: Vec<_> = others.iter().filter_map(read).collect();
    let mut path: Vec<_> = read(own).into_iter().collect();
    let mut at = 0;
    while let Some(certificate) = path.get(at) {
        let issuer = certificate.issuer().as_raw();
        let is_issuer = |other: &X509Certificate<'_>| other.subject().as_raw() == issuer;
        let (issuers, rest) = others.into_iter().partition(is_issuer);
        others = rest;
        path.extend::<Vec<_>>(issuers);
        path.truncate(MAX_PATH);
        at += 1;
    }
    path
}
