//! What the running exporter costs: the built binary as a process of its own, probing a server on
//! loopback, beside others that do the same work.
//!
//! `cargo bench --bench running` runs what it costs, `-- cpu` or `-- scale` a part of that, and
//! `-- truth` what its phases are worth, see `truth/mod.rs`. Each result is a
//! line that `scripts/bench` makes a table of. Judged are ratios of medians of runs that took
//! turns, since a busy machine is then busy for all of them. Shorter or smaller runs:
//! `BENCH_PAIRS=2 BENCH_SECONDS=1 BENCH_SCALE_SECONDS=15 BENCH_TARGETS=1000`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod bare;
mod children;
mod cpu;
mod http;
mod process;
mod report;
mod scale;
mod server;
mod subjects;
mod tls;
mod truth;

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime;
use tokio::signal::ctrl_c;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// What to run instead of the benchmarks in a process of its own.
pub const BARE_LOOP: &str = "bare-loop";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [name, address, rate] = &arguments[..]
        && name == BARE_LOOP
    {
        bare::run(address.parse().unwrap(), rate.parse().unwrap());
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("these are benchmarks: cargo bench --bench running");
        return ExitCode::SUCCESS;
    }
    let parts = arguments.into_iter().filter(|name| !name.starts_with('-'));
    let parts: Vec<String> = parts.collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let status = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let benchmarks = tokio::task::spawn_blocking(move || run(&parts, &path));
        tokio::select! {
            done = benchmarks => if done.is_ok() { 0 } else { 1 },
            _ = ctrl_c() => 130,
            _ = terminate.recv() => 143,
        }
    });
    // Whatever the end was, nothing that was started outlives it.
    children::kill_all();
    runtime.shutdown_background();
    ExitCode::from(status)
}

fn run(parts: &[String], folder: &Path) {
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    if wanted("cpu") {
        cpu::run(folder);
    }
    if wanted("scale") {
        scale::run(folder);
    }
    // Wants a capture of the wire, and says nothing about costs.
    if parts.iter().any(|name| name == "truth") {
        truth::run(folder);
    }
}

/// A number that the environment may set.
fn setting(name: &str, default: u32) -> u32 {
    env::var(name).map_or(default, |text| {
        let number = text.parse();
        number.unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}

/// Writes a file below `folder`.
fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}
