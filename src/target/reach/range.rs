//! A range of addresses as it is written in a configuration.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// The addresses that begin with the same bits. One of IPv4 written as IPv6 is one of IPv4.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Range(IpNet);

impl Range {
    /// Parses `10.0.0.0/8`, or an address, which is a range of one. The error says what was wrong
    /// and what would do; `None` that it is neither.
    pub fn parse(text: &str) -> Result<Self, Option<String>> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        if let Some((bare, _)) = address.split_once('%')
            && bare.parse::<IpAddr>().is_ok()
        {
            let what = format!("has a zone in {address}; {bare} means it in every zone");
            return Err(Some(what));
        }
        // As there are readers to whom 010.0.0.1 is 8.0.0.1, the standard library takes neither.
        let first: IpAddr = address.parse().map_err(|_| None)?;
        let bits: u8 = if first.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => bits,
            Some(length) => plain_number(length)
                .filter(|length| *length <= bits)
                .ok_or_else(|| {
                    Some(format!(
                        "has a prefix of no length in {text}; it is a number up to {bits}, as in \
                         {first}/{bits}"
                    ))
                })?,
        };
        let net = IpNet::new_assert(first, length);
        if net.trunc().addr() != first {
            let range = net.trunc();
            return Err(Some(format!(
                "has bits behind the prefix of {text}; {range} is the range and {first} the address"
            )));
        }
        Ok(Self::of_parts(first, length))
    }

    /// The range of the addresses that have the first `length` bits of `first`, at most as many as
    /// there are.
    pub(super) fn of_parts(first: IpAddr, length: u8) -> Self {
        /// The length of the prefix of IPv4 in IPv6 (RFC 4291, 2.5.5.2).
        const MAPPED: u8 = 96;
        let (first, length) = match (first.to_canonical(), length) {
            (mapped @ IpAddr::V4(_), MAPPED..=128) if first.is_ipv6() => (mapped, length - MAPPED),
            _ => (first, length),
        };
        Self(IpNet::new_assert(first, length).trunc())
    }

    /// Whether `ip`, an address in its own family, is in the range.
    pub(super) fn holds(self, ip: IpAddr) -> bool {
        self.0.contains(&ip)
    }

    /// How many bits its addresses have in common.
    pub(super) fn length(self) -> u8 {
        self.0.prefix_len()
    }
}

/// Digits as people write a number, without sign and leading zeros.
fn plain_number(text: &str) -> Option<u8> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_plain && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

impl fmt::Display for Range {
    /// As it can be written again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}
