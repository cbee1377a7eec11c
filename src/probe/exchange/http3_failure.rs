//! What went wrong in an exchange over HTTP/3: errors of h3 and the end of the connection, read
//! together with what the wire saw.

use std::io;

use h3::error::Code;
use h3::error::ConnectionError as Closed;
use h3::error::LocalError;
use h3::error::StreamError;
use http::HeaderMap;
use http::header;
use nix::errno::Errno;
use quinn_proto::ConnectionError;

use crate::outcome::reason::Reason;
use crate::probe::exchange::failure::End;
use crate::probe::exchange::failure::of_end;
use crate::probe::exchange::http2::OF_HTTP1;
use crate::probe::progress::ResponseProgress;
use crate::probe::quic::Connection;
use crate::probe::quic::Loss;
use crate::probe::quic::StreamFault;
use crate::probe::quic::alert_of;
use crate::probe::quic::response::ResponseStream;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;
use crate::probe::tls;
use crate::probe::walk::Walk;
use crate::probe::wire::Marks;

/// The failure behind an error of h3.
pub fn of(error: &StreamError, connection: &Connection, walk: &Walk) -> Stop {
    let state = connection.state();
    let marks = walk.wire.marks();
    if let Some(fault) = &marks.broken_by {
        let reason = fault.get_ref().and_then(|inner| inner.downcast_ref());
        let reason = reason.map_or(Reason::TransferOther, |fault: &StreamFault| fault.reason());
        return Stop::failed(reason, fault.to_string());
    }
    match &state.loss {
        Some(Loss::Io(error)) => of_io(error, &marks),
        Some(Loss::Quic(ConnectionError::LocallyClosed)) | None => {
            Stop::failed(of_http(error, &marks), error.to_string())
        }
        Some(Loss::Quic(error)) => Stop::failed(of_quic(error, &marks), format!("QUIC: {error}")),
    }
}

fn of_io(error: &io::Error, marks: &Marks) -> Stop {
    if let Some(skip) = own_fault(error) {
        return Stop::Skipped(skip);
    }
    let end = match errno(error) {
        // Nobody listens any more, which TCP would tell by a reset.
        Some(Errno::ECONNREFUSED | Errno::ECONNRESET) => End::Reset,
        Some(Errno::ETIMEDOUT) => End::TimedOut,
        _ => End::Other,
    };
    Stop::failed(of_end(end, marks), error.to_string())
}

fn of_quic(error: &ConnectionError, marks: &Marks) -> Reason {
    if let Some(alert) = alert_of(error) {
        // A server may mind the certificate of a client, or that there is none, once hands are
        // shaken.
        let alert = io::Error::other(rustls::Error::AlertReceived(alert));
        if let Some(reason) = tls::failure::after_handshake(&alert, marks.client_certificate) {
            return reason;
        }
    }
    match error {
        ConnectionError::ConnectionClosed(_) | ConnectionError::ApplicationClosed(_) => {
            of_end(End::Closed, marks)
        }
        ConnectionError::Reset => of_end(End::Reset, marks),
        ConnectionError::TimedOut => of_end(End::TimedOut, marks),
        // The server broke the rules of QUIC.
        ConnectionError::TransportError(_) => Reason::TransferFraming,
        _ => of_end(End::Other, marks),
    }
}

fn of_http(error: &StreamError, marks: &Marks) -> Reason {
    match error {
        // The stream is to the body what the connection is in HTTP/1.
        StreamError::RemoteTerminate { code } if *code == Code::H3_NO_ERROR => {
            of_end(End::Closed, marks)
        }
        StreamError::RemoteTerminate { .. } => of_end(End::Reset, marks),
        StreamError::HeaderTooBig { .. } => Reason::TransferHeaderTooLarge,
        StreamError::RemoteClosing => of_end(End::Closed, marks),
        StreamError::StreamError { .. } => of_head(marks),
        StreamError::ConnectionError(Closed::Local {
            error: LocalError::Application { code, .. },
        }) => match followed(marks) {
            Some(stream) if stream.is_over() && ends_early(stream) => of_end(End::Closed, marks),
            // What is wrong with the status alone is no error of QPACK.
            _ if *code == Code::QPACK_DECOMPRESSION_FAILED => Reason::TransferHeaderInvalid,
            _ => Reason::TransferFraming,
        },
        _ => of_end(End::Other, marks),
    }
}

/// What is wrong with a head that h3 refuses.
fn of_head(marks: &Marks) -> Reason {
    match followed(marks).map(|stream| (stream.is_complete(), stream.code())) {
        Some((true, None)) => Reason::TransferStatusInvalid,
        _ => Reason::TransferHeaderInvalid,
    }
}

fn ends_early(stream: &ResponseStream) -> bool {
    !stream.is_complete() || stream.is_within_frame()
}

fn followed(marks: &Marks) -> Option<&ResponseStream> {
    match &marks.head {
        ResponseProgress::Stream(stream) => Some(stream),
        ResponseProgress::Text(_) | ResponseProgress::Frames(_) => None,
    }
}

/// Whether a response ended of whose body so much was taken. That it ends within a frame is an error.
pub fn is_whole(marks: &Marks, taken: u64) -> Result<bool, Stop> {
    let Some(stream) = followed(marks).filter(|stream| stream.is_over()) else {
        return Ok(false);
    };
    if stream.is_within_frame() {
        let detail = "the stream ended within a frame";
        return Err(Stop::failed(Reason::TransferBodyTruncated, detail));
    }
    Ok(stream.body_bytes() == taken)
}

/// Checks that fields are not about a connection of HTTP/1 (RFC 9114, 4.2). h3 takes them.
pub fn check_fields(fields: &HeaderMap) -> Result<(), Stop> {
    let of_http1 = OF_HTTP1.iter().find(|name| fields.contains_key(**name));
    let te = fields.get_all(header::TE).iter();
    let te = te.filter(|value| *value != "trailers").map(|_| &"te");
    match of_http1.into_iter().chain(te).next() {
        None => Ok(()),
        Some(name) => {
            let detail = format!("the header {name}, which HTTP/3 does not have");
            Err(Stop::failed(Reason::TransferHeaderInvalid, detail))
        }
    }
}

/// The failure of a body that is not as long as its head says.
pub fn of_length(received: u64, said: Option<u64>) -> Stop {
    let said = said.unwrap_or_default();
    let detail = format!("a body of {received} bytes or more where {said} were said");
    Stop::failed(Reason::TransferFraming, detail)
}
