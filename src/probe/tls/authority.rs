//! What is known of an authority besides what verifies signatures.

use std::time::Duration;

use ring::digest::Digest;
use ring::digest::SHA256;
use ring::digest::digest;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::UnixTime;
use x509_parser::certificate::Validity;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// What rustls drops of an authority.
#[derive(Debug)]
pub struct Authority {
    /// That of its own certificate.
    validity: Option<Validity>,
    /// Its name, in DER.
    pub subject: Vec<u8>,
    /// How its certificate calls its key.
    pub key_id: Option<Vec<u8>>,
    /// Tells it from others of the same name and key.
    pub fingerprint: Digest,
}

impl Authority {
    /// Reads it from its certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let read = X509Certificate::from_der(certificate).ok();
        let read = read.map(|(_, certificate)| certificate);
        let read = read.as_ref();
        Self {
            validity: read.map(|read| read.validity().clone()),
            subject: read.map_or_else(Vec::new, |read| read.subject().as_raw().to_vec()),
            key_id: read.and_then(key_id),
            fingerprint: digest(&SHA256, certificate),
        }
    }

    /// When it ceases to be valid; the error says why it is not valid now.
    pub fn end(&self, now: UnixTime) -> Result<i64, webpki::Error> {
        let Some(validity) = &self.validity else {
            return Ok(i64::MAX);
        };
        let (not_before, not_after) = (at(validity.not_before), at(validity.not_after));
        if now < not_before {
            return Err(webpki::Error::CertNotValidYet {
                time: now,
                not_before,
            });
        }
        if now > not_after {
            return Err(webpki::Error::CertExpired {
                time: now,
                not_after,
            });
        }
        Ok(validity.not_after.timestamp())
    }
}

fn at(time: ASN1Time) -> UnixTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// How a certificate calls its own key.
fn key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    let mut extensions = certificate.iter_extensions();
    extensions.find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(own) => Some(own.0.to_vec()),
        _ => None,
    })
}
