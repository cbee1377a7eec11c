//! Which addresses a probe may reach: what the configuration allows and denies, and what is denied
//! unless somebody asks for it by name.

mod embedded;
mod range;

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;

pub use crate::target::reach::range::Range;

/// Where clouds tell a machine who it is and give it its credentials: nobody probes that by
/// accident.
const BUILT_IN: [Range; 8] = [
    // Link-local (RFC 3927), with the metadata of AWS, Azure, Google, Oracle and OpenStack.
    Range::of_parts(IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    // Link-local (RFC 4291, 2.5.6), with the metadata of OpenStack at fe80::a9fe:a9fe.
    Range::of_parts(v6([0xfe80, 0, 0, 0, 0, 0, 0, 0]), 10),
    // AWS, "IPv6 on AWS": the metadata of instances.
    Range::of_parts(v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]), 128),
    // AWS, "Set up the Amazon EKS Pod Identity Agent": the credentials of pods.
    Range::of_parts(v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]), 128),
    // Google, "View and query VM metadata": where a machine has IPv6 alone.
    Range::of_parts(v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]), 128),
    // Oracle, as its SDK asks for the credentials of an instance over IPv6.
    Range::of_parts(v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]), 128),
    // Alibaba Cloud, "Instance metadata".
    Range::of_parts(IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), 32),
    // Azure, "What is IP address 168.63.129.16?": the host below a machine.
    Range::of_parts(IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)), 32),
];

const fn v6(segments: [u16; 8]) -> IpAddr {
    let [a, b, c, d, e, f, g, h] = segments;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

/// What is allowed and denied in one place of the configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rules {
    /// `allow_addresses`; if there are any, what none of them holds is denied.
    pub allow: Vec<Range>,
    /// `deny_addresses`.
    pub deny: Vec<Range>,
}

/// The rules for the probes of a module: both places must allow an address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reach {
    /// Those of the whole configuration.
    pub everywhere: Arc<Rules>,
    /// Those of the module.
    pub own: Arc<Rules>,
}

/// That an address may not be reached, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The address, as it would have been connected to.
    pub address: IpAddr,
    /// What the rule is about, which may be an address that the other one stands for.
    pub meant: IpAddr,
    /// The rule.
    pub rule: Rule,
}

/// A rule by which an address is denied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// An entry of `deny_addresses`.
    Listed(Range),
    /// What is denied without being listed.
    BuiltIn(Range),
    /// No entry of `allow_addresses` holds it.
    NotAllowed,
}

impl Rules {
    /// The rule by which `ip` is denied; the longest range that holds it has the say, and of two of
    /// one length the one that denies.
    fn denying(&self, ip: IpAddr) -> Option<Rule> {
        let longest = |ranges: &[Range]| longest_of(ranges, ip);
        let (allowed, denied) = (longest(&self.allow), longest(&self.deny));
        denied
            .filter(|denied| allowed.is_none_or(|allowed| denied.length() >= allowed.length()))
            .map(Rule::Listed)
    }

    /// Whether `ip` would have to be allowed and is not.
    fn leaves_out(&self, ip: IpAddr) -> bool {
        !self.allow.is_empty()
            && longest_of(&self.allow, ip).is_none()
            && longest_of(&self.deny, ip).is_none()
    }
}

impl Reach {
    /// Whether a probe may connect to `ip`.
    pub fn check(&self, ip: IpAddr) -> Result<(), Denial> {
        let denied = |meant, rule| {
            Err(Denial {
                address: ip,
                meant,
                rule,
            })
        };
        let canonical = ip.to_canonical();
        for meant in [Some(canonical), here(canonical)].into_iter().flatten() {
            let left_out = [&self.everywhere, &self.own];
            let left_out = left_out.into_iter().any(|rules| rules.leaves_out(meant));
            let not_allowed = left_out.then_some(Rule::NotAllowed);
            if let Some(rule) = self.denying(meant).or(not_allowed) {
                return denied(meant, rule);
            }
        }
        let IpAddr::V6(outer) = canonical else {
            return Ok(());
        };
        // Who translates or tunnels would connect to these, so that an allowed range around the
        // outer address does not speak for them.
        for inner in embedded::addresses(outer).map(IpAddr::V4) {
            for meant in [Some(inner), here(inner)].into_iter().flatten() {
                if let Some(rule) = self.denying(meant) {
                    return denied(meant, rule);
                }
            }
        }
        Ok(())
    }

    /// The entry by which `ip` is denied.
    fn denying(&self, ip: IpAddr) -> Option<Rule> {
        let listed = self.everywhere.denying(ip).or_else(|| self.own.denying(ip));
        listed.or_else(|| {
            let denied = longest_of(&BUILT_IN, ip)?;
            // One place is enough to ask for it; the other one has had its say above.
            let places = [&self.everywhere, &self.own].into_iter();
            let allowed = places.filter_map(|rules| longest_of(&rules.allow, ip));
            let lifted = allowed
                .map(|range| range.length())
                .any(|length| length >= denied.length());
            (!lifted).then_some(Rule::BuiltIn(denied))
        })
    }
}

/// The longest of `ranges` that holds `ip`.
fn longest_of(ranges: &[Range], ip: IpAddr) -> Option<Range> {
    let holding = ranges.iter().filter(|range| range.holds(ip));
    holding.max_by_key(|range| range.length()).copied()
}

/// The loopback address, if `ip` is the unspecified one: a connection to it reaches this machine.
fn here(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => ip.is_unspecified().then_some(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) => ip.is_unspecified().then_some(Ipv6Addr::LOCALHOST.into()),
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            meant,
            rule,
        } = self;
        write!(f, "{address} may not be probed: ")?;
        if address != meant {
            write!(f, "it stands for {meant}, and ")?;
        }
        match rule {
            Rule::Listed(range) => write!(f, "deny_addresses has {range}"),
            Rule::BuiltIn(range) => write!(
                f,
                "{range} is denied unless allow_addresses has it or a part of it"
            ),
            Rule::NotAllowed => f.write_str("allow_addresses has no range that holds it"),
        }
    }
}

#[cfg(test)]
mod tests;
