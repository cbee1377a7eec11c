//! What went wrong in TLS, from rustls' typed errors to the closed set of reasons.

use std::io;

use rustls::AlertDescription;
use rustls::CertificateError;
use rustls::Error;
use rustls::InvalidMessage;
use rustls::PeerIncompatible;
use rustls::PeerMisbehaved;
use rustls_pki_types::CertificateDer;

use crate::outcome::reason::Reason;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;
use crate::probe::tls::expiry;
use crate::probe::tls::flood::RecordFlood;
use crate::probe::tls::weak;

/// What a server asked of the client, and got.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ClientCertificate {
    /// It asked for nothing.
    #[default]
    Unasked,
    /// It asked for a certificate and was shown one.
    Shown,
    /// It asked for a certificate, and there is none.
    Lacking,
}

/// The failure of a handshake.
pub fn of_handshake(
    error: &io::Error,
    chain: &[CertificateDer<'_>],
    certificate: ClientCertificate,
) -> Stop {
    let Some(tls) = of_io(error) else {
        if let Some(skip) = own_fault(error) {
            return Stop::Skipped(skip);
        }
        let reason = match error.kind() {
            _ if RecordFlood::is_in(error) => Reason::TlsMalformed,
            // rustls holds as much of unfinished messages as it will.
            io::ErrorKind::InvalidData => Reason::TlsMalformed,
            io::ErrorKind::TimedOut => Reason::TlsTimeout,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Reason::TlsClosed,
            _ if errno(error).is_some() => Reason::TlsClosed,
            _ => Reason::TlsOther,
        };
        return Stop::failed(reason, format!("TLS handshake: {error}"));
    };
    let reason = match tls {
        tls if is_authority_as_server(tls) => of_authority(chain),
        Error::AlertReceived(alert) if is_about_client(*alert, certificate) => {
            Reason::TlsClientCertRequired
        }
        // Keys that are too short are none to ring, so that nothing fits them.
        Error::InvalidCertificate(CertificateError::BadSignature) if weak::has_short_key(chain) => {
            Reason::TlsCertWeak
        }
        tls => reason(tls),
    };
    Stop::failed(reason, format!("TLS handshake: {tls}"))
}

/// The failure of a host that cannot be asked for by name; `detail` says why.
pub fn name(detail: String) -> Stop {
    Stop::failed(Reason::TlsCertName, detail)
}

/// The error of rustls inside an error of I/O.
pub fn of_io(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// The reason for an error of I/O of TLS after the handshake, if it is one: TLS 1.3 servers refuse a
/// missing client certificate only once the client is done, and can mind nothing else by then.
pub fn after_handshake(error: &io::Error, certificate: ClientCertificate) -> Option<Reason> {
    if RecordFlood::is_in(error) {
        return Some(Reason::TlsMalformed);
    }
    Some(match of_io(error)? {
        Error::AlertReceived(alert) if is_about_client(*alert, certificate) => {
            Reason::TlsClientCertRequired
        }
        Error::AlertReceived(AlertDescription::HandshakeFailure) => Reason::TlsAlert,
        // It did speak TLS.
        Error::InvalidMessage(_) => Reason::TlsMalformed,
        tls => reason(tls),
    })
}

/// Whether an alert is about the certificate that a client lacks. Servers of TLS 1.2 send the one
/// that they also send when nothing is in common, or one about a bad certificate; that they asked
/// for one tells these apart.
fn is_about_client(alert: AlertDescription, certificate: ClientCertificate) -> bool {
    match alert {
        AlertDescription::CertificateRequired => true,
        AlertDescription::HandshakeFailure => certificate != ClientCertificate::Unasked,
        AlertDescription::BadCertificate
        | AlertDescription::NoCertificate
        | AlertDescription::AccessDenied => certificate == ClientCertificate::Lacking,
        _ => false,
    }
}

/// The reason for an error of rustls.
fn reason(error: &Error) -> Reason {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::NoCertificatesPresented => Reason::TlsCertInvalid,
        Error::UnsupportedNameType => Reason::TlsCertName,
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::PeerIncompatible(incompatible) => of_incompatible(incompatible),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => Reason::TlsNotTls,
        Error::NoApplicationProtocol
        | Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            Reason::TlsAlpn
        }
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::PeerSentOversizedRecord
        | Error::DecryptError => Reason::TlsMalformed,
        _ => Reason::TlsOther,
    }
}

