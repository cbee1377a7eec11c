//! IPv4 addresses within those of IPv6: whoever translates or tunnels connects to them.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

/// The IPv4 addresses that `ip` may stand for, besides a mapped one, which it simply is: where it is
/// not clear which of its bits they are, all that they can be.
pub fn addresses(ip: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let bytes = ip.octets();
    let tunnelled = [six_to_four(ip), teredo_server(ip), teredo_client(ip)];
    let last = Ipv4Addr::from_octets([bytes[12], bytes[13], bytes[14], bytes[15]]);
    let ends_with = ends_with_one(ip).then_some(last);
    let of_this_network = local_translation(ip);
    let all = tunnelled.into_iter().chain([ends_with]);
    all.chain(of_this_network).flatten()
}

/// Whether the last 32 bits are an address.
fn ends_with_one(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        // The unspecified address and loopback are none (RFC 4291, 2.5.5.1).
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => false,
        // IPv4-compatible, and IPv4-translated (RFC 2765, 2.1).
        [0, 0, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => true,
        // NAT64 with the well-known prefix (RFC 6052, 2.1).
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => true,
        // ISATAP (RFC 5214, 6.1), whatever the two bits say that tell whose the identifier is.
        [_, _, _, _, start, 0x5efe, _, _] => start & !0x0300 == 0,
        _ => false,
    }
}

/// 6to4 (RFC 3056, 2).
fn six_to_four(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bytes = ip.octets();
    bytes
        .starts_with(&[0x20, 0x02])
        .then(|| Ipv4Addr::from_octets([bytes[2], bytes[3], bytes[4], bytes[5]]))
}

/// The server of Teredo (RFC 4380, 4).
fn teredo_server(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bytes = ip.octets();
    bytes
        .starts_with(&[0x20, 0x01, 0, 0])
        .then(|| Ipv4Addr::from_octets([bytes[4], bytes[5], bytes[6], bytes[7]]))
}

/// The client of Teredo, whose bits are the other way round.
fn teredo_client(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bytes = ip.octets();
    bytes
        .starts_with(&[0x20, 0x01, 0, 0])
        .then(|| Ipv4Addr::from_octets([!bytes[12], !bytes[13], !bytes[14], !bytes[15]]))
}

/// NAT64 with the prefix for local use (RFC 8215), in each of the lengths that fit into it (RFC
/// 6052, 2.2). Where there is another one, what begins with zero only shows that it is not in use.
fn local_translation(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let bytes = ip.octets();
    if !bytes.starts_with(&[0, 0x64, 0xff, 0x9b, 0, 1]) {
        return [None; 4];
    }
    let shorter = [
        [bytes[6], bytes[7], bytes[9], bytes[10]],
        [bytes[7], bytes[9], bytes[10], bytes[11]],
        [bytes[9], bytes[10], bytes[11], bytes[12]],
    ];
    let is_address = |octets: &[u8; 4]| octets[0] != 0;
    let [first, second, third] = shorter.map(|octets| Some(octets).filter(is_address));
    let longest = [bytes[12], bytes[13], bytes[14], bytes[15]];
    let is_longest = is_address(&longest) || first.or(second).or(third).is_none();
    let candidates = [first, second, third, is_longest.then_some(longest)];
    candidates.map(|octets| octets.map(Ipv4Addr::from_octets))
}
