//! What the alerts are worth: many histories of targets, the shipped rules evaluated on them in a
//! real Prometheus, and what was found, how fast, and how often for nothing.
//!
//! `cargo bench --bench backtest`, or `scripts/backtest`, prints tables in Markdown. `--seed NUMBER`
//! or `BACKTEST_SEED` draws other histories, `BACKTEST_RULES` names another folder of rules,
//! `BACKTEST_QUICK=1` makes a run that only shows that all parts work.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod batch;
mod check;
#[path = "../running/children.rs"]
#[allow(dead_code, reason = "shared with a benchmark that asks for more")]
mod children;
mod class;
mod firing;
mod history;
mod http;
mod judge;
mod plan;
mod prometheus;
mod promql;
mod random;
mod recorder;
mod replay;
mod report;
mod rules;
mod settings;
mod spikes;
mod table;
mod time;
mod tsdb;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use tokio::runtime;
use tokio::signal::ctrl_c;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::settings::Settings;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("this takes long: scripts/backtest");
        return ExitCode::SUCCESS;
    }
    let settings = match Settings::read(&arguments) {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let status = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let run = tokio::task::spawn_blocking(move || run(&settings, &path));
        tokio::select! {
            done = run => if done.is_ok() { 0 } else { 1 },
            _ = ctrl_c() => 130,
            _ = terminate.recv() => 143,
        }
    });
    // Whatever the end was, nothing that was started outlives it.
    children::kill_all();
    runtime.shutdown_background();
    ExitCode::from(status)
}

fn run(settings: &Settings, folder: &Path) {
    let naive = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/backtest/naive.yml");
    let shipped = format!("{}/*.yml", settings.rules.display());
    let groups = rules::learn(folder, &[shipped, naive.to_owned()]);
    let plan = plan::make(&groups, &settings.alerts);
    check::run(folder, &groups, &plan, settings, Path::new(naive));
    let verdicts = batch::run(folder, settings, &plan);
    report::print(settings, &plan, &verdicts);
}
