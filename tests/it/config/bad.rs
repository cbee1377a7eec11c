//! Bad files: each in a folder with exactly what is said about it.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use httpcycle_exporter::config::{self, LoadError};

use crate::config::{check_tls, folder, no_authorities};

/// Set to write what comes out as what is expected; read the diff before you keep it.
const UPDATE: &str = "UPDATE_EXPECTED";

/// The bad files with what is said about each.
pub fn bad_files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder("bad")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let check: config::TlsCheck<'_> = if name.contains("https_target") {
            &no_authorities
        } else {
            &check_tls
        };
        let said = match config::parse(name, &folder("bad"), &text, check) {
            Ok(_) => String::new(),
            Err(problems) => format!("{problems}\n"),
        };
        files.push((path, said));
    }
    files.sort();
    files
}

#[test]
fn bad_files_are_refused_with_exactly_what_is_expected() {
    let files = bad_files();
    assert!(files.len() >= 25, "only {} bad files", files.len());
    let mut wrong = String::new();
    for (path, said) in files {
        let beside = path.with_extension("txt");
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&beside, &said).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said.is_empty() || said != expected {
            writeln!(
                wrong,
                "{}\n--- expected\n{expected}--- said\n{said}",
                path.display()
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_expectation_has_its_file() {
    for entry in fs::read_dir(folder("bad")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("yml").exists(), "{}", path.display());
    }
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nothing.yml");
    let error = config::load(&missing, &check_tls).unwrap_err();
    assert!(matches!(&error, LoadError::Unreadable(path, _) if *path == missing));
    let said = error.to_string();
    assert!(said.contains("nothing.yml\": No such file"), "{said}");

    let latin1 = dir.path().join("latin1.yml");
    fs::write(&latin1, b"targets:\n  - name: \xe4\n").unwrap();
    let said = config::load(&latin1, &check_tls).unwrap_err().to_string();
    assert!(
        said.ends_with("latin1.yml:2:11: the file is not UTF-8 here; save it as UTF-8"),
        "{said}"
    );
}
