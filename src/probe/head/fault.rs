//! What a server does that ends the reading of its head.

use std::error::Error;
use std::fmt;

use crate::outcome::reason::Reason;
use crate::probe::head::MAX_HEAD_BYTES;
use crate::probe::head::MAX_INTERIMS;

/// Why a head is read no further.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeadFault {
    /// It has too many bytes.
    Bytes,
    /// Too many empty lines came before it.
    Blank,
    /// Too many interim responses came before it, or too large ones.
    Interims,
    /// It cannot become a head, or is an interim one that hyper refuses.
    Broken(Reason),
}

impl HeadFault {
    /// The reason of the failure.
    pub fn reason(self) -> Reason {
        match self {
            Self::Bytes => Reason::TransferHeaderTooLarge,
            Self::Blank => Reason::TransferNotHttp,
            Self::Interims => Reason::TransferInterimFlood,
            Self::Broken(reason) => reason,
        }
    }
}

impl fmt::Display for HeadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => write!(f, "the head has more than {MAX_HEAD_BYTES} bytes"),
            Self::Blank => write!(f, "more than {MAX_HEAD_BYTES} bytes of empty lines"),
            Self::Interims => write!(
                f,
                "more than {MAX_INTERIMS} interim responses, or {MAX_HEAD_BYTES} bytes of them"
            ),
            Self::Broken(Reason::TransferNotHttp) => write!(f, "what arrived is not HTTP"),
            Self::Broken(Reason::TransferHttpVersion) => {
                write!(f, "neither HTTP/1.1 nor HTTP/1.0")
            }
            Self::Broken(Reason::TransferStatusInvalid) => {
                write!(f, "the status is not three digits")
            }
            Self::Broken(_) => write!(f, "an interim response has an invalid header"),
        }
    }
}

impl Error for HeadFault {}
