//! The integration tests, one binary: real sockets on loopback, real files, the built program.
#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    missing_docs
)]

mod addresses;
mod alerts;
mod api;
mod assets;
mod blackbox;
mod bodies;
mod browser;
mod catalogue;
mod checks;
mod clocks;
mod config;
mod confined;
mod conflict_to_webhook;
mod conflicts;
mod credentials;
mod cycle;
mod dashboards;
mod demo;
mod deploy;
mod discovery;
mod docs;
mod doors;
mod exporter;
mod exposition;
mod external_url;
mod failures;
mod floors;
mod hostile_days;
mod http2;
mod http3;
mod kubernetes;
mod migration;
mod nginx_and_prometheus;
mod oauth2;
mod operator;
mod package;
mod phases;
mod printed;
mod probe_command;
mod probe_endpoint;
mod proxies;
mod reach;
mod readme;
mod redirects;
mod reference;
mod reload;
mod rotation;
mod schema;
mod secrets;
mod shards;
mod source_address;
mod status;
mod supply;
mod support;
mod tidy;
