//! The ways to write an address, and the names that lead to one.

/// Who gets to the canary by a row where nothing is denied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leads {
    /// Whoever there is.
    Here,
    /// Whoever there is, on a machine with IPv6.
    OverV6,
    /// Who has the hosts file of the test.
    ByHosts,
    /// Nobody, as the exporter takes it for no URL or cannot connect.
    Nowhere,
}

use Leads::{ByHosts, Here, Nowhere, OverV6};

/// URLs that mean an address of loopback, with `PORT` for the port of the canary.
#[rustfmt::skip]
pub const LOOPBACK: &[(&str, Leads)] = &[
    // Decimal, octal, hexadecimal, short and mixed.
    ("http://127.0.0.1:PORT/", Here),
    ("http://127.0.0.2:PORT/", Here),
    ("http://127.1:PORT/", Here),
    ("http://127.0.2:PORT/", Here),
    ("http://2130706433:PORT/", Here),
    ("http://2130706434:PORT/", Here),
    ("http://0x7f000001:PORT/", Here),
    ("http://0X7F000002:PORT/", Here),
    ("http://017700000001:PORT/", Here),
    ("http://0177.0.0.1:PORT/", Here),
    ("http://0177.00.00.02:PORT/", Here),
    ("http://00000177.0.0.1:PORT/", Here),
    ("http://0177.1:PORT/", Here),
    ("http://0x7f.0.0.1:PORT/", Here),
    ("http://0x7F.0x0.0x0.0x2:PORT/", Here),
    ("http://0x7f.1:PORT/", Here),
    ("http://0x7f.0.2:PORT/", Here),
    ("http://127.0x000001:PORT/", Here),
    ("http://127.0.0.0x1:PORT/", Here),
    ("http://127.00.0x0.01:PORT/", Here),
    ("http://0x000000007f.1:PORT/", Here),
    // With the dot of the root.
    ("http://127.0.0.1.:PORT/", Here),
    ("http://127.1.:PORT/", Here),
    ("http://0x7f000001.:PORT/", Here),
    // In other digits and with other dots.
    ("http://127。0。0。1:PORT/", Here),
    ("http://127．0．0．2:PORT/", Here),
    ("http://127｡0｡0｡1:PORT/", Here),
    ("http://１２７.０.０.１:PORT/", Here),
    ("http://①②⑦.⓪.⓪.②:PORT/", Here),
    ("http://𝟏𝟐𝟕.𝟎.𝟎.𝟏:PORT/", Here),
    ("http://127.0.0\u{ad}.1:PORT/", Here),
    ("http://０ｘ７ｆ。１:PORT/", Here),
    // Percent-encoded.
    ("http://%31%32%37.0.0.1:PORT/", Here),
    ("http://127%2e0%2E0%2e2:PORT/", Here),
    ("http://%EF%BC%91%EF%BC%92%EF%BC%97.1:PORT/", Here),
    ("http://%30%78%37%66.1:PORT/", Here),
    // Behind something that looks like a host.
    ("http://example.com@127.0.0.1:PORT/", Here),
    ("http://127.0.0.77@127.0.0.2:PORT/", Here),
    ("http://127.0.0.77:80@127.1:PORT/", Here),
    ("http://user%40127.0.0.77@0x7f.1:PORT/", Here),
    ("http://127.0.0.1:PORT/@127.0.0.77/", Here),
    ("http://127.0.0.1:PORT#@127.0.0.77/", Here),
    ("http://127.0.0.1:PORT?@127.0.0.77/", Here),
    ("http://127.0.0.1:PORT\\@127.0.0.77/", Here),
    // Written otherwise, which is the same URL.
    ("HTTP://127.0.0.1:PORT/", Here),
    ("http:///127.0.0.1:PORT/", Here),
    ("http://\\127.0.0.1:PORT/", Here),
    ("http://127.0.\t0.1:PORT/", Here),
    ("http:\\\\127.0.0.2:PORT\\", Here),
    // The unspecified address, which is this machine.
    ("http://0.0.0.0:PORT/", Here),
    ("http://0:PORT/", Here),
    ("http://0x0:PORT/", Here),
    ("http://00.0:PORT/", Here),
    ("http://000000000000:PORT/", Here),
    ("http://[::]:PORT/", OverV6),
    ("http://[0:0:0:0:0:0:0:0]:PORT/", OverV6),
    ("http://[::0.0.0.0]:PORT/", OverV6),
    ("http://[::ffff:0.0.0.0]:PORT/", Here),
    ("http://[::ffff:0:0]:PORT/", Here),
    // IPv6.
    ("http://[::1]:PORT/", OverV6),
    ("http://[0:0:0:0:0:0:0:1]:PORT/", OverV6),
    ("http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/", OverV6),
    ("http://[0::1]:PORT/", OverV6),
    ("http://[::0:1]:PORT/", OverV6),
    ("http://[0:0::0:0001]:PORT/", OverV6),
    ("http://[::0.0.0.1]:PORT/", OverV6),
    ("http://example.com@[::1]:PORT/", OverV6),
    ("http://[%3a%3a1]:PORT/", Nowhere),
    ("http://[::1%25lo]:PORT/", Nowhere),
    ("http://[::1%lo]:PORT/", Nowhere),
    // IPv4 as IPv6.
    ("http://[::ffff:127.0.0.1]:PORT/", Here),
    ("http://[::FFFF:127.0.0.2]:PORT/", Here),
    ("http://[::ffff:7f00:1]:PORT/", Here),
    ("http://[::fFfF:7F00:0002]:PORT/", Here),
    ("http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", Here),
    ("http://[0000:0000:0000:0000:0000:ffff:7f00:0001]:PORT/", Here),
    ("http://[0::ffff:7f00:2]:PORT/", Here),
    // Names that need no name server.
    ("http://localhost:PORT/", Here),
    ("http://LOCALHOST:PORT/", Here),
    ("http://localhost.:PORT/", Here),
    ("http://ｌｏｃａｌｈｏｓｔ:PORT/", Here),
    ("http://any.localhost:PORT/", Here),
    ("http://hosts.test:PORT/", ByHosts),
    ("http://Hosts.Test.:PORT/", ByHosts),
    ("http://hosts6.test:PORT/", ByHosts),
    // Names that a name server has, see `names`.
    ("http://a.test:PORT/", Here),
    ("http://A.TEST.:PORT/", Here),
    ("http://ａ。test:PORT/", Here),
    ("http://zero.test:PORT/", Here),
    ("http://aaaa.test:PORT/", OverV6),
    ("http://zero6.test:PORT/", OverV6),
    ("http://mapped.test:PORT/", OverV6),
    ("http://alias.test:PORT/", Here),
    ("http://chain.test:PORT/", Here),
    ("http://open-alias.test:PORT/", Here),
    ("http://alias6.test:PORT/", OverV6),
    ("http://several.test:PORT/", Here),
    ("http://both.test:PORT/", OverV6),
];

