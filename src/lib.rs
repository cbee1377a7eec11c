//! httpcycle_exporter walks the HTTP cycle of its targets all the time and tells Prometheus how
//! long each phase took and how often each status code came back.
//!
//! ```text
//! config file ─► config ─► targets ─► scheduler ─► probe ─► outcome ─► metrics ─► server
//! ```
//!
//! The modules stand here in reading order. Imports follow the arrows and nothing else;
//! `tests/it/tidy.rs` holds them to it.

pub mod metrics;
pub mod outcome;
pub mod target;
