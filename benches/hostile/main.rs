//! What hostile targets cost the exporter and its other targets: every behaviour of the catalogue of
//! the tests, and floods, by peers in processes of their own.
//!
//! `cargo bench --bench hostile` runs all parts but the long one, `-- passes`, `-- memory`, `-- turns`
//! or `-- isolation` one of them, and `-- soak` the long one; `scripts/hostile` and `scripts/soak` are
//! the front. Prints tables in Markdown. `HOSTILE_PASSES`, `HOSTILE_ROUNDS`, `HOSTILE_PROBES` and
//! `SOAK_MINUTES`, `SOAK_WARM_UP_MINUTES`, `SOAK_RATE` say how long, and `HOSTILE_ONLY` of which behaviours
//! `memory`, `turns` and `isolation` tell.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs
)]

#[path = "../../tests/it/catalogue/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod catalogue;
#[path = "../running/children.rs"]
mod children;
mod figures;
mod floods;
mod healthy;
#[path = "../running/http.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod http;
mod isolation;
mod lists;
mod memory;
mod passes;
mod peers;
#[path = "../running/process.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod process;
mod soak;
#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;
mod told;
mod turns;
mod yaml;

use std::env;
use std::process::ExitCode;

use httpcycle_exporter::cli::allocator;
use tokio::runtime;
use tokio::signal::ctrl_c;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

fn main() -> ExitCode {
    // As the program does, whose memory is measured here.
    allocator::settle(&env::args_os().collect::<Vec<_>>());
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(peers::CHILD) => return peers::serve(&arguments[1]),
        Some(memory::CHILD) => return memory::measure(&arguments[1..]),
        _ => {}
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("these are benchmarks: cargo bench --bench hostile");
        return ExitCode::SUCCESS;
    }
    let parts = arguments.into_iter().filter(|name| !name.starts_with('-'));
    let parts: Vec<String> = parts.collect();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let status = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let benchmarks = tokio::task::spawn_blocking(move || run(&parts));
        tokio::select! {
            done = benchmarks => u8::from(done.is_err()),
            _ = ctrl_c() => 130,
            _ = terminate.recv() => 143,
        }
    });
    // Whatever the end was, nothing that was started outlives it.
    children::kill_all();
    runtime.shutdown_background();
    ExitCode::from(status)
}

fn run(parts: &[String]) {
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| name == part);
    if wanted("passes") {
        passes::run();
    }
    if wanted("memory") {
        memory::run();
    }
    if wanted("turns") {
        turns::run();
    }
    if wanted("isolation") {
        isolation::run();
    }
    // Takes half an hour, and says nothing about single probes.
    if parts.iter().any(|name| name == "soak") {
        soak::run();
    }
}

/// Whether a behaviour is to be measured alone: `HOSTILE_ONLY` is a part of the names that are.
fn is_wanted(name: &str) -> bool {
    env::var("HOSTILE_ONLY").map_or(true, |part| name.contains(&part))
}

/// A number that the environment may set.
fn setting(name: &str, default: u32) -> u32 {
    env::var(name).map_or(default, |text| {
        let number = text.parse();
        number.unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}
