//! Why the exporter does not start.

use std::error::Error;
use std::fmt;
use std::io;

use crate::config::LoadError;
use crate::server::listen::BindError;

/// A reason not to start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration is missing or has mistakes.
    Config(LoadError),
    /// The configuration asks for what cannot be built, a line each.
    Unbuildable(String),
    /// Two of these at once.
    Both(Box<[Self; 2]>),
    /// An address cannot be listened on.
    Bind(BindError),
    /// The module to probe with needs a token, and there is none.
    NoToken(String),
    /// The system refuses a thread, a signal handler or the like.
    Runtime(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Both(errors) => {
                let [one, other] = errors.as_ref();
                write!(f, "{one}\n{other}")
            }
            Self::Unbuildable(what) | Self::NoToken(what) => f.write_str(what),
            Self::Bind(error) => error.fmt(f),
            Self::Runtime(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl Error for StartError {}

impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        Self::Config(error)
    }
}

impl From<BindError> for StartError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}
