//! Every command of the README, run as a user would run it. A command that is not in the table fails,
//! and so does a row that the README does not have.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::exporter::{Exporter, program};
use crate::support::real_parts;

const PATIENCE: Duration = Duration::from_secs(30);

/// How a command is run.
#[derive(Clone, Copy, Debug)]
enum How {
    /// `cargo run --release --` stands for the program that the tests are built with. It listens on a
    /// port of its own, tells so in its log, and runs until it has probed.
    Starts,
    /// The same of a program that ends by itself, with a status of 0.
    Ends,
    /// The same with the port of a running exporter for `localhost:10409`; it prints this.
    Probes(&'static str),
    /// In a shell, with the port of a running exporter for `localhost:10409`; it prints this.
    Asks(&'static str),
    /// In a shell, where this program is installed.
    Judges(&'static str),
    /// Not here, where there is no Docker: it needs the file that these tests read.
    Builds(&'static str, &'static str),
    /// Not within itself: it can be run by everybody, and is what runs on every change.
    Everything,
}

const COMMANDS: [(&str, How); 9] = [
    ("cargo run --release -- demo", How::Starts),
    (
        "cargo run --release -- --config.file=example.yml",
        How::Starts,
    ),
    (
        "curl -s localhost:10409/metrics",
        How::Asks("httpcycle_probes_total{target=\"self\","),
    ),
    (
        "curl -s localhost:10409/api/v1/targets/self",
        How::Asks("\"name\":\"self\""),
    ),
    (
        "docker build -t httpcycle_exporter .",
        How::Builds("Dockerfile", "tests/it/confined.rs"),
    ),
    (
        "cargo run --release -- probe localhost:10409/-/healthy",
        How::Probes("200 OK"),
    ),
    (
        "cargo run --release -- --config.file=example.yml --config.check",
        How::Ends,
    ),
    ("promtool check rules alerts/*.yml", How::Judges("promtool")),
    ("scripts/test", How::Everything),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The lines of the blocks that are for a shell, in order.
fn commands() -> Vec<String> {
    let readme = read("README.md");
    let blocks = readme.split("\n```sh\n").skip(1);
    let texts = blocks.map(|behind| behind.split("\n```").next().unwrap());
    texts.flat_map(str::lines).map(str::to_owned).collect()
}

/// The arguments of the program in a command, files named from the root of the repository on.
fn arguments(command: &str) -> Vec<String> {
    let given = command.strip_prefix("cargo run --release -- ").unwrap();
    let example = format!("={}/example.yml", root().display());
    let given = given.split_whitespace();
    given
        .map(|argument| argument.replace("=example.yml", &example))
        .collect()
}

/// What a command prints that a shell runs at the root of the repository.
fn shell(command: &str) -> Result<String, String> {
    let mut shell = Command::new("sh");
    real_parts::run(shell.args(["-c", command]).current_dir(root()), b"")
}

fn start(command: &str) -> Exporter {
    let mut arguments = arguments(command);
    arguments.push("--log.level=info".to_owned());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = program();
    // What a demo has to say is for people.
    command.stdout(Stdio::null());
    // The file that it brings along is for whoever names no other.
    Exporter::start_by(command, "", &arguments)
}

fn run(command: &str, how: How, exporter: &Exporter) {
    match how {
        How::Starts => {
            let started = start(command);
            let deadline = Instant::now() + PATIENCE;
            while started.sum("httpcycle_probes_total") < 3.0 {
                assert!(Instant::now() < deadline, "{command}");
                thread::sleep(Duration::from_millis(50));
            }
        }
        How::Ends => {
            let output = program().args(arguments(command)).output().unwrap();
            assert!(output.status.success(), "{command}: {output:?}");
        }
        How::Probes(printed) => {
            let here = command.replace("localhost:10409", &exporter.address.to_string());
            let output = program().args(arguments(&here)).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{command}: {output:?}");
            assert!(said.contains(printed), "{command}: {said}");
        }
        How::Asks(printed) => {
            if real_parts::is_installed("curl", Command::new("curl").arg("--version")) {
                let here = command.replace("localhost:10409", &exporter.address.to_string());
                let said = shell(&here).unwrap();
                assert!(said.contains(printed), "{command}: {said}");
            }
        }
        How::Judges(name) => {
            if real_parts::is_installed(name, Command::new(name).arg("--version")) {
                assert_eq!(shell(command).err(), None, "{command}");
            }
        }
        How::Builds(file, tests) => {
            assert!(root().join(file).exists(), "{command}");
            assert!(read(tests).contains(&format!("\"{file}\"")), "{tests}");
        }
        How::Everything => {
            for script in [command, ".ci/run"] {
                let mode = fs::metadata(root().join(script)).unwrap().permissions();
                assert_eq!(mode.mode() & 0o111, 0o111, "{script} can be run by all");
            }
            let last = read(".ci/run");
            let last = last.lines().last().unwrap().to_owned();
            assert!(last.contains(&format!("/{command}\"")), "{last}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_readme_runs() {
    let commands = commands();
    let listed: Vec<&str> = COMMANDS.iter().map(|(command, _)| *command).collect();
    assert_eq!(commands, listed);
    let exporter = start("cargo run --release -- --config.file=example.yml");
    for (command, how) in COMMANDS {
        run(command, how, &exporter);
    }
}

#[test]
fn the_readme_is_read_in_ten_minutes() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 300, "{lines} lines; docs has room for details");
}

#[test]
fn the_files_that_it_shows_load() {
    let readme = read("README.md");
    let mut files = readme.split("\n```yaml\n").skip(1);
    let file = files.find(|behind| behind.starts_with("modules:"));
    let file = file.unwrap().split("\n```").next().unwrap();
    let loaded = httpcycle_exporter::config::parse("f", Path::new(""), file, &|_| Ok(()));
    let loaded = loaded.map_err(|problems| problems.to_string()).unwrap();
    assert_eq!(loaded.targets.len(), 1);
    assert_eq!(loaded.warnings.len(), 0);
}
