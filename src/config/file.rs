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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let error = read(Path::new("/dev/zero")).expect_err("too large");
        assert_eq!(error.to_string(), "larger than 64 MiB");
    }

    #[test]
    fn a_folder_is_an_error() {
        assert!(read(Path::new("/")).is_err());
    }
}
