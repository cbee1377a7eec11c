//! The integration tests, one binary: real sockets on loopback, real files, the built program.
#![allow(clippy::unwrap_used, clippy::string_slice, missing_docs)]

mod exposition;
mod support;
mod tidy;
