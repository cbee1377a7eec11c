//! What rustls calls an error of webpki: it tells nobody else.

use std::sync::Arc;

use rustls::CertificateError as Told;
use rustls::ExtendedKeyPurpose;
use rustls::OtherError;
use webpki::Error;
use webpki::KeyUsage;

/// The error of rustls for one of webpki.
pub fn of(error: Error) -> rustls::Error {
    let told = match error {
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) => Told::BadEncoding,
        Error::CertNotValidYet { time, not_before } => {
            Told::NotValidYetContext { time, not_before }
        }
        Error::CertExpired { time, not_after } => Told::ExpiredContext { time, not_after },
        Error::InvalidCertValidity => Told::Expired,
        Error::UnknownIssuer => Told::UnknownIssuer,
        Error::InvalidSignatureForPublicKey => Told::BadSignature,
        Error::UnsupportedSignatureAlgorithmContext(context) => {
            Told::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: context.signature_algorithm_id,
                supported_algorithms: context.supported_algorithms,
            }
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
            Told::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: context.signature_algorithm_id,
                public_key_algorithm_id: context.public_key_algorithm_id,
            }
        }
        Error::RequiredEkuNotFoundContext(context) => Told::InvalidPurposeContext {
            required: purpose(context.required.oid_values().collect()),
            presented: context.present.into_iter().map(purpose).collect(),
        },
        error => Told::Other(OtherError(Arc::new(error))),
    };
    told.into()
}

fn purpose(identifier: Vec<usize>) -> ExtendedKeyPurpose {
    match &*identifier {
        KeyUsage::CLIENT_AUTH_REPR => ExtendedKeyPurpose::ClientAuth,
        KeyUsage::SERVER_AUTH_REPR => ExtendedKeyPurpose::ServerAuth,
        _ => ExtendedKeyPurpose::Other(identifier),
    }
}
