//! Reads the files that a configuration consists of, none without a bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::config::text::quote;

/// The largest file that is read.
pub const MAX_BYTES: u64 = 64 << 20;

/// Reads a whole file, which may be a pipe. One beyond the bound is an error of the kind
/// `FileTooLarge`.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    #[cfg(any(test, fuzzing))]
    if let Some(answer) = shut::answer(path) {
        return answer;
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("larger than {} MiB", MAX_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Reads the file that a field names; relative names start at the folder of the configuration.
pub fn read_named(field: Field<'_>, base_dir: &Path, report: &mut Report) -> Option<Vec<u8>> {
    let name = field.text(report)?;
    match read(&base_dir.join(name)) {
        Ok(bytes) => Some(bytes),
        Err(error) => field.mistake(&format!("{} cannot be read: {error}", quote(name)), report),
    }
}

#[cfg(any(test, fuzzing))]
pub use shut::while_shut;

/// Keeps fuzzers, which write the names, from the files of this machine.
#[cfg(any(test, fuzzing))]
mod shut {
    use std::cell::Cell;
    use std::io;
    use std::path::Path;

    /// Has the look of a key.
    const NO_KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n";

    thread_local! {
        /// How many files were asked for, if none is to be read.
        static ASKED: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Runs `work` without reading a file: each holds its own name then, or what its name says that
    /// it holds, or cannot be read. Tells how many were asked for.
    pub fn while_shut<T>(work: impl FnOnce() -> T) -> (T, usize) {
        ASKED.set(Some(0));
        let done = work();
        (done, ASKED.take().unwrap_or_default())
    }

    /// What is told of a file, if none is to be read.
    pub fn answer(path: &Path) -> Option<io::Result<Vec<u8>>> {
        ASKED.set(Some(ASKED.get()? + 1));
        let extension = path.extension().and_then(|extension| extension.to_str());
        Some(match extension {
            Some("pem") => Ok(include_bytes!("../../fuzz/own.pem").to_vec()),
            Some("key") => Ok(NO_KEY.to_vec()),
            Some("bin") => Ok((0..=255).collect()),
            Some("gone") => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(path.to_string_lossy().into_owned().into_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let error = read(Path::new("/dev/zero")).expect_err("too large");
        assert_eq!(error.to_string(), "larger than 64 MiB");
    }

    #[test]
    fn nothing_is_read_while_files_are_shut() {
        for name in [
            "/etc/hostname",
            "/dev/zero",
            "../Cargo.toml",
            "a.bin",
            "a.pem",
        ] {
            let (bytes, n_asked) = while_shut(|| read(Path::new(name)));
            let bytes = bytes.expect("made up");
            let made_up = [name.len(), 256].contains(&bytes.len()) || bytes.starts_with(b"-----");
            assert!(made_up && n_asked == 1, "{name}");
        }
        let (gone, _) = while_shut(|| read(Path::new("Cargo.toml/x.gone")));
        assert_eq!(gone.expect_err("gone").kind(), io::ErrorKind::NotFound);
        assert!(read(Path::new("Cargo.toml")).is_ok(), "open again");
    }

    #[test]
    fn a_folder_is_an_error() {
        assert!(read(Path::new("/")).is_err());
    }
}
