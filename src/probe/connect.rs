//! The opening of the connection: which address to take, and whose fault it is if it fails.

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;

use nix::errno::Errno;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::outcome::Endpoints;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::dns::Addresses;
use crate::probe::kernel;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;
use crate::probe::walk::Walk;
use crate::target::module::IpFamily;
use crate::target::module::Module;

/// The one address to try, and the one to try instead if this machine has no route to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The address to try.
    pub first: IpAddr,
    /// The first address of the other family, if the module lets it stand in.
    pub fallback: Option<IpAddr>,
}

/// Chooses by `preferred_ip_protocol` and `ip_protocol_fallback`.
pub fn choose(addresses: &Addresses, module: &Module) -> Result<Choice, Stop> {
    let (preferred, other) = match module.preferred_family {
        IpFamily::V4 => (&addresses.v4, &addresses.v6),
        IpFamily::V6 => (&addresses.v6, &addresses.v4),
    };
    let fallback = other.first().copied().filter(|_| module.family_fallback);
    match (preferred.first().copied(), fallback) {
        (Some(first), fallback) => Ok(Choice { first, fallback }),
        (None, Some(first)) => Ok(Choice {
            first,
            fallback: None,
        }),
        (None, None) => Err(match &addresses.fault {
            Some(fault) => Stop::Failed(fault.clone()),
            None => Stop::failed(
                Reason::DnsNoAddressFamily,
                "the name has only addresses of a family that the module does not fall back to",
            ),
        }),
    }
}

/// Every address that the module lets be probed, those of the preferred family first.
pub fn candidates(addresses: &Addresses, module: &Module) -> Result<Vec<IpAddr>, Stop> {
    choose(addresses, module)?;
    let (preferred, other) = match module.preferred_family {
        IpFamily::V4 => (&addresses.v4, &addresses.v6),
        IpFamily::V6 => (&addresses.v6, &addresses.v4),
    };
    let other = other.iter().filter(|_| module.family_fallback);
    Ok(preferred.iter().chain(other).copied().collect())
}

/// Connects to the chosen address, with Nagle's algorithm off: together with delayed
/// acknowledgements it would add 40 ms to what the target took.
pub async fn connect(choice: Choice, port: u16, walk: &mut Walk) -> Result<TcpStream, Stop> {
    let first = SocketAddr::new(choice.first, port);
    let second = choice.fallback.map(|ip| SocketAddr::new(ip, port));
    match attempt(first, walk).await {
        Err(Stop::Skipped(SkipReason::NoRoute)) => match second {
            Some(second) => attempt(second, walk).await,
            None => Err(Stop::Skipped(SkipReason::NoRoute)),
        },
        result => result,
    }
}

async fn attempt(address: SocketAddr, walk: &mut Walk) -> Result<TcpStream, Stop> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket
        .and_then(|socket| socket.set_nodelay(true).map(|()| socket))
        .inspect(kernel::enable_stamps)
        .map_err(|error| blame(address, &error))?;
    walk.note_address(address.ip());
    let began = Instant::now();
    walk.begin(Phase::Connect, began);
    let connected = socket.connect(address).await;
    let established = match &connected {
        Ok(stream) => established(stream, began),
        Err(_) => Arrival::by_user(Instant::now()),
    };
    walk.connection = Some(Endpoints {
        local: connected
            .as_ref()
            .ok()
            .and_then(|stream| stream.local_addr().ok()),
        remote: address,
    });
    connected
        .map_err(|error| blame(address, &error))
        // A fault of this machine is told before a SYN is sent: no phase ran.
        .inspect_err(|stop| match stop {
            Stop::Skipped(_) => walk.forget_phase(),
            Stop::Failed(_) => walk.end(established),
        })
        .inspect(|_| walk.end(established))
}

/// When the answer to the SYN arrived. The kernel knows how long it took; the exporter learns of it
/// only when it gets to run.
fn established(stream: &TcpStream, began: Instant) -> Arrival {
    let now = Instant::now();
    let at = kernel::handshake_round_trip(stream).map(|took| began + took);
    Arrival::by_kernel(at.filter(|at| *at <= now), now)
}

/// Tells a fault of this machine from an answer of the network.
fn blame(address: SocketAddr, error: &io::Error) -> Stop {
    if let Some(skip) = own_fault(error) {
        return Stop::Skipped(skip);
    }
    let reason = match errno(error) {
        Some(Errno::EAFNOSUPPORT) => return Stop::Skipped(SkipReason::NoRoute),
        Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EINVAL | Errno::EADDRNOTAVAIL)
            if !has_route(address) =>
        {
            return Stop::Skipped(SkipReason::NoRoute);
        }
        Some(Errno::EADDRNOTAVAIL | Errno::EADDRINUSE) => {
            return Stop::Skipped(SkipReason::PortExhausted);
        }
        Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EINVAL | Errno::ENONET) => {
            Reason::ConnectUnreachable
        }
        Some(Errno::ECONNREFUSED) => Reason::ConnectRefused,
        Some(Errno::ECONNRESET | Errno::ECONNABORTED | Errno::EPIPE) => Reason::ConnectReset,
        Some(Errno::ETIMEDOUT) => Reason::ConnectTimeout,
        Some(Errno::EACCES | Errno::EPERM) => Reason::ConnectDenied,
        _ => Reason::ConnectOther,
    };
    Stop::failed(reason, format!("connecting to {address}: {error}"))
}

/// Whether this machine would know where to send a packet; connecting a datagram socket asks the
/// routing table and sends nothing.
fn has_route(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect(address).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_chosen_by_family() {
        let v4: IpAddr = Ipv4Addr::LOCALHOST.into();
        let v6: IpAddr = Ipv6Addr::LOCALHOST.into();
        let both = Addresses {
            v4: vec![v4],
            v6: vec![v6],
            fault: None,
        };
        let only_v4 = Addresses {
            v4: vec![v4],
            v6: vec![],
            fault: None,
        };
        for (addresses, preferred, falls_back, expected) in [
            (&both, IpFamily::V6, true, Some((v6, Some(v4)))),
            (&both, IpFamily::V4, true, Some((v4, Some(v6)))),
            (&both, IpFamily::V6, false, Some((v6, None))),
            (&only_v4, IpFamily::V6, true, Some((v4, None))),
            (&only_v4, IpFamily::V4, true, Some((v4, None))),
            (&only_v4, IpFamily::V6, false, None),
        ] {
            let module = Module {
                preferred_family: preferred,
                family_fallback: falls_back,
                ..Module::http_2xx()
            };
            let chosen = choose(addresses, &module).ok();
            assert_eq!(
                chosen.map(|choice| (choice.first, choice.fallback)),
                expected
            );
        }
    }
}
