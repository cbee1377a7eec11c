//! What a server does on the stream of the request that ends the reading of it.

use std::error::Error;
use std::fmt;

use crate::outcome::reason::Reason;
use crate::probe::head::HeadFault;

/// Why nothing more is read of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamFault {
    /// Frames come in an order that HTTP/3 does not have.
    Order,
    /// It sends more that carries nothing of the response than the bound.
    Flood,
    /// A frame is not as long as its kind has it.
    Length,
    /// Fields are sent for a table that was not granted.
    Table,
    /// A stream is closed that the connection cannot be without.
    Closed,
    /// A head has no status, one that is not three digits, or two.
    Status,
    /// Fields that begin with a colon are where they may not be.
    Pseudo,
    /// A field is in a code that is none.
    Code,
    /// A bound of the head is broken.
    Head(HeadFault),
}

impl StreamFault {
    /// The reason of the failure.
    pub fn reason(self) -> Reason {
        match self {
            Self::Order | Self::Flood | Self::Length | Self::Table | Self::Closed => {
                Reason::TransferFraming
            }
            Self::Status => Reason::TransferStatusInvalid,
            Self::Pseudo | Self::Code => Reason::TransferHeaderInvalid,
            Self::Head(limit) => limit.reason(),
        }
    }
}

impl fmt::Display for StreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order => f.write_str("frames of HTTP/3 in an order that is not allowed"),
            Self::Flood => f.write_str("too much of HTTP/3 that carries nothing of a response"),
            Self::Length => f.write_str("a frame of HTTP/3 of a wrong length"),
            Self::Table => f.write_str("fields for a table that was not granted"),
            Self::Closed => f.write_str("a stream of QPACK was closed"),
            Self::Status => f.write_str("a head without a status of three digits, or with two"),
            Self::Pseudo => f.write_str("a pseudo-header field where it may not be"),
            Self::Code => f.write_str("a field in a code of Huffman's that is none"),
            Self::Head(limit) => limit.fmt(f),
        }
    }
}

impl Error for StreamFault {}
