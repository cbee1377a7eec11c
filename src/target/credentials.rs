//! What a request shows to be let in. No `Debug` shows it.

use std::fmt;

use http::HeaderValue;

/// The credentials of a module.
#[derive(Clone, Eq, PartialEq)]
pub enum Credentials {
    /// User name and password as bytes, since files may hold any.
    Basic {
        /// The user name.
        username: Vec<u8>,
        /// The password.
        password: Vec<u8>,
    },
    /// The whole value of the header `Authorization`.
    Authorization(HeaderValue),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(hidden)",
            Self::Authorization(_) => "Authorization(hidden)",
        })
    }
}
