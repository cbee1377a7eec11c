//! The log, on standard error.

use std::panic;

use clap::ValueEnum;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::escaping::Escaping;

/// The least severe messages to log.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogLevel {
    /// Everything, for who works on the exporter.
    Debug,
    /// What changed.
    Info,
    /// What is not as it should be.
    Warn,
    /// What does not work.
    Error,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Starts logging. Lines go through a thread of their own, which drops them when standard error is
/// blocked: a full pipe must not stall the probes. Panics go the same way, as one in a probe would
/// else wait for the pipe. The guard writes out the last lines.
pub fn start(level: LogLevel, format: LogFormat) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // They log every frame, what servers say when they close a connection, and records as they came.
    let levels = Targets::new()
        .with_default(level)
        .with_target("h2", LevelFilter::OFF)
        .with_target("hickory_proto", LevelFilter::OFF);
    let registry = tracing_subscriber::registry().with(levels);
    match format {
        LogFormat::Logfmt => {
            let layer = tracing_logfmt::builder()
                .with_target(false)
                .layer()
                .with_writer(writer);
            registry.with(layer).init();
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_target(false)
                .with_writer(move || Escaping(writer.clone()));
            registry.with(layer).init();
        }
    }
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map(tracing::field::display);
        let what = panicked.payload_as_str().unwrap_or_default();
        tracing::error!(place, what, "a panic, which is a bug: please report it");
    }));
    guard
}
