//! Which parts of a module come from files, and the module again when they have changed. Nothing is
//! read here: who asks says how.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::target::credentials::Credentials;
use crate::target::credentials::secret_value;
use crate::target::credentials::trimmed;
use crate::target::module::Module;
use crate::target::secret::Secret;
use crate::target::tls;
use crate::target::tls::TlsSettings;

/// A part of a module that a file holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// The body of the request.
    Body,
    /// The user name of basic authentication.
    Username,
    /// The password of basic authentication.
    Password,
    /// What stands after the scheme in the header `Authorization`.
    Authorization {
        /// The scheme, such as `Bearer`.
        scheme: String,
    },
    /// The value of the header at this place in `http_headers`.
    HttpHeader(usize),
    /// The authorities to trust.
    Authorities,
    /// The client certificate with its chain.
    ClientChain,
    /// The key of the client certificate.
    ClientKey,
    /// The secret of the client that asks for tokens; always [`Part::OfTokens`].
    ClientSecret,
    /// A part of what tokens are had by: the secret, or one of its TLS.
    OfTokens(Box<Self>),
}

impl Part {
    /// How many bytes its file may have. What lets in is short: a file that is not was named by
    /// mistake.
    pub fn max_bytes(&self) -> u64 {
        match self {
            Self::Username
            | Self::Password
            | Self::Authorization { .. }
            | Self::HttpHeader(_)
            | Self::ClientKey
            | Self::ClientSecret => 64 << 10,
            Self::Body | Self::Authorities | Self::ClientChain => 64 << 20,
            Self::OfTokens(part) => part.max_bytes(),
        }
    }
}

/// A part of a module with its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartFile {
    /// What it holds.
    pub part: Part,
    /// Where it is.
    pub path: PathBuf,
}

/// Why a file is of no use. It names the file and shows nothing of what is in it.
#[derive(Debug)]
pub enum FileError {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It holds something else than this.
    Useless(PathBuf, &'static str),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{path:?} cannot be read: {error}"),
            Self::Useless(path, wanted) => write!(f, "{path:?} holds no {wanted}"),
        }
    }
}

impl std::error::Error for FileError {}

impl Module {
    /// The same module with what its files hold now.
    pub fn reread(
        &self,
        read: impl Fn(&PartFile) -> io::Result<Vec<u8>>,
    ) -> Result<Self, FileError> {
        let mut module = self.clone();
        for file in &self.files {
            let PartFile { part, path } = file;
            let bytes =
                read(file).map_err(|error| FileError::Unreadable(path.to_owned(), error))?;
            module
                .replace(part, bytes)
                .map_err(|wanted| FileError::Useless(path.to_owned(), wanted))?;
        }
        Ok(module)
    }

    /// Whether a file has a part in TLS.
    pub fn has_tls_files(&self) -> bool {
        self.files.iter().any(|file| {
            matches!(
                file.part,
                Part::Authorities | Part::ClientChain | Part::ClientKey
            )
        })
    }

    /// Puts what a file holds in its place. The error is what it ought to hold. A secret that becomes
    /// empty is one that is about to be written, and would be charged to the target.
    fn replace(&mut self, part: &Part, bytes: Vec<u8>) -> Result<(), &'static str> {
        match part {
            Part::Body => self.body = Secret::new(bytes.into()),
            Part::Username => {
                if let Some(Credentials::Basic { username, .. }) = &mut self.credentials {
                    replace_secret(username, trimmed(&bytes))?;
                }
            }
            Part::Password => {
                if let Some(Credentials::Basic { password, .. }) = &mut self.credentials {
                    replace_secret(password, trimmed(&bytes))?;
                }
            }
            Part::Authorization { scheme } => {
                let credentials = Credentials::authorization(scheme, trimmed(&bytes));
                let credentials = credentials.ok_or("value of a header")?;
                if trimmed(&bytes).is_empty() && self.credentials.as_ref() != Some(&credentials) {
                    return Err("secret");
                }
                self.credentials = Some(credentials);
            }
            Part::HttpHeader(index) => {
                if let Some((_, value)) = self.http_headers.get_mut(*index) {
                    let new = secret_value(trimmed(&bytes)).ok_or("value of a header")?;
                    if new.expose().is_empty() && !value.expose().is_empty() {
                        return Err("secret");
                    }
                    *value = new;
                }
            }
            Part::OfTokens(part) => {
                if let Some(Credentials::OAuth2(oauth2)) = &mut self.credentials {
                    let oauth2 = Arc::make_mut(oauth2);
                    match **part {
                        Part::ClientSecret => {
                            replace_secret(&mut oauth2.client_secret, trimmed(&bytes))?;
                        }
                        _ => replace_tls(&mut oauth2.tls, part, &bytes)?,
                    }
                }
            }
            Part::Authorities | Part::ClientChain | Part::ClientKey | Part::ClientSecret => {
                replace_tls(&mut self.tls, part, &bytes)?;
            }
        }
        Ok(())
    }
}

fn replace_tls(tls: &mut TlsSettings, part: &Part, bytes: &[u8]) -> Result<(), &'static str> {
    match (part, &mut tls.identity) {
        (Part::Authorities, _) => {
            tls.authorities = Some(tls::certificates(bytes).ok_or(tls::CERTIFICATE)?);
        }
        (Part::ClientChain, Some(identity)) => {
            identity.chain = tls::certificates(bytes).ok_or(tls::CERTIFICATE)?;
        }
        (Part::ClientKey, Some(identity)) => {
            let key = tls::private_key(bytes).ok_or(tls::PRIVATE_KEY)?;
            identity.key = Secret::new(key.into());
        }
        _ => {}
    }
    Ok(())
}

fn replace_secret(secret: &mut Secret<Vec<u8>>, new: &[u8]) -> Result<(), &'static str> {
    if new.is_empty() && !secret.expose().is_empty() {
        return Err("secret");
    }
    *secret = new.to_vec().into();
    Ok(())
}
