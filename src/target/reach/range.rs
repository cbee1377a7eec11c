//! A range of addresses as it is written in a configuration.

use std::fmt;
use std::net::IpAddr;

/// The addresses that begin with the same bits. One of IPv4 written as IPv6 is one of IPv4.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Range {
    /// The bits behind the prefix are zero.
    first: IpAddr,
    length: u8,
}

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
        let written: IpAddr = address.parse().map_err(|_| None)?;
        let bits = bits_of(written);
        let length = match length {
            None => bits,
            Some(length) => plain_number(length)
                .filter(|length| *length <= bits)
                .ok_or_else(|| {
                    Some(format!(
                        "has a prefix of no length in {text}; it is a number up to {bits}, as in \
                         {written}/{bits}"
                    ))
                })?,
        };
        let first = cut(written, length);
        if first != written {
            return Err(Some(format!(
                "has bits behind the prefix of {text}; {first}/{length} is the range and {written} \
                 the address"
            )));
        }
        /// The length of the prefix of IPv4 in IPv6 (RFC 4291, 2.5.5.2).
        const MAPPED: u8 = 96;
        Ok(match (first.to_canonical(), length.checked_sub(MAPPED)) {
            (mapped @ IpAddr::V4(_), Some(length)) if first.is_ipv6() => Self {
                first: mapped,
                length,
            },
            _ => Self { first, length },
        })
    }

    /// The range of the addresses that have the first `length` bits of `first`, in which there are
    /// no others and which is no IPv4 written as IPv6.
    pub(super) const fn of_parts(first: IpAddr, length: u8) -> Self {
        Self { first, length }
    }

    /// Whether `ip`, an address in its own family, is in the range.
    pub(super) fn holds(self, ip: IpAddr) -> bool {
        let in_common = match (self.first, ip) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => (first.to_bits() ^ ip.to_bits()).leading_zeros(),
            (IpAddr::V6(first), IpAddr::V6(ip)) => (first.to_bits() ^ ip.to_bits()).leading_zeros(),
            _ => return false,
        };
        in_common >= u32::from(self.length)
    }

    /// How many bits its addresses have in common.
    pub(super) fn length(self) -> u8 {
        self.length
    }
}

/// How many bits an address has.
fn bits_of(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// The address with zeros behind its first `length` bits.
fn cut(ip: IpAddr, length: u8) -> IpAddr {
    let length = u32::from(length);
    match ip {
        IpAddr::V4(ip) => {
            let behind = u32::MAX.checked_shr(length).unwrap_or_default();
            IpAddr::V4((ip.to_bits() & !behind).into())
        }
        IpAddr::V6(ip) => {
            let behind = u128::MAX.checked_shr(length).unwrap_or_default();
            IpAddr::V6((ip.to_bits() & !behind).into())
        }
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
        let Self { first, length } = self;
        match *length == bits_of(*first) {
            true => first.fmt(f),
            false => write!(f, "{first}/{length}"),
        }
    }
}
