//! Whether an address may be probed, asked before anything of it gets to the network: no phase of
//! its own runs for one that may not.

use std::net::IpAddr;

use crate::outcome::reason::Reason;
use crate::probe::stop::Stop;
use crate::probe::walk::Walk;
use crate::target::reach::Reach;

/// Refuses an address that may not be reached.
pub fn permit(ip: IpAddr, reach: &Reach, walk: &Walk) -> Result<(), Stop> {
    reach
        .check(ip)
        .map_err(|denial| Stop::failed(blocked(walk), denial.to_string()))
}

/// Refuses what a proxy may take for an address that nobody here can tell. The error is that of the
/// URL that it was read as.
pub fn unjudged(error: &str, walk: &Walk) -> Stop {
    let detail = format!("a proxy would be asked for a host that may be any address: {error}");
    Stop::failed(blocked(walk), detail)
}

/// The reason where the walk stands.
fn blocked(walk: &Walk) -> Reason {
    match walk.n_redirects() {
        0 => Reason::ConnectBlocked,
        _ => Reason::RedirectBlocked,
    }
}
