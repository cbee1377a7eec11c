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
use std::pin::pin;
use std::sync::Arc;

use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;
use tokio::time::Instant;

use crate::outcome::Failure;
use crate::outcome::reason::Reason;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::dns::answer::Family;
use crate::probe::dns::system::Settings;
use crate::probe::dns::system::SystemFiles;
use crate::probe::stop::Stop;
use crate::target::module::IpFamily;

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
    /// When all that was waited for was known: the arrival of the later answer, or the end of the
    /// waiting.
    pub known: Arrival,
}

impl Addresses {
    /// The one address that a host which needs no look-up has. IPv4 written as IPv6 (RFC 4291, 2.5.5.2)
    /// goes over IPv4.
    pub fn literal(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        Self::of(IpFamily::of(ip), vec![ip])
    }

    fn of(family: IpFamily, addresses: Vec<IpAddr>) -> Self {
        let mut of_both = Self::default();
        match family {
            IpFamily::V4 => of_both.v4 = addresses,
            IpFamily::V6 => of_both.v6 = addresses,
        }
        of_both
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
    /// getaddrinfo does; where addresses of one family `alone` are of use, for those. Ends with the first
    /// candidate of the search list that has an address: that a domain of the list is sick says nothing
    /// of the others.
    pub async fn lookup(
        &self,
        host: &str,
        alone: Option<IpFamily>,
        wall_clock: WallClock,
    ) -> LookedUp {
        let ended = |addresses| LookedUp {
            addresses,
            known: Arrival::by_user(Instant::now()),
        };
        let name = match name_of(host) {
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
            let looked_up = lookup_both(&settings, &candidate, alone, wall_clock).await;
            let Err(Stop::Failed(_)) = looked_up.addresses else {
                return looked_up;
            };
            // The name itself may be there, so that another one would be another host.
            let is_over = candidate.num_labels() == name.num_labels()
                && looked_up.finding() == Some(Finding::Fault);
            // What was found out first is kept, unless a later candidate says more.
            last = Some(match last {
                Some(before) if before.finding() >= looked_up.finding() => LookedUp {
                    known: looked_up.known,
                    ..before
                },
                _ => looked_up,
            });
            if is_over {
                break;
            }
        }
        last.unwrap_or_else(|| {
            let detail = format!("{host} has no candidate to look up");
            ended(Err(Stop::failed(Reason::DnsOther, detail)))
        })
    }
}

impl LookedUp {
    fn finding(&self) -> Option<Finding> {
        self.addresses.as_ref().err().map(Finding::of)
    }
}

/// The name that a host is, label by label: hickory's reader of text does not take each that a URL may
/// have.
fn name_of(host: &str) -> Result<Name, ProtoError> {
    let bare = host.strip_suffix('.').unwrap_or(host);
    let mut name = Name::from_labels(bare.split('.').map(str::as_bytes))?;
    name.set_fqdn(bare.len() < host.len());
    Ok(name)
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

/// Asks for both families of one fully qualified name at once. Where one is of use `alone` and has an
/// address, the other is not waited for: it could only tell why there is none.
async fn lookup_both(
    settings: &Settings,
    name: &Name,
    alone: Option<IpFamily>,
    wall_clock: WallClock,
) -> LookedUp {
    let kinds = match alone {
        Some(IpFamily::V6) => [RecordType::AAAA, RecordType::A],
        Some(IpFamily::V4) | None => [RecordType::A, RecordType::AAAA],
    };
    let [wanted, other] = kinds.map(|kind| answer::resolve(settings, name, kind, wall_clock));
    let (mut wanted, mut other) = (pin!(wanted), pin!(other));
    let (wanted, early) = tokio::select! {
        biased;
        found = &mut wanted => (found, None),
        found = &mut other => (wanted.await, Some(found)),
    };
    if let (Some(family), Ok(addresses)) = (alone, &wanted.addresses) {
        return LookedUp {
            addresses: Ok(Addresses::of(family, addresses.clone())),
            known: wanted.known,
        };
    }
    let other = match early {
        Some(found) => found,
        None => other.await,
    };
    match alone {
        Some(IpFamily::V6) => of_both(other, wanted),
        Some(IpFamily::V4) | None => of_both(wanted, other),
    }
}

/// What both families make together.
fn of_both(v4: Family, v6: Family) -> LookedUp {
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

/// Of two stops the one that says more.
fn graver(first: Stop, second: Stop) -> Stop {
    if Finding::of(&first) >= Finding::of(&second) {
        first
    } else {
        second
    }
}

/// What the lack of an address says of a name, the least first. Behind a fault there may be addresses.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Finding {
    Nxdomain,
    Nodata,
    Fault,
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

impl Finding {
    fn of(stop: &Stop) -> Self {
        match stop {
            stop if stop.is_for(Reason::DnsNxdomain) => Self::Nxdomain,
            stop if stop.is_for(Reason::DnsNodata) => Self::Nodata,
            _ => Self::Fault,
        }
    }
}
