//! Reads the files that a configuration consists of, none without a bound.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::fs::fcntl_setfl;

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::config::text::quote;

/// The largest configuration file that is read.
pub const MAX_BYTES: u64 = 64 << 20;

/// The right of everybody to write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Reads a whole file of at most `max_bytes`, which may be a pipe that somebody writes to. One beyond
/// the bound is an error of the kind `FileTooLarge`.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    read_as(path, max_bytes, true)
}

/// Reads a file like `read`, on behalf of who reads it again and again and must not wait: what was in
/// a pipe is gone, and who holds its other end may never write.
pub fn read_again(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    read_as(path, max_bytes, false)
}

fn read_as(path: &Path, max_bytes: u64, may_be_pipe: bool) -> io::Result<Vec<u8>> {
    #[cfg(any(test, fuzzing))]
    if let Some(answer) = shut::answer(path) {
        return answer;
    }
    let file = open(path)?;
    let is_pipe = file.metadata()?.file_type().is_fifo();
    if is_pipe && !may_be_pipe {
        return Err(io::Error::other("it is a pipe, which can be read once"));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if is_pipe && bytes.is_empty() {
        return Err(io::Error::other("it is a pipe that nobody writes to"));
    }
    if bytes.len() as u64 > max_bytes {
        let message = match max_bytes >> 20 {
            0 => format!("larger than {} KiB", max_bytes >> 10),
            mebibytes => format!("larger than {mebibytes} MiB"),
        };
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Opens a file. A pipe that nobody writes to would be waited for, were it not for the flag, which is
/// not to count for what is read.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// Reads the file that a field names; relative names start at the folder of the configuration.
/// That many can read it is usual where secrets are mounted into containers, but who can write it
/// says what probes send.
pub fn read_named(
    field: Field<'_>,
    base_dir: &Path,
    max_bytes: u64,
    report: &mut Report,
) -> Option<Vec<u8>> {
    let name = field.text(report)?;
    let path = base_dir.join(name);
    let metadata = fs::metadata(&path);
    if metadata.is_ok_and(|found| found.is_file() && found.mode() & WRITABLE_BY_ALL != 0) {
        let message = format!("{} can be written by everybody; run chmod o-w", quote(name));
        report.warning(field.pos(), format!("{} {message}", field.name));
    }
    match read(&path, max_bytes) {
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
    use std::io::Write;
    use std::process::Command;
    use std::thread;

    use super::*;

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        for (max_bytes, said) in [
            (MAX_BYTES, "larger than 64 MiB"),
            (64 << 10, "larger than 64 KiB"),
        ] {
            let error = read(Path::new("/dev/zero"), max_bytes).expect_err("too large");
            assert_eq!(error.to_string(), said);
        }
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
            let (bytes, n_asked) = while_shut(|| read(Path::new(name), MAX_BYTES));
            let bytes = bytes.expect("made up");
            let made_up = [name.len(), 256].contains(&bytes.len()) || bytes.starts_with(b"-----");
            assert!(made_up && n_asked == 1, "{name}");
        }
        let (gone, _) = while_shut(|| read(Path::new("Cargo.toml/x.gone"), MAX_BYTES));
        assert_eq!(gone.expect_err("gone").kind(), io::ErrorKind::NotFound);
        assert!(
            read(Path::new("Cargo.toml"), MAX_BYTES).is_ok(),
            "open again"
        );
    }

    #[test]
    fn a_pipe_is_read_while_somebody_writes_and_never_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("started").success());
        let said = |read: io::Result<Vec<u8>>| read.expect_err("a pipe").to_string();
        assert!(said(read(&path, MAX_BYTES)).contains("nobody writes"));
        assert!(said(read_again(&path, MAX_BYTES)).contains("once"));
        // Whoever reads as well need not wait for a reader.
        let both = File::options().read(true).write(true).open(&path);
        let mut both = both.expect("open");
        assert!(said(read_again(&path, MAX_BYTES)).contains("once"));
        let reading = thread::spawn(move || read(&path, MAX_BYTES));
        // More than a pipe holds: the end is written when the beginning has been read.
        let text = vec![b'a'; 1 << 20];
        both.write_all(&text).expect("written");
        drop(both);
        let bytes = reading.join().expect("no panic").expect("read");
        assert_eq!(bytes.len(), text.len());
    }

    #[test]
    fn a_folder_is_an_error() {
        assert!(read(Path::new("/"), MAX_BYTES).is_err());
    }
}
