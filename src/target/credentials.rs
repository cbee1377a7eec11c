//! What a request shows to be let in.

use std::sync::Arc;

use http::HeaderValue;

use crate::target::oauth2::OAuth2;
use crate::target::secret::Secret;

/// The value of a header. It may be a key to something whatever the header is called.
pub type SecretValue = Secret<HeaderValue>;

/// The credentials of a module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credentials {
    /// User name and password as bytes, since files may hold any. Some have all that is secret in
    /// the name.
    Basic {
        /// The user name.
        username: Secret<Vec<u8>>,
        /// The password.
        password: Secret<Vec<u8>>,
    },
    /// The header `Authorization`.
    Authorization {
        /// What its value begins with, such as `Bearer`.
        scheme: String,
        /// The whole value.
        value: SecretValue,
    },
    /// The header `Authorization` with a token that is had meanwhile.
    OAuth2(Arc<OAuth2>),
}

impl Credentials {
    /// The header `Authorization` of a scheme and what stands after it, if a header can hold that.
    pub fn authorization(scheme: &str, credentials: &[u8]) -> Option<Self> {
        let value = [scheme.as_bytes(), b" ", credentials].concat();
        let scheme = scheme.to_owned();
        let value = secret_value(&value)?;
        Some(Self::Authorization { scheme, value })
    }
}

/// What a file holds without the white space around it, as Prometheus reads its secrets.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => bytes.trim_ascii(),
    }
}

/// The value of a header that is sent without the white space around it, if a header can hold it.
pub fn secret_value(bytes: &[u8]) -> Option<SecretValue> {
    let mut value = HeaderValue::from_bytes(bytes.trim_ascii()).ok()?;
    // Debug hides it also where it stands among the headers of a request.
    value.set_sensitive(true);
    Some(value.into())
}
