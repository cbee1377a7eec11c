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

impl Credentials {
    /// The header `Authorization` of a scheme and what stands after it, if a header can hold that.
    pub fn authorization(scheme: &str, credentials: &[u8]) -> Option<Self> {
        let value = [scheme.as_bytes(), b" ", credentials].concat();
        secret_value(&value).map(Self::Authorization)
    }
}

/// What a file holds without the white space around it, as Prometheus reads its secrets.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => bytes.trim_ascii(),
    }
}

/// The value of a header that is sent without the white space around it and never shown, if a header
/// can hold it.
pub fn secret_value(bytes: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(bytes.trim_ascii()).ok()?;
    // Debug then hides it, wherever it ends up.
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(hidden)",
            Self::Authorization(_) => "Authorization(hidden)",
        })
    }
}
