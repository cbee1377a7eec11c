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
use crate::probe::permit::permit;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;
use crate::probe::walk::Walk;
use crate::target::module::IpFamily;
use crate::target::module::Module;
use crate::target::reach::Reach;

/// The one address to try, and the one to try instead if this machine has no route to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The address to try.
    pub first: IpAddr,
    /// The first address of the other family, if the module lets it stand in.
    pub fallback: Option<IpAddr>,
    /// The address of this machine to send from, of the family of the others.
    pub source: Option<IpAddr>,
}

/// Chooses by `preferred_ip_protocol` and `ip_protocol_fallback`, among the addresses that
/// `source_ip_address` can reach.
pub fn choose(addresses: &Addresses, module: &Module) -> Result<Choice, Stop> {
    choose_from(module.source_ip, addresses, module)
}

/// Chooses like [`choose`], with another address to connect from.
pub fn choose_from(
    source: Option<IpAddr>,
    addresses: &Addresses,
    module: &Module,
) -> Result<Choice, Stop> {
    let first_of = |addresses: &[IpAddr]| {
        let first = addresses.first().copied();
        first.filter(|ip| can_be_reached(*ip, source))
    };
    let (preferred, other) = match module.preferred_family {
        IpFamily::V4 => (&addresses.v4, &addresses.v6),
        IpFamily::V6 => (&addresses.v6, &addresses.v4),
    };
    let fallback = first_of(other).filter(|_| module.family_fallback);
    match (first_of(preferred), fallback) {
        (Some(first), fallback) => Ok(Choice {
            first,
            fallback,
            source,
        }),
        (None, Some(first)) => Ok(Choice {
            first,
            fallback: None,
            source,
        }),
        (None, None) => Err(match &addresses.fault {
            Some(fault) => Stop::Failed(fault.clone()),
            None => Stop::failed(
                Reason::DnsNoAddressFamily,
                "the name has only addresses of a family that the module does not fall back to, or \
                 does not send from",
            ),
        }),
    }
}

/// The family of which alone addresses can be chosen from `source`, if there is one.
pub fn family_alone(source: Option<IpAddr>, module: &Module) -> Option<IpFamily> {
    let preferred = (!module.family_fallback).then_some(module.preferred_family);
    source.map(IpFamily::of).or(preferred)
}

/// Whether an address is of the family of the one to connect from.
fn can_be_reached(ip: IpAddr, source: Option<IpAddr>) -> bool {
    source.is_none_or(|source| source.is_ipv4() == ip.is_ipv4())
}

/// Every address that the module lets be probed, those of the preferred family first.
pub fn candidates(addresses: &Addresses, module: &Module) -> Result<Vec<IpAddr>, Stop> {
    choose(addresses, module)?;
    let (preferred, other) = match module.preferred_family {
        IpFamily::V4 => (&addresses.v4, &addresses.v6),
        IpFamily::V6 => (&addresses.v6, &addresses.v4),
    };
    let other = other.iter().filter(|_| module.family_fallback);
    let of_both = preferred.iter().chain(other).copied();
    let source = module.source_ip;
    Ok(of_both.filter(|ip| can_be_reached(*ip, source)).collect())
}

/// Connects to the chosen address, with Nagle's algorithm off: together with delayed
/// acknowledgements it would add 40 ms to what the target took.
pub async fn connect(
    choice: Choice,
    port: u16,
    reach: &Reach,
    walk: &mut Walk,
) -> Result<TcpStream, Stop> {
    let first = SocketAddr::new(choice.first, port);
    let second = choice.fallback.map(|ip| SocketAddr::new(ip, port));
    match (
        attempt(first, choice.source, second.is_some(), reach, walk).await,
        second,
    ) {
        (Err(Stop::Skipped(SkipReason::NoRoute)), Some(second)) => {
            attempt(second, choice.source, false, reach, walk).await
        }
        (result, _) => result,
    }
}

/// Connects to one address, which `gives_way` to another one if this machine has no route to it.
async fn attempt(
    address: SocketAddr,
    source: Option<IpAddr>,
    gives_way: bool,
    reach: &Reach,
    walk: &mut Walk,
) -> Result<TcpStream, Stop> {
    // Here and nowhere else, so that the address that is judged is the one that is connected to.
    permit_way(address, source, reach, walk)?;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket
        .and_then(|socket| socket.set_nodelay(true).map(|()| socket))
        .inspect(kernel::enable_stamps)
        .map_err(|error| blame(address, source, gives_way, &error))?;
    if let Some(source) = source {
        bind(&socket, source)?;
    }
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
        .map_err(|error| blame(address, source, gives_way, &error))
        // A fault of this machine is told before a SYN is sent: no phase ran.
        .inspect_err(|stop| match stop {
            Stop::Skipped(_) => walk.forget_phase(),
            Stop::Failed(_) => walk.end(established),
        })
        .inspect(|_| walk.end(established))
}

/// Refuses an address that may not be reached from `source`.
pub fn permit_way(
    address: SocketAddr,
    source: Option<IpAddr>,
    reach: &Reach,
    walk: &Walk,
) -> Result<(), Stop> {
    permit(address.ip(), reach, walk)?;
    if let Some(source) = source
        && address.ip().to_canonical().is_unspecified()
    {
        // From an address of its own a socket connects to nowhere as to that address.
        permit(source, reach, walk)?;
    }
    Ok(())
}

