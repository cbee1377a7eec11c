//! Systems whose kernel is not asked.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::MsgFlags;
use nix::sys::socket::recv;

use crate::probe::kernel::Received;

/// Does nothing.
pub fn enable_stamps(_socket: &impl AsFd) {}

/// Does nothing.
pub fn choose_port_late(_socket: &impl AsFd) {}

/// Does nothing.
pub fn enable_network_errors(_socket: &impl AsFd, _is_ipv4: bool) {}

/// Does nothing.
pub fn widen_receive_buffer(_socket: &impl AsFd) {}

/// Does nothing.
pub fn hold_stamping() {}

/// Reads from a socket.
pub fn receive(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Received> {
    let length = recv(socket.as_raw_fd(), buffer, MsgFlags::empty())?;
    Ok(Received {
        length,
        stamp: None,
    })
}

/// Knows nothing.
pub fn handshake_round_trip(_stream: &impl AsFd) -> Option<Duration> {
    None
}
