//! The Debian package: what `Cargo.toml` says of it against the tree, so that `scripts/package` finds
//! nothing that is new to it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::exporter::program;

const NAME: &str = "httpcycle-exporter";
const PROGRAM: &str = "httpcycle_exporter";
const SCRIPTS: [&str; 4] = ["postinst", "postrm", "preinst", "prerm"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What stands in quotes in a line.
fn quoted(line: &str) -> Vec<&str> {
    line.split('"').skip(1).step_by(2).collect()
}

/// The lines about the package.
fn metadata() -> String {
    let manifest = read("Cargo.toml");
    let (_, behind) = manifest.split_once("\n[package.metadata.deb]\n").unwrap();
    behind.split("\n[").next().unwrap().to_owned()
}

/// Where each file of the package comes from, and its mode, by its path on a system.
fn assets(metadata: &str) -> BTreeMap<PathBuf, (String, String)> {
    let lines = metadata.lines().filter(|line| line.starts_with("    [\""));
    let assets = lines.map(|line| {
        let [from, to, mode] = quoted(line)[..] else {
            panic!("{line}");
        };
        let name = Path::new(from).file_name().unwrap();
        let to = Path::new("/").join(to);
        let to = match quoted(line)[1].ends_with('/') {
            true => to.join(name),
            false => to,
        };
        (to, (from.to_owned(), mode.to_owned()))
    });
    let assets: BTreeMap<_, _> = assets.collect();
    assert!(assets.len() > 10, "{assets:?}");
    assets
}

fn conf_files(metadata: &str) -> Vec<&str> {
    let line = metadata
        .lines()
        .find(|line| line.starts_with("conf-files = "));
    quoted(line.unwrap())
}

fn unit() -> String {
    read("deploy/systemd/httpcycle_exporter.service")
}

/// The value of a key of the unit.
fn of_unit(key: &str) -> String {
    let unit = unit();
    let begin = format!("{key}=");
    let value = unit.lines().find_map(|line| line.strip_prefix(&begin));
    value.unwrap_or_else(|| panic!("no {key}")).to_owned()
}

#[test]
fn every_file_of_the_package_is_in_the_tree_or_is_made_for_it() {
    let script = read("scripts/package");
    let binary = format!("target/release/{PROGRAM}");
    for (to, (from, mode)) in assets(&metadata()) {
        assert!(
            ["755", "644", "640"].contains(&mode.as_str()),
            "{from}: {mode}"
        );
        if let Some(made) = from.strip_prefix("target/package/") {
            assert!(
                script.contains(&format!(">\"$made/{made}\"\n")),
                "{made} is not made"
            );
        } else if from == binary {
            assert_eq!(to, Path::new("/usr/bin").join(PROGRAM));
        } else {
            assert!(root().join(&from).is_file(), "{from}");
        }
    }
}

#[test]
fn the_unit_finds_what_the_package_installs() {
    let metadata = metadata();
    let assets = assets(&metadata);
    let conf_files = conf_files(&metadata);
    for path in &conf_files {
        assert!(assets.contains_key(Path::new(path)), "{path} is installed");
    }
    let started = of_unit("ExecStart");
    let mut words = started.split(' ');
    // The package's own has the folder before it.
    assert_eq!(words.next(), Some(PROGRAM));
    assert!(read("scripts/package").contains("s|^ExecStart=|&/usr/bin/|"));
    let file = words.find_map(|word| word.strip_prefix("--config.file="));
    assert!(conf_files.contains(&file.unwrap()), "{file:?}");
    let environment = of_unit("EnvironmentFile");
    assert!(
        conf_files.contains(&environment.trim_start_matches('-')),
        "{environment}"
    );
    let variable = format!("${}", words.next().unwrap().trim_start_matches('$'));
    let (from, _) = &assets[Path::new(environment.trim_start_matches('-'))];
    assert!(
        read(from).contains(&format!("\n{}=", variable.trim_start_matches('$'))),
        "{variable}"
    );
    for name in ["service", "socket"] {
        let path = format!("/usr/lib/systemd/system/{PROGRAM}.{name}");
        assert!(assets.contains_key(Path::new(&path)), "{path}");
    }
}

#[test]
fn the_scripts_are_for_any_shell_and_of_the_user_and_the_units_that_there_are() {
    let user = of_unit("User");
    for name in SCRIPTS {
        let path = root().join("deploy/debian").join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{name} can be run");
        let text = read(&format!("deploy/debian/{name}"));
        assert!(
            text.starts_with("#!/bin/sh\n") && text.contains("\nset -e\n"),
            "{name}"
        );
        let output = Command::new("sh").arg("-n").arg(&path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        for named in text.split("user=").skip(1) {
            assert_eq!(named.lines().next(), Some(user.as_str()), "{name}");
        }
        for word in text.split(|c: char| c.is_whitespace() || "\"'".contains(c)) {
            if word.ends_with(".service") || word.ends_with(".socket") {
                let unit = word
                    .trim_start_matches("unit=")
                    .trim_start_matches("socket=");
                assert!(
                    root().join("deploy/systemd").join(unit).is_file(),
                    "{name}: {word}"
                );
            }
        }
    }
    assert!(metadata().contains("\nmaintainer-scripts = \"deploy/debian\"\n"));
    let others = fs::read_dir(root().join("deploy/debian")).unwrap();
    let others = others.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // What cargo-deb would take for scripts of its own accord.
    assert!(
        others
            .into_iter()
            .all(|name| !["config", "templates", "triggers"].contains(&name.as_str()))
    );
}

#[test]
fn what_it_installs_as_configuration_is_taken() {
    let output = program()
        .arg("--config.check")
        .arg("--config.file")
        .arg(root().join("deploy/debian/httpcycle.yml"))
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let default = root().join("deploy/debian/default");
    let output = Command::new("sh").arg("-n").arg(default).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn names_and_versions_agree() {
    let metadata = metadata();
    assert!(metadata.starts_with(&format!("name = \"{NAME}\"\n")));
    let changelog = read("deploy/debian/changelog");
    let begin = format!("{NAME} ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&begin), "{begin}");
    let contact = metadata
        .lines()
        .find_map(|line| line.strip_prefix("maintainer = "));
    let contact = contact.unwrap().trim_matches('"');
    assert!(changelog.contains(&format!("\n -- {contact}  ")));
    let copyright = read("deploy/debian/copyright");
    assert!(copyright.contains(&format!("\nLicense: {}\n", env!("CARGO_PKG_LICENSE"))));
    let documents = format!("/usr/share/doc/{NAME}/copyright");
    assert!(assets(&metadata).contains_key(Path::new(&documents)));
    let dockerfile = read("Dockerfile");
    let version = format!(
        "org.opencontainers.image.version=\"{}\"",
        env!("CARGO_PKG_VERSION")
    );
    assert!(dockerfile.contains(&version), "{version}");
}
