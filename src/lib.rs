//! httpcycle_exporter walks the HTTP cycle of its targets all the time and tells Prometheus how
//! long each phase took and how often each status code came back.
//!
//! ```text
//! config file ─► config ─► targets ─► scheduler ─► probe ─► outcome ─┬► metrics ─┬► server
//!                                                                    └► history ─┘
//! ```
//!
//! The modules stand here in reading order. Imports follow the arrows and nothing else;
//! `tests/it/tidy.rs` holds them to it.

// What happened, what to probe, what the user wrote.
pub mod outcome;
pub mod target;

pub mod config;

// One probe, the tokens that it shows, the series, the last probes, when: siblings that do not know one
// another, but that tokens are fetched with the TLS of probes.
pub mod probe;

pub mod auth;

pub mod metrics;

pub mod history;

pub mod scheduler;

// Where further targets are found.
pub mod discovery;

// The files that the program brings.
pub mod assets;

// What is served, an API to probe for who has none, the wiring of it all, the command line.
pub mod server;

pub mod demo;

// What fuzzers call, as no user does.
#[cfg(any(test, fuzzing))]
pub mod fuzzing;

pub mod app;

pub mod cli;