/// Has the socket send from `source`.
fn bind(socket: &TcpSocket, source: IpAddr) -> Result<(), Stop> {
    kernel::choose_port_late(socket);
    let bound = socket.bind((source, 0).into());
    bound.map_err(|error| blame_bind(&error))
}

/// Why a socket cannot send from an address. One that this machine does not have, or may not send
/// from, is no fault of the target.
pub fn blame_bind(error: &io::Error) -> Stop {
    Stop::Skipped(match own_fault(error) {
        Some(skip) => skip,
        None if errno(error) == Some(Errno::EADDRINUSE) => SkipReason::PortExhausted,
        None => SkipReason::NoRoute,
    })
}

/// When the answer to the SYN arrived. The kernel knows how long it took; the exporter learns of it
/// only when it gets to run.
fn established(stream: &TcpStream, began: Instant) -> Arrival {
    let now = Instant::now();
    let at = kernel::handshake_round_trip(stream).map(|took| began + took);
    Arrival::by_kernel(at.filter(|at| *at <= now), now)
}

/// Tells a fault of this machine from an answer of the network. A route of this machine that leads
/// nowhere on purpose is told as the network would tell it, unless another address can stand in or
/// the operator chose where to send from.
pub fn blame(
    address: SocketAddr,
    source: Option<IpAddr>,
    gives_way: bool,
    error: &io::Error,
) -> Stop {
    if let Some(skip) = own_fault(error) {
        return Stop::Skipped(skip);
    }
    let reason = match errno(error) {
        Some(Errno::EAFNOSUPPORT) => return Stop::Skipped(SkipReason::NoRoute),
        Some(errno @ (Errno::EHOSTUNREACH | Errno::EINVAL))
            if (gives_way || source.is_some() || lacks_zone(address, errno))
                && !has_route(address, source) =>
        {
            return Stop::Skipped(SkipReason::NoRoute);
        }
        Some(Errno::ENETUNREACH | Errno::ENETDOWN | Errno::EADDRNOTAVAIL)
            if !has_route(address, source) =>
        {
            return Stop::Skipped(SkipReason::NoRoute);
        }
        Some(Errno::EADDRNOTAVAIL | Errno::EADDRINUSE) => {
            return Stop::Skipped(SkipReason::PortExhausted);
        }
        Some(
            Errno::ENETUNREACH
            | Errno::EHOSTUNREACH
            | Errno::EHOSTDOWN
            | Errno::ENETDOWN
            | Errno::ENOPROTOOPT
            | Errno::EINVAL
            | Errno::ENONET,
        ) => Reason::ConnectUnreachable,
        Some(Errno::ECONNREFUSED) => Reason::ConnectRefused,
        Some(Errno::ECONNRESET | Errno::ECONNABORTED | Errno::EPIPE) => Reason::ConnectReset,
        Some(Errno::ETIMEDOUT) => Reason::ConnectTimeout,
        Some(Errno::EACCES | Errno::EPERM) => Reason::ConnectDenied,
        _ => Reason::ConnectOther,
    };
    Stop::failed(reason, format!("connecting to {address}: {error}"))
}

/// Whether this machine would know where to send a packet, from `source` if that is given;
/// connecting a datagram socket asks the routing table and sends nothing.
pub fn has_route(address: SocketAddr, source: Option<IpAddr>) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let from = (source.unwrap_or(any), 0);
    let asked = UdpSocket::bind(from).and_then(|socket| socket.connect(address));
    // What else goes wrong, such as that there is no port or file left to ask with, says nothing of
    // routes.
    asked
        .err()
        .and_then(|error| errno(&error))
        .is_none_or(|errno| {
            !matches!(
                errno,
                Errno::ENETUNREACH
                    | Errno::EHOSTUNREACH
                    | Errno::ENETDOWN
                    | Errno::EINVAL
                    | Errno::EADDRNOTAVAIL
                    | Errno::EAFNOSUPPORT
            )
        })
}

/// Whether an address is invalid because it stands without the zone that it is of.
fn lacks_zone(address: SocketAddr, errno: Errno) -> bool {
    let is_of_link = match address {
        SocketAddr::V4(_) => false,
        SocketAddr::V6(v6) => v6.ip().is_unicast_link_local(),
    };
    is_of_link && errno == Errno::EINVAL
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
        for (addresses, preferred, falls_back, source_ip, expected) in [
            (&both, IpFamily::V6, true, None, Some((v6, Some(v4)))),
            (&both, IpFamily::V4, true, None, Some((v4, Some(v6)))),
            (&both, IpFamily::V6, false, None, Some((v6, None))),
            (&only_v4, IpFamily::V6, true, None, Some((v4, None))),
            (&only_v4, IpFamily::V4, true, None, Some((v4, None))),
            (&only_v4, IpFamily::V6, false, None, None),
            (&both, IpFamily::V6, true, Some(v4), Some((v4, None))),
            (&both, IpFamily::V6, true, Some(v6), Some((v6, None))),
            (&both, IpFamily::V4, true, Some(v6), Some((v6, None))),
            (&only_v4, IpFamily::V4, true, Some(v6), None),
        ] {
            let module = Module {
                source_ip,
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
