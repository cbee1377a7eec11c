//! Reads the files that a configuration consists of, none without a bound.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::config::text::quote;

/// The largest configuration file that is read.
pub const MAX_BYTES: u64 = 64 << 20;

/// The right of everybody to write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Reads a whole file of at most `max_bytes`, which may be a pipe. One beyond the bound is an error
/// of the kind `FileTooLarge`.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        let message = match max_bytes >> 20 {
            0 => format!("larger than {} KiB", max_bytes >> 10),
            mebibytes => format!("larger than {mebibytes} MiB"),
        };
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
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

#[cfg(test)]
mod tests {
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
    fn a_folder_is_an_error() {
        assert!(read(Path::new("/"), MAX_BYTES).is_err());
    }
}
