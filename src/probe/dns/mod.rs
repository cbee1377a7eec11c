//! The look-up of a name: hosts file, then the name servers, without a cache.
//!
//! hickory supplies the message format and the system's configuration. Its own resolver is not used:
//! it answers concurrent look-ups of a name with one query (so a probe would be charged the rest of
//! another's wait), and its queries outlive the probe that asked.

mod answer;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod hosts;
mod query;
mod record;
mod reply;
pub mod system;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;
use tokio::time::Instant;

use crate::outcome::Failure;
use crate::outcome::reason::Reason;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::dns::system::Settings;
use crate::probe::dns::system::SystemFiles;
use crate::probe::stop::Stop;

/// The addresses of a name, by family, each in the order in which it was given.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Addresses {
    /// The IPv4 addresses.
    pub v4: Vec<IpAddr>,
    /// The IPv6 addresses.
    pub v6: Vec<IpAddr>,
    /// Why one family has none, if that is not for lack of them.
    pub fault: Option<Failure>,
}

/// A look-up that is over.
#[derive(Debug)]
pub struct LookedUp {
    /// What it found.
    pub addresses: Result<Addresses, Stop>,
    /// When both families were known: the arrival of the later answer, or the end of the waiting.
    pub known: Arrival,
}

impl Addresses {
    /// The one address that a host which needs no look-up has.
    pub fn literal(ip: IpAddr) -> Self {
        let mut addresses = Self::default();
        match ip {
            IpAddr::V4(_) => addresses.v4.push(ip),
            IpAddr::V6(_) => addresses.v6.push(ip),
        }
        addresses
    }
}

/// A stub resolver: it asks name servers, as the system's configuration says, and keeps nothing.
#[derive(Debug)]
pub struct Resolver {
    files: Arc<SystemFiles>,
    server: Option<SocketAddr>,
}

impl Resolver {
    /// A resolver that asks the system's name servers, or only `server` if there is one. The hosts
    /// file comes first either way.
    pub fn new(files: Arc<SystemFiles>, server: Option<SocketAddr>) -> Self {
        Self { files, server }
    }

    /// Looks up the A and AAAA records of `host` in parallel and waits for both answers, as
    /// getaddrinfo does. Ends with the first candidate of the search list that has an address.
    pub async fn lookup(&self, host: &str, wall_clock: WallClock) -> LookedUp {
        let ended = |addresses| LookedUp {
            addresses,
            known: Arrival::by_user(Instant::now()),
        };
        let name = match Name::from_ascii(host) {
            Ok(name) => name,
            Err(error) => {
                let detail = format!("{host} is no DNS name: {error}");
                return ended(Err(Stop::failed(Reason::DnsMalformed, detail)));
            }
        };
        let system = self.files.current();
        if let Some(addresses) = known_here(&name, &system) {
            return ended(Ok(addresses));
        }
        let settings = match self.server {
            None => system.settings.clone(),
            Some(server) => system.settings.asking_only(server),
        };
        // Whoever is the last to have a long file takes a while to let it go.
        drop(system);
        let mut last: Option<LookedUp> = None;
        for candidate in settings.candidates(&name) {
            let looked_up = lookup_both(&settings, &candidate, wall_clock).await;
            let absence = looked_up.addresses.as_ref().err().map(Absence::of);
            let Some(Some(absence)) = absence else {
                return looked_up;
            };
            // What was found out first is kept, unless a later candidate says more.
            last = Some(match last {
                Some(before) if before.absence() >= Some(absence) => LookedUp {
                    known: looked_up.known,
                    ..before
                },
                _ => looked_up,
            });
        }
        last.unwrap_or_else(|| {
            let detail = format!("{host} has no candidate to look up");
            ended(Err(Stop::failed(Reason::DnsOther, detail)))
        })
    }
}

impl LookedUp {
    fn absence(&self) -> Option<Absence> {
        self.addresses.as_ref().err().and_then(Absence::of)
    }
}

/// What the hosts file or RFC 6761 (6.3, localhost) says of `name`: all of it or nothing.
fn known_here(name: &Name, system: &system::Snapshot) -> Option<Addresses> {
    if let Some(known) = system.hosts.addresses(name) {
        let (v4, v6) = known.iter().partition(|ip| ip.is_ipv4());
        return Some(Addresses {
            v4,
            v6,
            fault: None,
        });
    }
    name.is_localhost().then(|| Addresses {
        v4: vec![Ipv4Addr::LOCALHOST.into()],
        v6: vec![Ipv6Addr::LOCALHOST.into()],
        fault: None,
    })
}

/// Asks for both families of one fully qualified name at once.
async fn lookup_both(settings: &Settings, name: &Name, wall_clock: WallClock) -> LookedUp {
    let (v4, v6) = tokio::join!(
        answer::resolve(settings, name, RecordType::A, wall_clock),
        answer::resolve(settings, name, RecordType::AAAA, wall_clock),
    );
    let known = if v4.known.at < v6.known.at {
        v6.known
    } else {
        v4.known
    };
    let addresses = match (v4.addresses, v6.addresses) {
        // The family that could not be asked for may be the one to probe.
        (Err(stop), _) | (_, Err(stop)) if stop.is_lack() => Err(stop),
        (Ok(v4), Ok(v6)) => Ok(Addresses {
            v4,
            v6,
            fault: None,
        }),
        (Ok(v4), Err(stop)) => Ok(Addresses {
            v4,
            v6: Vec::new(),
            fault: stop.fault(),
        }),
        (Err(stop), Ok(v6)) => Ok(Addresses {
            v4: Vec::new(),
            v6,
            fault: stop.fault(),
        }),
        (Err(v4), Err(v6)) => Err(graver(v4, v6)),
    };
    LookedUp { addresses, known }
}

/// Of two stops the one that says more: a fault before an absence, NODATA before NXDOMAIN.
fn graver(first: Stop, second: Stop) -> Stop {
    match (Absence::of(&first), Absence::of(&second)) {
        (None, _) => first,
        (_, None) => second,
        (Some(one), Some(other)) if one >= other => first,
        _ => second,
    }
}

/// The two ways in which a name can have no address without any fault, the weaker first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Absence {
    Nxdomain,
    Nodata,
}

impl Stop {
    /// The fault of the name servers that it is, if it is one.
    fn fault(self) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(failure).filter(|failure| {
                !matches!(failure.reason, Reason::DnsNxdomain | Reason::DnsNodata)
            }),
            Self::Skipped(_) => None,
        }
    }
}

impl Absence {
    fn of(stop: &Stop) -> Option<Self> {
        match stop {
            Stop::Failed(failure) if failure.reason == Reason::DnsNxdomain => Some(Self::Nxdomain),
            Stop::Failed(failure) if failure.reason == Reason::DnsNodata => Some(Self::Nodata),
            _ => None,
        }
    }
}
