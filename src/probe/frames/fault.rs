//! What a server does that ends the reading of its frames.

use std::error::Error;
use std::fmt;

use crate::outcome::reason::Reason;
use crate::probe::head::HeadFault;

/// Why nothing more is read of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FrameFault {
    /// It speaks HTTP/1.
    Http1,
    /// It speaks HTTP/1, though it chose HTTP/2 in the handshake of TLS.
    BrokenPromise,
    /// It speaks something else.
    NotHttp,
    /// It answers before it was asked.
    Unsolicited,
    /// It does not begin with its settings.
    NoSettings,
    /// It breaks another rule, in these words.
    Breach(&'static str),
    /// It sends fields in a head that belong into a request.
    PseudoInHead,
    /// It changes to another protocol, which nobody asked for.
    Upgrade,
    /// It sends fields behind the body that belong into the head.
    PseudoInTrailers,
    /// It sends more frames that carry nothing than the bound.
    Flood,
    /// It sends more interim heads than the bound.
    Interims,
    /// A bound of the head is broken.
    Head(HeadFault),
}

impl FrameFault {
    /// The reason of the failure.
    pub fn reason(self) -> Reason {
        match self {
            Self::Http1 | Self::NotHttp | Self::Unsolicited => Reason::TransferNotHttp,
            Self::BrokenPromise => Reason::TlsAlpn,
            Self::NoSettings | Self::Breach(_) | Self::PseudoInHead | Self::PseudoInTrailers => {
                Reason::TransferH2Protocol
            }
            Self::Upgrade => Reason::TransferUnexpectedUpgrade,
            Self::Flood | Self::Interims => Reason::TransferH2Flood,
            Self::Head(limit) => limit.reason(),
        }
    }
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http1 => f.write_str("the server speaks HTTP/1 where HTTP/2 is due"),
            Self::BrokenPromise => f.write_str("the server chose HTTP/2 and speaks HTTP/1"),
            Self::NotHttp => f.write_str("the server speaks no HTTP/2"),
            Self::Unsolicited => f.write_str("an answer before the request"),
            Self::NoSettings => f.write_str("the server does not begin with its settings"),
            Self::Breach(words) => f.write_str(words),
            Self::PseudoInHead => f.write_str("the head has a field of a request"),
            Self::Upgrade => f.write_str("101, which HTTP/2 does not have"),
            Self::PseudoInTrailers => f.write_str("the trailers have a field of a head"),
            Self::Flood => f.write_str("too many frames that carry nothing of a response"),
            Self::Interims => HeadFault::Interims.fmt(f),
            Self::Head(limit) => limit.fmt(f),
        }
    }
}

impl Error for FrameFault {}
