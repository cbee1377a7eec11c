//! The hosts file, hosts(5): which names have which addresses without anybody being asked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str;
use std::str::FromStr as _;

use hickory_resolver::proto::rr::Name;

use crate::probe::dns::answer::MAX_ADDRESSES;

/// What a hosts file says.
#[derive(Debug, Default)]
pub struct Hosts {
    by_name: HashMap<Name, Vec<IpAddr>>,
}

impl Hosts {
    /// Reads a file in time that is linear in its length: hickory's reader copies all addresses of a
    /// name for each further one, and takes no file with a byte that is not UTF-8.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut hosts = Self::default();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let Ok(line) = str::from_utf8(line) else {
                continue;
            };
            let mut words = line.split_whitespace();
            let Some(ip) = words.next().and_then(|word| word.parse().ok()) else {
                continue;
            };
            for name in words.filter_map(|word| Name::from_str(&word.to_lowercase()).ok()) {
                hosts.add(name, ip);
            }
        }
        hosts
    }

    /// The addresses of both families that `name` has, in the order in which they stand there.
    pub fn addresses(&self, name: &Name) -> Option<&[IpAddr]> {
        let mut name = name.clone();
        name.set_fqdn(true);
        self.by_name.get(&name).map(Vec::as_slice)
    }

    /// Adds an address that the name does not have yet, within the bound of an answer.
    fn add(&mut self, mut name: Name, ip: IpAddr) {
        name.set_fqdn(true);
        let known = self.by_name.entry(name);
        let known = known.or_insert_with(|| Vec::with_capacity(1));
        let of_family = known.iter().filter(|one| one.is_ipv4() == ip.is_ipv4());
        if of_family.count() < MAX_ADDRESSES && !known.contains(&ip) {
            known.push(ip);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn found(hosts: &Hosts, name: &str) -> Vec<String> {
        let name = Name::from_ascii(name).expect("valid");
        let addresses = hosts.addresses(&name).unwrap_or_default();
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_are_read_as_hosts_5_has_them() {
        let both = &["127.0.0.2", "::2"][..];
        for (text, name, addresses) in [
            (&b"127.0.0.2 a.test"[..], "a.test", &["127.0.0.2"][..]),
            (b"127.0.0.2 a.test\n", "a.test.", &["127.0.0.2"]),
            (b"\xef\xbb\xbf127.0.0.2 a.test", "a.test", &["127.0.0.2"]),
            (b" \t127.0.0.2\t \ta.test \r\n", "a.test", &["127.0.0.2"]),
            (b"127.0.0.2 A.Test.\n", "a.tesT", &["127.0.0.2"]),
            (b"127.0.0.2 x a.test y\n", "a.test", &["127.0.0.2"]),
            (b"127.0.0.2 x #a.test\n", "a.test", &[]),
            (b"127.0.0.2 a.test#x\n", "a.test", &["127.0.0.2"]),
            (b"#127.0.0.2 a.test\n", "a.test", &[]),
            (b"127.0.0.2 a.test\n::2 a.test\n", "a.test", both),
            (b"127.0.0.2 a.test\r\n\r\n::2 a.test\r\n", "a.test", both),
            (b"127.0.0.2 a.test\n127.0.0.2 a.test", "a.test", &both[..1]),
            (b"::2 a.test # caf\xe9\n", "a.test", &["::2"]),
            (b"127.0.0.3 caf\xe9\n::2 a.test", "a.test", &["::2"]),
            (b"fe80::2%lo a.test\n::2 a.test", "a.test", &["::2"]),
            (b"127.0.0.2 a..test a.test", "a.test", &["127.0.0.2"]),
            (b"127.0.0.2\na.test\n", "a.test", &[]),
            (
                b"127.0.0.2 b\xc3\xbccher.test",
                "xn--bcher-kva.test",
                &["127.0.0.2"],
            ),
            (b"127.0.0.2 a_b.test", "a_b.test", &["127.0.0.2"]),
            (b"", "a.test", &[]),
        ] {
            let text_shown = String::from_utf8_lossy(text);
            assert_eq!(
                found(&Hosts::parse(text), name),
                addresses,
                "{text_shown:?}"
            );
        }
    }

    /// As many addresses as an answer may have are kept of each family, and the rest of the file counts.
    #[test]
    fn a_name_on_very_many_lines_has_bounded_addresses() {
        const N_LINES: u32 = 20_000;
        let lines = (0..N_LINES).map(|n| format!("{} a.test\n", Ipv4Addr::from_bits(n)));
        let text: String = lines.chain(["::2 a.test b.test\n".to_owned()]).collect();
        let hosts = Hosts::parse(text.as_bytes());
        let addresses = found(&hosts, "a.test");
        assert_eq!(addresses.len(), MAX_ADDRESSES + 1);
        assert_eq!(addresses[1], "0.0.0.1");
        assert_eq!(addresses[MAX_ADDRESSES], "::2");
        assert_eq!(found(&hosts, "b.test"), ["::2"]);
    }
}
