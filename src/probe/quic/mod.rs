//! QUIC as the probe speaks it: one connection on a UDP socket of its own, with HTTP/3 above it.
//!
//! On quinn-proto, the state machine that quinn wraps, and not on quinn: quinn spawns two tasks for a
//! connection, which a probe would have to end, and reads datagrams by the dozen, so that what is seen
//! above has the stamp of none.

mod block;
mod connection;
mod control;
mod failure;
mod fault;
mod handshake;
mod open;
pub mod response;
mod socket;
mod status;
mod streams;

pub use crate::probe::quic::connection::Connection;
pub use crate::probe::quic::connection::Loss;
pub use crate::probe::quic::failure::alert_of;
pub use crate::probe::quic::fault::StreamFault;
pub use crate::probe::quic::handshake::handshake;
pub use crate::probe::quic::open::open;
pub use crate::probe::quic::streams::Stream;
pub use crate::probe::quic::streams::Transport;
