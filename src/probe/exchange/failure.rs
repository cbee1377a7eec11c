//! What went wrong in an exchange: hyper's typed errors, read together with what the wire saw.

use std::error::Error;
use std::io;

use nix::errno::Errno;

use crate::outcome::reason::Reason;
use crate::probe::head::HeadLimit;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::tls;
use crate::probe::wire::Marks;

/// The failure behind an error of hyper.
pub fn of(error: &hyper::Error, marks: &Marks) -> Stop {
    Stop::failed(reason(error, marks), words(error))
}

fn reason(error: &hyper::Error, marks: &Marks) -> Reason {
    let io = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    let limit = io.and_then(|io| io.get_ref()?.downcast_ref::<HeadLimit>());
    if let Some(limit) = limit {
        return limit.reason();
    }
    if let Some(tls) = io.and_then(tls::failure::of_io) {
        return tls::failure::reason(tls);
    }
    if error.is_parse() {
        return marks.head.fault();
    }
    let end = End::of(error, io);
    if marks.head.is_complete() {
        return match end {
            End::Closed => Reason::TransferBodyTruncated,
            End::Reset => Reason::TransferBodyReset,
            End::TimedOut => Reason::TransferBodyTimeout,
            End::BadBody => Reason::TransferChunkInvalid,
            End::Unsolicited | End::Other => Reason::TransferOther,
        };
    }
    if marks.head.first_byte().is_some() {
        return match end {
            End::Closed | End::Reset => marks.head.fault(),
            End::TimedOut => Reason::TransferHeaderTimeout,
            End::Unsolicited => Reason::TransferNotHttp,
            End::BadBody | End::Other => Reason::TransferOther,
        };
    }
    let within_request = marks.last_write.is_some() && marks.request_out.is_none();
    match (end, within_request) {
        (End::Closed | End::Reset, true) => Reason::SendReset,
        (End::TimedOut, true) => Reason::SendTimeout,
        (_, true) => Reason::SendOther,
        (End::Closed, false) => Reason::FirstByteClosed,
        (End::Reset, false) => Reason::FirstByteReset,
        (End::TimedOut, false) => Reason::FirstByteTimeout,
        (End::Unsolicited, false) => Reason::TransferNotHttp,
        (End::BadBody | End::Other, false) => Reason::FirstByteOther,
    }
}

/// How a connection ended, whatever was under way.
#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Reset,
    TimedOut,
    BadBody,
    /// Bytes came before the request was sent.
    Unsolicited,
    Other,
}

impl End {
    fn of(error: &hyper::Error, io: Option<&io::Error>) -> Self {
        let Some(io) = io else {
            return if error.is_incomplete_message() {
                Self::Closed
            } else if error.is_canceled() || error.is_closed() {
                // The connection went before hyper took the request: something else was read.
                Self::Unsolicited
            } else {
                Self::Other
            };
        };
        match (io.kind(), errno(io)) {
            (io::ErrorKind::UnexpectedEof, _) => Self::Closed,
            (_, Some(Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED)) => Self::Reset,
            (_, Some(Errno::ETIMEDOUT)) => Self::TimedOut,
            (io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput, None) => Self::BadBody,
            _ => Self::Other,
        }
    }
}

fn causes(error: &hyper::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let outermost: &(dyn Error + 'static) = error;
    std::iter::successors(Some(outermost), |error| (*error).source())
}

/// The error with its causes, which hyper leaves out of its own text.
fn words(error: &hyper::Error) -> String {
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.join(": ")
}
