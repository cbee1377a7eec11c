//! What the kernel tells about the bytes of a socket: when they arrived, and how long a handshake
//! took on the wire. Elsewhere than on Linux it tells nothing, and the caller's clock is used.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "other.rs")]
mod system;

pub use crate::probe::kernel::system::choose_port_late;
pub use crate::probe::kernel::system::enable_network_errors;
pub use crate::probe::kernel::system::enable_stamps;
pub use crate::probe::kernel::system::handshake_round_trip;
pub use crate::probe::kernel::system::hold_stamping;
pub use crate::probe::kernel::system::receive;
pub use crate::probe::kernel::system::widen_receive_buffer;

use std::time::Duration;

/// What one read of a socket brought.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// How many bytes; 0 is the end of the stream.
    pub length: usize,
    /// The wall clock of the kernel when the last segment that the read touched arrived, since 1970.
    pub stamp: Option<Duration>,
}
