//! `assets DIR`: what it writes is what the repository holds, and it gets in nobody's way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use httpcycle_exporter::assets;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::exporter::program;
use crate::support::prometheus::{self, Prometheus};
use crate::support::real_parts;
use crate::support::surroundings::wait_until;

/// What whoever has only the program needs of the repository: folders, and how their files end.
const BELONGS: [(&str, &str); 5] = [
    ("alerts", "yml"),
    ("dashboards", "json"),
    ("deploy/alertmanager", "yml"),
    ("deploy/grafana", "yml"),
    ("deploy/prometheus", "yml"),
];

/// Below those, what only those who change the repository need.
const STAYS: &str = "alerts/tests/";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with what it holds, by its path from there. A link is no file.
fn tree(root: &Path, below: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = match below {
            "" => name,
            below => format!("{below}/{name}"),
        };
        if entry.file_type().unwrap().is_dir() {
            found.extend(tree(root, &path));
        } else if entry.file_type().unwrap().is_file() {
            found.insert(path, fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut program = program();
    program.arg("assets").arg(folder).args(arguments);
    program.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_file_that_belongs_is_written_as_the_repository_has_it() {
    let folder = TempDir::new().unwrap();
    let below = folder.path().join("made/on the way");
    let output = run(&below, &[]);
    assert!(output.status.success(), "{output:?}");
    let written = tree(&below, "");
    let mut expected = BTreeMap::new();
    for (place, end) in BELONGS {
        let mut files = tree(&root(), place);
        files.retain(|path, _| path.ends_with(end) && !path.starts_with(STAYS));
        assert!(!files.is_empty(), "{place}");
        expected.extend(files);
    }
    let runbook = "alerts/README.md";
    expected.insert(runbook.to_owned(), fs::read(root().join(runbook)).unwrap());
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&written),
        names(&expected),
        "src/assets.rs lists them"
    );
    assert!(written == expected, "a file is not what the repository has");
    let told = String::from_utf8(output.stdout).unwrap();
    let told: BTreeSet<PathBuf> = told.lines().map(PathBuf::from).collect();
    assert_eq!(told, written.keys().map(|path| below.join(path)).collect());
}

#[test]
fn files_that_are_there_are_named_and_kept_unless_force_is_given() {
    let folder = TempDir::new().unwrap();
    let kept = ["alerts/probes.yml", "dashboards/httpcycle-target.json"];
    for path in kept {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    let before = tree(folder.path(), "");
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let named: Vec<String> = said(&output).lines().map(str::to_owned).collect();
    let [first, second] = kept.map(|path| format!("{} exists", folder.path().join(path).display()));
    let advice = "nothing is written; --force replaces them".to_owned();
    assert_eq!(named, [first, second, advice]);
    assert_eq!(tree(folder.path(), ""), before);
    assert!(output.stdout.is_empty());

    assert!(run(folder.path(), &["--force"]).status.success());
    let written = tree(folder.path(), "");
    assert_eq!(written.len(), assets::FILES.len());
    assert!(written.values().all(|content| content != b"mine"));
    // What is as it would be is there as well, but only what differs is named.
    let mine = folder.path().join("alerts/probes.yml");
    fs::write(&mine, "mine").unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let others = assets::FILES.len() - 1;
    let expected = format!(
        "{} exists\n{others} exist as they would be written\n",
        mine.display()
    );
    assert!(said(&output).starts_with(&expected), "{output:?}");
}

#[test]
fn a_file_that_was_closed_to_others_stays_so() {
    let folder = TempDir::new().unwrap();
    assert!(run(folder.path(), &[]).status.success());
    let receivers = folder.path().join("deploy/alertmanager/alertmanager.yml");
    fs::write(&receivers, "mine").unwrap();
    fs::set_permissions(&receivers, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(run(folder.path(), &["--force"]).status.success());
    assert_ne!(fs::read(&receivers).unwrap(), b"mine");
    let mode = fs::metadata(&receivers).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// In a container each run has the same number.
#[test]
fn what_a_run_of_the_same_number_left_is_not_in_the_way() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("alerts")).unwrap();
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            ": >\"$1/alerts/.probes.yml.$$\" && exec \"$0\" assets \"$1\"",
        ])
        .arg(program().get_program())
        .arg(folder.path());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let written = fs::read_dir(folder.path().join("alerts")).unwrap().count();
    let own = assets::FILES
        .iter()
        .filter(|file| file.path.starts_with("alerts/"));
    assert_eq!(written, own.count() + 1);
}

