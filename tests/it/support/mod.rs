//! What the tests need of the world: scripted peers, certificates, targets, real programs.

pub mod compress;
pub mod cut;
pub mod dns;
pub mod exporter;
pub mod http2;
pub mod http3;
pub mod name_server;
pub mod peer;
pub mod pki;
pub mod probing;
pub mod prometheus;
pub mod real_parts;
pub mod surroundings;
pub mod terminal;
pub mod webhook;
