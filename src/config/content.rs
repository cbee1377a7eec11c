//! A configuration file as it was read: what is compared with the one in use and what is parsed are
//! the same bytes, whatever becomes of the file meanwhile.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use crate::config;
use crate::config::Config;
use crate::config::LoadError;
use crate::config::TlsCheck;
use crate::config::file;

/// Where a configuration comes from, whenever it is read.
#[derive(Clone)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The program itself, which always says the same.
    BuiltIn(String),
}

impl fmt::Debug for Origin {
    /// Without the text, as with content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::BuiltIn(_) => f.debug_tuple("BuiltIn").finish_non_exhaustive(),
        }
    }
}

impl Origin {
    /// Reads it, once.
    pub fn read(&self) -> Result<Content, LoadError> {
        match self {
            Self::File(path) => Content::read(path),
            Self::BuiltIn(text) => Ok(Content {
                path: PathBuf::from("the built-in configuration"),
                bytes: text.clone().into_bytes(),
            }),
        }
    }
}

/// What a file held when it was read.
pub struct Content {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl fmt::Debug for Content {
    /// Without the bytes, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What tells one content from another: its SHA-256.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of these bytes.
    pub fn of(content: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, content);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// Its first 24 bits, as six hexadecimal digits.
    pub fn short(&self) -> String {
        let first = self.0.iter().take(3);
        first.map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Content {
    /// Reads a file, once.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let bytes = file::read(path, file::MAX_BYTES);
        let bytes = bytes.map_err(|error| LoadError::Unreadable(path.to_owned(), error))?;
        let path = path.to_owned();
        Ok(Self { path, bytes })
    }

    /// The digest of what was read.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// Loads what was read; names of files in it are relative to its folder.
    pub fn load(self, check_tls: TlsCheck<'_>) -> Result<Config, LoadError> {
        let name = self.path.display().to_string();
        let text = config::utf8(&name, self.bytes)?;
        let base_dir = self.path.parent().unwrap_or_else(|| Path::new(""));
        config::parse(&name, base_dir, &text, check_tls).map_err(LoadError::Problems)
    }
}
