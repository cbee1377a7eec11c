//! The opening of the UDP socket, by the rules by which a TCP connection is opened.

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::outcome::Endpoints;
use crate::outcome::phase::Phase;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::connect;
use crate::probe::connect::Choice;
use crate::probe::kernel;
use crate::probe::stop::Stop;
use crate::probe::walk::Walk;
use crate::target::reach::Reach;

/// A UDP socket that is connected.
#[derive(Debug)]
pub struct Opened {
    /// The socket.
    pub socket: UdpSocket,
    /// Where it leads.
    pub address: SocketAddr,
    /// Where it was told to send from.
    pub source: Option<IpAddr>,
}

/// Opens a socket to the chosen address, or to the one that stands in for it if this machine has no
/// route there. Nothing is sent yet.
pub fn open(choice: Choice, port: u16, reach: &Reach, walk: &mut Walk) -> Result<Opened, Stop> {
    let first = SocketAddr::new(choice.first, port);
    let second = choice.fallback.map(|ip| SocketAddr::new(ip, port));
    match (
        attempt(first, choice.source, second.is_some(), reach, walk),
        second,
    ) {
        (Err(Stop::Skipped(SkipReason::NoRoute)), Some(second)) => {
            attempt(second, choice.source, false, reach, walk)
        }
        (result, _) => result,
    }
}

fn attempt(
    address: SocketAddr,
    source: Option<IpAddr>,
    gives_way: bool,
    reach: &Reach,
    walk: &mut Walk,
) -> Result<Opened, Stop> {
    // Here and nowhere else, so that the address that is judged is the one that is connected to.
    connect::permit_way(address, source, reach, walk)?;
    let blame = |error: io::Error| connect::blame(address, source, gives_way, &error);
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = match source {
        None => std::net::UdpSocket::bind((any, 0)).map_err(blame)?,
        Some(source) => {
            let bound = std::net::UdpSocket::bind((source, 0));
            bound.map_err(|error| connect::blame_bind(&error))?
        }
    };
    walk.note_address(address.ip());
    let connected = socket
        .set_nonblocking(true)
        .inspect(|()| {
            kernel::enable_stamps(&socket);
            kernel::enable_network_errors(&socket, address.is_ipv4());
            kernel::widen_receive_buffer(&socket);
        })
        // A connected socket takes datagrams from the server only, and hears when nobody is there.
        .and_then(|()| socket.connect(address));
    walk.connection = Some(Endpoints {
        local: connected
            .as_ref()
            .ok()
            .and_then(|()| socket.local_addr().ok()),
        remote: address,
    });
    connected
        .and_then(|()| UdpSocket::from_std(socket))
        .map(|socket| Opened {
            socket,
            address,
            source,
        })
        .map_err(blame)
        .inspect_err(|stop| {
            if matches!(stop, Stop::Failed(_)) {
                let now = Instant::now();
                walk.begin(Phase::Tls, now);
                walk.end(Arrival::by_user(now));
            }
        })
}
