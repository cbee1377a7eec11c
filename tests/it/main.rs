//! The integration tests, one binary: real sockets on loopback, real files, the built program.
#![allow(clippy::unwrap_used, missing_docs)]

mod tidy;
