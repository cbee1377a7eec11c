//! Starts the script of a scenario and does what it asks for on the way.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::real_parts;

/// Several browsers on few cores would only make each other late.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How long the slowest of machines may take until it is time for a scenario.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whether there is all that a scenario needs.
pub fn is_possible() -> bool {
    let modules = modules();
    let packages = ["playwright-core", "axe-core"];
    let are_there = packages
        .iter()
        .all(|name| modules.join("node_modules").join(name).is_dir());
    if !are_there {
        real_parts::skip("what tests/browser/package.json names is not installed");
    }
    are_there
        && real_parts::is_installed("node", Command::new("node").arg("--version"))
        && real_parts::is_installed("chromium", Command::new("chromium").arg("--version"))
}

/// For a scenario that asks for nothing.
///
/// # Panics
///
/// If it does ask.
pub fn nothing(words: &str) {
    panic!("nobody can {words}");
}

/// Works the page at `url` as `scenario` says, which may have `more` arguments; `answer` does what
/// its script asks for.
///
/// # Panics
///
/// If the page is not as the scenario wants it.
pub fn scenario(name: &str, url: &str, more: &[&str], mut answer: impl FnMut(&str)) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    play(name, url, more, &mut answer);
}

/// As [`scenario`], but once it is time, and keeping the browser from nobody up to then.
///
/// # Panics
///
/// As well if it never is time.
pub fn scenario_when(is_time: impl Fn() -> bool, name: &str, url: &str, more: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        if is_time() {
            return play(name, url, more, &mut nothing);
        }
        drop(alone);
        assert!(Instant::now() < deadline, "it is never time for {name}");
        thread::sleep(Duration::from_millis(500));
    }
}

fn play(name: &str, url: &str, more: &[&str], answer: &mut dyn FnMut(&str)) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/run.mjs");
    let child = Command::new("node")
        .arg(script)
        .args([name, url])
        .args(more)
        .env("HTTPCYCLE_BROWSER_MODULES", modules())
        .env("HTTPCYCLE_SCREENSHOTS", target().join("browser"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut script = Script(child.unwrap());
    let mut stdin = script.0.stdin.take().unwrap();
    let stdout = BufReader::new(script.0.stdout.take().unwrap());
    let mut stderr = script.0.stderr.take().unwrap();
    let complaints = thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        said
    });
    let mut said = Vec::new();
    for line in stdout.lines().map_while(Result::ok) {
        match line.strip_prefix("ask: ") {
            Some(words) => {
                answer(words);
                // A script that has failed meanwhile says so below.
                writeln!(stdin, "done").ok();
            }
            None => said.push(line),
        }
    }
    let status = script.0.wait().unwrap();
    let complaints = complaints.join().unwrap();
    assert!(status.success(), "{name}: {status}\n{complaints}{said:#?}");
}

/// Where `scripts/test` puts what tests need of others, and tests what they leave to be looked at.
fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

fn modules() -> PathBuf {
    target().join("node")
}

/// The process of a script, which takes its browser with it.
struct Script(Child);

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