/// URLs that mean an address beyond loopback, for where there is nothing beyond loopback.
#[rustfmt::skip]
pub const BEYOND: &[(&str, Leads)] = &[
    ("http://169.254.169.254:PORT/", Here),
    ("http://2852039166:PORT/", Here),
    ("http://0xa9fea9fe:PORT/", Here),
    ("http://0251.0376.0251.0376:PORT/", Here),
    ("http://169.254.43518:PORT/", Here),
    ("http://169。254。169。254:PORT/", Here),
    ("http://[::ffff:169.254.169.254]:PORT/", Here),
    ("http://[::FFFF:A9FE:A9FE]:PORT/", Here),
    ("http://100.100.100.200:PORT/", Here),
    ("http://168.63.129.16:PORT/", Here),
    ("http://0xa83f8110:PORT/", Here),
    ("http://[fd00:ec2::254]:PORT/", OverV6),
    ("http://[FD00:0EC2:0::0254]:PORT/", OverV6),
    ("http://[fe80::a9fe:a9fe]:PORT/", Nowhere),
    ("http://[fe80::1%25eth0]:PORT/", Nowhere),
    ("http://10.1.2.3:PORT/", Here),
    ("http://10.66051:PORT/", Here),
    // IPv4 within IPv6.
    ("http://[::127.0.0.1]:PORT/", OverV6),
    ("http://[::7f00:1]:PORT/", OverV6),
    ("http://[::a9fe:a9fe]:PORT/", OverV6),
    ("http://[64:ff9b::127.0.0.1]:PORT/", OverV6),
    ("http://[64:ff9b::a9fe:a9fe]:PORT/", OverV6),
    ("http://[0064:FF9B:0:0::10.1.2.3]:PORT/", OverV6),
    ("http://[64:ff9b:1::a9fe:a9fe]:PORT/", OverV6),
    ("http://[64:ff9b:1:a9fe:a9:fe00::]:PORT/", OverV6),
    ("http://[2002:7f00:1::1]:PORT/", OverV6),
    ("http://[2002:a9fe:a9fe::]:PORT/", OverV6),
    ("http://[2001:0:102:304::5601:5601]:PORT/", OverV6),
    ("http://[2001:0:a9fe:a9fe::fefe:fefe]:PORT/", OverV6),
    ("http://[2600:1::5efe:169.254.169.254]:PORT/", OverV6),
    ("http://[2600:1::200:5efe:7f00:1]:PORT/", OverV6),
    // The same by name.
    ("http://meta.test:PORT/", Here),
    ("http://nat64.test:PORT/", OverV6),
    ("http://6to4.test:PORT/", OverV6),
    ("http://compatible.test:PORT/", OverV6),
];

/// A name to whose preferred address there is no route where there is nothing but loopback, so that
/// the one of the other family stands in.
pub const STANDING_IN: &[(&str, Leads)] = &[("http://unroutable.test:PORT/", Here)];

/// The addresses of [`BEYOND`].
pub const BEYOND_ADDRESSES: &[&str] = &[
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "10.1.2.3",
    "fd00:ec2::254",
    "::7f00:1",
    "::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::a01:203",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2001:0:102:304::5601:5601",
    "2001:0:a9fe:a9fe::fefe:fefe",
    "2600:1::5efe:a9fe:a9fe",
    "2600:1::200:5efe:7f00:1",
];

/// What forbids all of them.
pub const DENYING: &str = "deny_addresses: [127.0.0.0/29, '::1', 10.0.0.0/8]";

/// What lets all of them be reached.
pub const ALLOWING: &str = "allow_addresses: [0.0.0.0/0, '::/0', 169.254.0.0/16, 'fe80::/10', \
                            100.100.100.200, 168.63.129.16, 'fd00:ec2::254']";