fn of_alert(alert: AlertDescription) -> Reason {
    match alert {
        AlertDescription::ProtocolVersion => Reason::TlsVersion,
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            Reason::TlsNoCommonCipher
        }
        AlertDescription::CertificateRequired => Reason::TlsClientCertRequired,
        AlertDescription::NoApplicationProtocol => Reason::TlsAlpn,
        AlertDescription::CloseNotify => Reason::TlsClosed,
        _ => Reason::TlsAlert,
    }
}

fn of_incompatible(incompatible: &PeerIncompatible) -> Reason {
    match incompatible {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => Reason::TlsVersion,
        _ => Reason::TlsNoCommonCipher,
    }
}

fn of_certificate(error: &CertificateError) -> Reason {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Reason::TlsCertExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Reason::TlsCertNotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Reason::TlsCertName
        }
        CertificateError::UnknownIssuer => Reason::TlsCertUnknownIssuer,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Reason::TlsCertPurpose
        }
        // What is merely not known, such as Ed448, is not weak.
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id,
            ..
        } if weak::is_broken_hash(signature_algorithm_id) => Reason::TlsCertWeak,
        _ => Reason::TlsCertInvalid,
    }
}

/// Whether a certificate was refused for being one of an authority, trusted or not.
fn is_authority_as_server(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    other
        .0
        .downcast_ref::<webpki::Error>()
        .is_some_and(|error| matches!(error, webpki::Error::CaUsedAsEndEntity))
}

/// The reason for a certificate of an authority that no trusted one signed: it vouches for itself
/// alone or is shown alone. What signed it may else be trusted by way of others.
fn of_authority(chain: &[CertificateDer<'_>]) -> Reason {
    match chain {
        [own, others @ ..] if others.is_empty() || expiry::is_self_issued(own) => {
            Reason::TlsCertUnknownIssuer
        }
        _ => Reason::TlsCertInvalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_client_certificate_is_told_by_what_was_asked() {
        use AlertDescription as A;
        use ClientCertificate::{Lacking, Shown, Unasked};
        use Reason as R;
        for (alert, certificate, in_handshake, after) in [
            (
                A::HandshakeFailure,
                Unasked,
                R::TlsNoCommonCipher,
                R::TlsAlert,
            ),
            (
                A::HandshakeFailure,
                Lacking,
                R::TlsClientCertRequired,
                R::TlsClientCertRequired,
            ),
            (A::BadCertificate, Unasked, R::TlsAlert, R::TlsAlert),
            (A::BadCertificate, Shown, R::TlsAlert, R::TlsAlert),
            (
                A::BadCertificate,
                Lacking,
                R::TlsClientCertRequired,
                R::TlsClientCertRequired,
            ),
            (
                A::CertificateRequired,
                Shown,
                R::TlsClientCertRequired,
                R::TlsClientCertRequired,
            ),
            (A::UnknownCA, Lacking, R::TlsAlert, R::TlsAlert),
        ] {
            let error = io::Error::other(Error::AlertReceived(alert));
            let Stop::Failed(failure) = of_handshake(&error, &[], certificate) else {
                panic!("a server is to blame for {alert:?}");
            };
            assert_eq!(failure.reason, in_handshake, "{alert:?}, {certificate:?}");
            let found = after_handshake(&error, certificate);
            assert_eq!(found, Some(after), "{alert:?}, {certificate:?}");
        }
    }
}
