//! Numbers as bytes, small ones as few: seven bits a byte, the lowest first, as in LEB128.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV6;

/// Appends a number, in one byte if it is below 128, in ten at most.
pub fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends an address, in seven bytes if it is one of IPv4.
pub fn put_address(out: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend(ip.octets());
        }
    }
    out.extend(address.port().to_le_bytes());
    if let SocketAddr::V6(address) = address {
        put(out, address.flowinfo().into());
        put(out, address.scope_id().into());
    }
}

/// What is left to be read; `None` comes out of it where something else was put in.
#[derive(Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    /// The next number.
    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// The next number, of a smaller type.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    /// The element of `all` that the next number points to.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.small::<usize>()?).copied()
    }

    /// The next bytes, as many.
    pub fn bytes(&mut self, length: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next address.
    pub fn address(&mut self) -> Option<SocketAddr> {
        let [version] = self.array()?;
        if version == 4 {
            let ip = Ipv4Addr::from(self.array()?);
            return Some((ip, u16::from_le_bytes(self.array()?)).into());
        }
        let ip = Ipv6Addr::from(self.array::<16>()?);
        let port = u16::from_le_bytes(self.array()?);
        let (flow_info, scope) = (self.small()?, self.small()?);
        Some(SocketAddrV6::new(ip, port, flow_info, scope).into())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_come_back() {
        for (number, length) in [(0, 1), (127, 1), (128, 2), (1 << 20, 3), (u64::MAX, 10)] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            assert_eq!(bytes.len(), length, "{number}");
            assert_eq!(Reader(&bytes).number(), Some(number));
            assert_eq!(Reader(&bytes[1..]).number().is_none(), length == 1);
        }
        for (text, length) in [
            ("192.0.2.255:65535", 7),
            ("[::1]:443", 21),
            ("[fe80::1%70000]:1", 23),
        ] {
            let mut bytes = Vec::new();
            put_address(&mut bytes, text.parse().unwrap());
            assert_eq!(bytes.len(), length, "{text}");
            assert_eq!(Reader(&bytes).address().unwrap().to_string(), text);
        }
        assert_eq!(Reader(&[0xff; 20]).number(), None);
        assert_eq!(Reader(&[6, 0]).address(), None);
    }
}
