//! What the tests need of the world: scripted peers, certificates, targets.

pub mod dns;
pub mod peer;
pub mod pki;
pub mod probing;
