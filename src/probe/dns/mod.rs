//! The look-up of a name: hosts file, then the name servers, without a cache.
//!
//! hickory supplies the message format, the hosts file and the system's configuration. Its own
//! resolver is not used: it answers concurrent look-ups of a name with one query (so a probe would
//! be charged the rest of another's wait), and its queries outlive the probe that asked.

mod answer;
mod query;
pub mod system;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;

use crate::outcome::reason::Reason;
use crate::probe::dns::system::Settings;
use crate::probe::dns::system::SystemFiles;
use crate::probe::stop::Stop;
use crate::probe::wire::Wire;

/// The addresses of a name, by family, each in the order in which it was given.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Addresses {
    /// The IPv4 addresses.
    pub v4: Vec<IpAddr>,
    /// The IPv6 addresses.
    pub v6: Vec<IpAddr>,
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
    /// getaddrinfo does. Ends with the first candidate of the search list that has an address. When
    /// the answers arrived is noted in `wire`.
    pub async fn lookup(&self, host: &str, wire: &Wire) -> Result<Addresses, Stop> {
        let name = Name::from_ascii(host).map_err(|error| {
            Stop::failed(
                Reason::DnsMalformed,
                format!("{host} is no DNS name: {error}"),
            )
        })?;
        let system = self.files.current();
        if let Some(addresses) = known_here(&name, &system) {
            return Ok(addresses);
        }
        let settings = match self.server {
            None => system.settings.clone(),
            Some(server) => system.settings.asking_only(server),
        };
        let mut nothing_found = None;
        for candidate in settings.candidates(&name) {
            let stop = match lookup_both(&settings, &candidate, wire).await {
                Ok(addresses) => return Ok(addresses),
                Err(stop) => stop,
            };
            match Absence::of(&stop) {
                None => return Err(stop),
                Some(absence) => {
                    let kept = nothing_found.take().filter(|(kept, _)| *kept >= absence);
                    nothing_found = Some(kept.unwrap_or((absence, stop)));
                }
            }
        }
        Err(nothing_found.map_or_else(
            || {
                Stop::failed(
                    Reason::DnsOther,
                    format!("{host} has no candidate to look up"),
                )
            },
            |(_, stop)| stop,
        ))
    }
}

/// What the hosts file or RFC 6761 (6.3, localhost) says of `name`: all of it or nothing.
fn known_here(name: &Name, system: &system::Snapshot) -> Option<Addresses> {
    let of_kind = |kind| {
        let found = system
            .hosts
            .lookup_static_host(&Query::query(name.clone(), kind));
        found.map(|lookup| {
            let addresses = lookup
                .answers()
                .iter()
                .filter_map(|record| record.data.ip_addr());
            addresses.collect::<Vec<_>>()
        })
    };
    let (v4, v6) = (of_kind(RecordType::A), of_kind(RecordType::AAAA));
    if v4.is_some() || v6.is_some() {
        return Some(Addresses {
            v4: v4.unwrap_or_default(),
            v6: v6.unwrap_or_default(),
        });
    }
    name.is_localhost().then(|| Addresses {
        v4: vec![Ipv4Addr::LOCALHOST.into()],
        v6: vec![Ipv6Addr::LOCALHOST.into()],
    })
}

/// Asks for both families of one fully qualified name at once.
async fn lookup_both(settings: &Settings, name: &Name, wire: &Wire) -> Result<Addresses, Stop> {
    let (v4, v6) = tokio::join!(
        answer::resolve(settings, name, RecordType::A, wire),
        answer::resolve(settings, name, RecordType::AAAA, wire),
    );
    match (v4, v6) {
        (Err(v4), Err(v6)) => Err(graver(v4, v6)),
        (v4, v6) => Ok(Addresses {
            v4: v4.unwrap_or_default(),
            v6: v6.unwrap_or_default(),
        }),
    }
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

impl Absence {
    fn of(stop: &Stop) -> Option<Self> {
        match stop {
            Stop::Failed(failure) if failure.reason == Reason::DnsNxdomain => Some(Self::Nxdomain),
            Stop::Failed(failure) if failure.reason == Reason::DnsNodata => Some(Self::Nodata),
            _ => None,
        }
    }
}
