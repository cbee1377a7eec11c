//! What went wrong in a handshake of QUIC, from typed errors to the closed set of reasons.

use std::io;

use quinn_proto::ConnectError;
use quinn_proto::ConnectionError;
use rustls::AlertDescription;
use rustls_pki_types::CertificateDer;

use crate::outcome::reason::Reason;
use crate::probe::stop::Stop;
use crate::probe::tls;
use crate::probe::tls::failure::ClientCertificate;

/// What the codes of a close are above that carry an alert of TLS (RFC 9001, 4.8).
const CRYPTO: u64 = 0x100;

/// The failure of a handshake that could not begin.
pub fn of_start(error: &ConnectError) -> Stop {
    let reason = match error {
        ConnectError::InvalidRemoteAddress(_) => Reason::ConnectUnreachable,
        _ => Reason::TlsOther,
    };
    Stop::failed(reason, format!("QUIC: {error}"))
}

/// The failure of a handshake. `own` is what rustls minded.
pub fn of_handshake(
    error: &ConnectionError,
    own: Option<rustls::Error>,
    chain: &[CertificateDer<'_>],
    certificate: ClientCertificate,
) -> Stop {
    let tls = own.or_else(|| alert_of(error).map(rustls::Error::AlertReceived));
    if let Some(tls) = tls {
        return tls::failure::of_handshake(&io::Error::other(tls), chain, certificate);
    }
    let reason = match error {
        ConnectionError::VersionMismatch => Reason::TlsVersion,
        ConnectionError::TimedOut => Reason::TlsTimeout,
        ConnectionError::TransportError(_) => Reason::TlsMalformed,
        ConnectionError::ConnectionClosed(_)
        | ConnectionError::ApplicationClosed(_)
        | ConnectionError::Reset => Reason::TlsClosed,
        ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => Reason::TlsOther,
    };
    Stop::failed(reason, format!("QUIC handshake: {error}"))
}

/// The alert of TLS with which a server closed a connection.
pub fn alert_of(error: &ConnectionError) -> Option<AlertDescription> {
    let ConnectionError::ConnectionClosed(close) = error else {
        return None;
    };
    let code = u64::from(close.error_code).checked_sub(CRYPTO)?;
    u8::try_from(code).ok().map(AlertDescription::from)
}
