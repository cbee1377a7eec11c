//! Whether the chain of a server will do.

use std::sync::Arc;

use rustls::CertificateError;
use rustls::Error;
use rustls::client::danger::ServerCertVerified;
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::probe::tls::refusal;
use crate::probe::tls::trust::Trust;

/// Verifies as webpki does, and lets servers show what it takes from authorities alone:
/// `openssl req -x509` makes every certificate one of an authority unless told otherwise, and Go
/// does not mind.
#[derive(Debug)]
pub struct Verifier(Arc<Trust>);

impl Verifier {
    /// A verifier by these authorities.
    pub fn new(trust: Arc<Trust>) -> Self {
        Self(trust)
    }

    /// Verifies a server's own certificate, beside which it showed `others`.
    pub fn verify(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(own)?;
        let Self(trust) = self;
        let error = match trust.verify(own, others, now) {
            Ok(()) => {
                verify_server_name(&parsed, name)?;
                return Ok(ServerCertVerified::assertion());
            }
            Err(error) => error,
        };
        if trust.holds(own) {
            return verify_alone(own, name, now);
        }
        match error {
            // Longer paths from the certificate of an authority are left out: webpki builds none.
            webpki::Error::CaUsedAsEndEntity if trust.signed(own, now).map_err(refusal::of)? => {
                verify_alone(own, name, now)
            }
            webpki::Error::InvalidSignatureForPublicKey if trust.has_namesake(own, others) => {
                Err(CertificateError::UnknownIssuer.into())
            }
            error => Err(refusal::of(error)),
        }
    }
}

/// Verifies what a certificate says of itself, its signature left aside.
fn verify_alone(
    own: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let parsed = ParsedCertificate::try_from(own)?;
    let (_, read) = X509Certificate::from_der(own).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = read.validity();
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    let purposes = read.extended_key_usage();
    let purposes = purposes.map_err(|_| CertificateError::BadEncoding)?;
    if purposes.is_some_and(|purposes| !purposes.value.server_auth && !purposes.value.any) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&parsed, name)?;
    Ok(ServerCertVerified::assertion())
}