#[test]
fn no_link_leads_out_of_the_folder() {
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let precious = elsewhere.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    // A link to a file is replaced itself, and only if that was asked for.
    fs::create_dir(folder.path().join("alerts")).unwrap();
    let link = folder.path().join("alerts/probes.yml");
    symlink(&precious, &link).unwrap();
    assert_eq!(run(folder.path(), &[]).status.code(), Some(1));
    assert!(run(folder.path(), &["--force"]).status.success());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    // Nothing is written through one to a folder.
    fs::remove_dir_all(folder.path().join("dashboards")).unwrap();
    symlink(elsewhere.path(), folder.path().join("dashboards")).unwrap();
    let before = tree(folder.path(), "");
    let output = run(folder.path(), &["--force"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said(&output).matches("symbolic link").count(), 3);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    assert_eq!(tree(folder.path(), ""), before);
}

#[test]
fn what_is_in_the_way_is_told() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("alerts/probes.yml")).unwrap();
    fs::write(folder.path().join("deploy"), "").unwrap();
    let output = run(folder.path(), &["--force"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("probes.yml is a folder\n"),
        "{output:?}"
    );
    assert!(said(&output).contains("prometheus.yml would stand in what is no folder"));
    assert_eq!(tree(folder.path(), "").len(), 1);

    let file = folder.path().join("deploy");
    let output = run(&file, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).starts_with(&format!("cannot write to {}", file.display())));

    for arguments in [
        &["assets"][..],
        &["assets", "a", "b"],
        &["assets", "a", "--log.level=info"],
    ] {
        let output = program()
            .args(arguments)
            .current_dir(folder.path())
            .output();
        assert_eq!(output.unwrap().status.code(), Some(2), "{arguments:?}");
    }
}

/// The names of all groups of rules in the files of the repository.
fn groups() -> BTreeSet<String> {
    let files = assets::FILES
        .iter()
        .filter(|file| file.path.starts_with("alerts/"));
    let lines = files.flat_map(|file| file.content.lines());
    let names = lines.filter_map(|line| line.trim().strip_prefix("- name: "));
    names.map(str::to_owned).collect()
}

#[test]
fn a_prometheus_started_on_it_loads_the_rules() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    assert!(run(folder.path(), &[]).status.success());
    let sample = folder.path().join("deploy/prometheus/prometheus.yml");
    // Names that would be looked up become addresses of this machine.
    let mut replaced = fs::read_to_string(&sample).unwrap();
    for name in ["exporter:10409", "alertmanager:9093"] {
        assert!(replaced.contains(name));
        replaced = replaced.replace(name, &real_parts::free_address().to_string());
    }
    fs::write(&sample, replaced).unwrap();
    let prometheus = Prometheus::start_by(&sample);
    let expected = groups();
    assert!(expected.len() > 3, "{expected:?}");
    let mut loaded = BTreeSet::new();
    wait_until("the rules", || {
        let data = prometheus.ask("rules", &[]).unwrap_or_default();
        let found = data["groups"].as_array().into_iter().flatten();
        let name = |group: &Value| group["name"].as_str().map(str::to_owned);
        loaded = found.filter_map(name).collect();
        !loaded.is_empty()
    });
    assert_eq!(loaded, expected);
}

#[test]
fn the_alertmanager_takes_its_sample() {
    let amtool = "amtool";
    if !real_parts::is_installed(amtool, Command::new(amtool).arg("--version")) {
        return;
    }
    let folder = TempDir::new().unwrap();
    assert!(run(folder.path(), &[]).status.success());
    let sample = folder.path().join("deploy/alertmanager/alertmanager.yml");
    let output = Command::new(amtool)
        .arg("check-config")
        .arg(sample)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
