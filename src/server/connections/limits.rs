//! What a client may take of the server's time and memory.

use std::time::Duration;

use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;

/// The bounds of connections. Each is generous to whoever means well.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there may be at once, on all addresses together.
    pub connections: usize,
    /// How long a handshake of TLS may take.
    pub handshake: Duration,
    /// How long the head of a request may take, the first one from the beginning of the connection.
    pub head: Duration,
    /// How long a connection may have nothing to answer.
    pub idle: Duration,
    /// How long a response may take, besides the time that its bytes take at `rate`.
    pub response: Duration,
    /// How many bytes a second a client takes at least.
    pub rate: u32,
    /// How long to wait before the next connection when the system has none to give.
    pub pause: Duration,
    /// How long responses under way may take once the server stops.
    pub grace: Duration,
}

/// Enough for many times the scrapers that there are, even beside hundreds that mean harm.
const CONNECTIONS: usize = 2_000;

impl Limits {
    /// The limits of a running exporter. Connections leave three quarters of the files that the
    /// process may open, so that probes have sockets whatever comes in.
    pub fn of_this_process() -> Self {
        let n_files = getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, _)| soft);
        let quarter = n_files.map_or(CONNECTIONS, |n| {
            usize::try_from(n / 4).unwrap_or(CONNECTIONS)
        });
        Self {
            connections: quarter.clamp(1, CONNECTIONS),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            // Longer than most intervals of scrapes, so that they keep their connection.
            idle: Duration::from_secs(150),
            response: Duration::from_secs(30),
            rate: 32 * 1024,
            pause: Duration::from_millis(500),
            grace: Duration::from_secs(3),
        }
    }
}
