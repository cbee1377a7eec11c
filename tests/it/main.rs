//! The integration tests, one binary: real sockets on loopback, real files, the built program.
#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    missing_docs
)]

mod api;
mod clocks;
mod config;
mod conflicts;
mod cycle;
mod dashboards;
mod docs;
mod exporter;
mod exposition;
mod failures;
mod nginx_and_prometheus;
mod phases;
mod reload;
mod support;
mod tidy;
