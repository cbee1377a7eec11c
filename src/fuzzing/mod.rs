//! What fuzzers call with bytes of their making: everything that reads what others wrote, held to
//! what must be true of it whatever the bytes are. No part of the exporter that users run.
//!
//! `cargo test` runs every seed of `fuzz/seeds` through it, so that it is never out of step.

mod bytes;
mod config;
mod exposition;
mod groups;
mod parsing;
mod reader;
mod response;

use crate::probe::fuzzing::certificate;
use crate::probe::fuzzing::cookies;
use crate::probe::fuzzing::dns;
use crate::probe::fuzzing::json;

/// Something that reads bytes, and panics where what comes of them is not as it must be.
pub type Run = fn(&[u8]);

/// What can be fuzzed, by the names of the folders in `fuzz/seeds`.
pub const TARGETS: [(&str, Run); 9] = [
    ("certificate", certificate),
    ("config", config::run),
    ("cookies", cookies),
    ("dns", dns),
    ("exposition", exposition::run),
    ("groups", groups::run),
    ("json", json),
    ("parsing", parsing::run),
    ("response", response::run),
];

/// Runs one of them. It panics where something is not as it must be.
pub fn run(target: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, run) = found.expect("it is one of the targets");
    run(data);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz")
            .join(name)
    }

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            let name = entry.expect("an entry").file_name();
            name.into_string().expect("text")
        };
        entries.map(name).collect()
    }

    /// Each as it is and cut off at several places, and the files that configurations are tested with.
    #[test]
    fn every_seed_passes() {
        let mut broken = Vec::new();
        for (target, run) in TARGETS {
            let seeds = folder("seeds").join(target);
            assert!(names(&seeds).len() >= 3, "{target} has few seeds");
            let mut folders = vec![seeds];
            if target == "config" {
                let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
                folders.extend([tests.join("bad"), tests.join("good")]);
            }
            let paths = folders.iter().flat_map(|folder| {
                let names = names(folder).into_iter();
                names.map(|name| folder.join(name))
            });
            for path in paths.filter(|path| path.is_file()) {
                let bytes = fs::read(&path).expect("a seed");
                let run_all = || {
                    run(&bytes);
                    for eighths in [3, 5, 7] {
                        run(&bytes[..bytes.len() * eighths / 8]);
                    }
                };
                if std::panic::catch_unwind(run_all).is_err() {
                    broken.push(path);
                }
            }
        }
        assert!(broken.is_empty(), "{broken:?}");
    }

    #[test]
    fn every_target_has_its_seeds_and_its_program() {
        let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names(&folder("seeds")), targets);
        let manifest = fs::read_to_string(folder("Cargo.toml")).expect("text");
        for target in &targets {
            let program = folder("fuzz_targets").join(format!("{target}.rs"));
            let text = fs::read_to_string(program).expect("text");
            assert!(text.contains(&format!("run(\"{target}\", data)")), "{text}");
            assert!(
                manifest.contains(&format!("name = \"{target}\"")),
                "{target}"
            );
        }
        assert_eq!(names(&folder("fuzz_targets")).len(), targets.len());
    }
}
