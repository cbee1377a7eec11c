//! The rules, by table.

use super::*;

fn ranges(text: &str) -> Vec<Range> {
    let texts = text.split_whitespace();
    texts
        .map(|text| Range::parse(text).expect("a range"))
        .collect()
}

fn rules(allow: &str, deny: &str) -> Arc<Rules> {
    Arc::new(Rules {
        allow: ranges(allow),
        deny: ranges(deny),
    })
}

fn reach(allow: &str, deny: &str) -> Reach {
    Reach {
        everywhere: rules(allow, deny),
        own: Arc::default(),
    }
}

fn allows(reach: &Reach, ip: &str) -> bool {
    reach.check(ip.parse().expect("an address")).is_ok()
}

#[test]
fn the_longest_range_has_the_say() {
    for (allow, deny, allowed, denied) in [
        ("", "", "1.1.1.1 127.0.0.1 10.0.0.1 ::1 2600::1", ""),
        ("", "10.0.0.0/8", "11.0.0.1 ::1", "10.0.0.0 10.255.255.255"),
        (
            "10.1.0.0/16",
            "10.0.0.0/8",
            "10.1.2.3",
            "10.2.0.1 11.0.0.1 ::1",
        ),
        ("10.0.0.0/8", "10.1.0.0/16", "10.0.0.1", "10.1.2.3 11.0.0.1"),
        ("10.0.0.0/8", "10.0.0.0/8", "", "10.0.0.1 11.0.0.1"),
        (
            "10.0.0.0/8 10.0.0.7",
            "10.0.0.0/24",
            "10.0.0.7 10.0.1.1",
            "10.0.0.8",
        ),
        ("0.0.0.0/0", "", "10.0.0.1 0.0.0.0", "::1 2600::1"),
        ("::/0", "", "2600::1 ::1", "10.0.0.1 ::ffff:10.0.0.1"),
        ("0.0.0.0/0 ::/0", "10.0.0.0/8", "11.0.0.1 ::1", "10.0.0.1"),
        (
            "127.0.0.1 127.0.0.1",
            "10.0.0.1 10.0.0.1",
            "127.0.0.1",
            "10.0.0.1",
        ),
        (
            "::ffff:10.0.0.0/104",
            "",
            "10.0.0.1 ::ffff:10.0.0.1",
            "11.0.0.1",
        ),
        ("", "::ffff:0:0/96", "::1", "10.0.0.1 ::ffff:10.0.0.1"),
        ("", "fc00::/7", "fe00::1 fbff::1", "fc00::1 fdff::1"),
    ] {
        let reach = reach(allow, deny);
        for ip in allowed.split_whitespace() {
            assert!(allows(&reach, ip), "+{allow} -{deny}: {ip}");
        }
        for ip in denied.split_whitespace() {
            assert!(!allows(&reach, ip), "+{allow} -{deny}: {ip}");
        }
    }
}

#[test]
fn both_places_must_allow() {
    for (everywhere, own, allowed, denied) in [
        (
            ("", "10.0.0.0/8"),
            ("10.0.0.1", ""),
            "",
            "10.0.0.1 11.0.0.1",
        ),
        (
            ("10.0.0.0/8", ""),
            ("10.1.0.0/16", ""),
            "10.1.0.1",
            "10.2.0.1 11.0.0.1",
        ),
        (
            ("10.0.0.0/8", ""),
            ("", "10.1.0.0/16"),
            "10.2.0.1",
            "10.1.0.1 11.0.0.1",
        ),
        (("", ""), ("", "127.0.0.0/8"), "10.0.0.1", "127.0.0.1"),
        // Either place may ask for what is denied without being listed.
        (
            ("", ""),
            ("169.254.169.254", ""),
            "169.254.169.254",
            "169.254.169.253 10.0.0.1",
        ),
        (
            ("169.254.169.254 0.0.0.0/0", ""),
            ("", "10.0.0.0/8"),
            "169.254.169.254 11.0.0.1",
            "10.0.0.1",
        ),
        (
            ("", "169.254.0.0/16"),
            ("169.254.169.254", ""),
            "",
            "169.254.169.254",
        ),
    ] {
        let reach = Reach {
            everywhere: rules(everywhere.0, everywhere.1),
            own: rules(own.0, own.1),
        };
        for ip in allowed.split_whitespace() {
            assert!(allows(&reach, ip), "{everywhere:?} {own:?}: {ip}");
        }
        for ip in denied.split_whitespace() {
            assert!(!allows(&reach, ip), "{everywhere:?} {own:?}: {ip}");
        }
    }
}

/// Addresses that are denied without being listed, and what lifts that.
const METADATA: [(&str, &str); 11] = [
    ("169.254.169.254", "169.254.0.0/16"),
    ("169.254.0.0", "169.254.0.0"),
    ("169.254.255.255", "169.254.128.0/17"),
    ("fe80::1", "fe80::/10"),
    ("febf:ffff::a9fe:a9fe", "febf::/16"),
    ("fd00:ec2::254", "fd00:ec2::254/128"),
    ("fd00:ec2::23", "fd00:ec2::23"),
    ("fd20:ce::254", "fd20:ce::254"),
    ("fd00:c1::a9fe:a9fe", "fd00:c1::a9fe:a9fe"),
    ("100.100.100.200", "100.100.100.200"),
    ("168.63.129.16", "168.63.129.16/32"),
];

#[test]
fn metadata_must_be_asked_for() {
    for (ip, lifting) in METADATA {
        assert!(!allows(&reach("", ""), ip), "{ip}");
        assert!(
            !allows(&reach("0.0.0.0/0 ::/0 fc00::/7 100.64.0.0/10", ""), ip),
            "{ip}"
        );
        assert!(allows(&reach(lifting, ""), ip), "{ip}: {lifting}");
        assert!(!allows(&reach(lifting, lifting), ip), "{ip}: {lifting}");
    }
    for near in [
        "169.253.255.255",
        "169.255.0.0",
        "fe7f::1",
        "fec0::1",
        "fd00:ec2::253",
        "100.100.100.201",
        "168.63.129.17",
    ] {
        assert!(allows(&reach("", ""), near), "{near}");
    }
}

/// The addresses of IPv6 that one of IPv4 is within.
fn forms_of(ip: Ipv4Addr) -> Vec<(&'static str, Ipv6Addr)> {
    let [a, b, c, d] = ip.octets().map(u16::from);
    let (high, low) = (a << 8 | b, c << 8 | d);
    let of = |segments: [u16; 8]| Ipv6Addr::from_segments(segments);
    vec![
        ("mapped", ip.to_ipv6_mapped()),
        ("compatible", of([0, 0, 0, 0, 0, 0, high, low])),
        ("translated", of([0, 0, 0, 0, 0xffff, 0, high, low])),
        ("NAT64", of([0x64, 0xff9b, 0, 0, 0, 0, high, low])),
        (
            "NAT64, local /96",
            of([0x64, 0xff9b, 1, 7, 0, 9, high, low]),
        ),
        (
            "NAT64, local /64",
            of([0x64, 0xff9b, 1, 0, a, b << 8 | c, d << 8, 0]),
        ),
        ("NAT64, local /56", of([0x64, 0xff9b, 1, a, b, low, 0, 0])),
        (
            "NAT64, local /48",
            of([0x64, 0xff9b, 1, high, c, d << 8, 0, 0]),
        ),
        (
            "NAT64, local /48, more",
            of([0x64, 0xff9b, 1, high, c, d << 8 | 9, 9, 9]),
        ),
        ("6to4", of([0x2002, high, low, 0, 0, 0, 0, 1])),
        (
            "Teredo client",
            of([0x2001, 0, 0x0102, 0x0304, 0, 0, !high, !low]),
        ),
        (
            "Teredo server",
            of([0x2001, 0, high, low, 0, 0, 0xfefe, 0xfefe]),
        ),
        ("ISATAP", of([0x2600, 1, 2, 3, 0, 0x5efe, high, low])),
        (
            "ISATAP, global",
            of([0x2600, 1, 2, 3, 0x0200, 0x5efe, high, low]),
        ),
    ]
}

#[test]
fn an_address_within_another_is_denied_with_it() {
    let denying = reach("", "10.0.0.0/8 127.0.0.0/8");
    let lists = reach("9.0.0.0/8 ::/0", "");
    for (ip, expected) in [
        ([10, 1, 2, 3], false),
        ([127, 0, 0, 1], false),
        ([169, 254, 169, 254], false),
        ([168, 63, 129, 16], false),
        ([9, 1, 2, 3], true),
        ([11, 1, 2, 3], true),
    ] {
        let ip = Ipv4Addr::from_octets(ip);
        for (form, outer) in forms_of(ip) {
            assert_eq!(
                denying.check(outer.into()).is_ok(),
                expected,
                "{form}: {outer}"
            );
            // Only entries count for it, not that it is in no list.
            let is_left_out = form == "mapped" && ip.octets()[0] != 9;
            let by_lists = !is_left_out && (expected || ip.octets()[0] == 10 || ip.is_loopback());
            assert_eq!(
                lists.check(outer.into()).is_ok(),
                by_lists,
                "{form}: {outer}"
            );
        }
    }
    // An allowed range around it does not speak for it, one about it does.
    let nat64 = "64:ff9b::10.1.2.3";
    assert!(!allows(&reach("64:ff9b::/96", "10.0.0.0/8"), nat64));
    assert!(!allows(&reach("64:ff9b::10.1.2.3", "10.0.0.0/8"), nat64));
    assert!(allows(&reach("64:ff9b::/96 10.1.2.3", "10.0.0.0/8"), nat64));
    // What only looks like one.
    for ip in [
        "::1",
        "2001:1::7f00:1",
        "2003:7f00:1::1",
        "65:ff9b::7f00:1",
        "2600::1:5efe:7f00:1",
    ] {
        assert!(allows(&reach("", "0.0.0.0/8 127.0.0.0/8"), ip), "{ip}");
    }
}

#[test]
fn the_unspecified_address_is_this_machine() {
    for (allow, deny, ip, expected) in [
        ("", "", "0.0.0.0", true),
        ("", "127.0.0.1", "0.0.0.0", false),
        ("", "127.0.0.1", "::ffff:0.0.0.0", false),
        ("", "127.0.0.1", "64:ff9b::", false),
        ("", "127.0.0.2", "0.0.0.0", true),
        ("", "0.0.0.0", "0.0.0.0", false),
        ("", "::1", "::", false),
        ("", "127.0.0.1", "::", true),
        ("", "::", "::1", true),
        ("0.0.0.0", "", "0.0.0.0", false),
        ("127.0.0.1", "", "0.0.0.0", false),
        ("0.0.0.0 127.0.0.1", "", "0.0.0.0", true),
        ("::/0", "", "::", true),
    ] {
        assert_eq!(
            allows(&reach(allow, deny), ip),
            expected,
            "+{allow} -{deny}: {ip}"
        );
    }
}

#[test]
fn ranges_are_read_strictly() {
    for (text, expected) in [
        ("10.0.0.0/8", Ok("10.0.0.0/8")),
        ("10.0.0.1", Ok("10.0.0.1")),
        ("10.0.0.1/32", Ok("10.0.0.1")),
        ("0.0.0.0/0", Ok("0.0.0.0/0")),
        ("FD00::/8", Ok("fd00::/8")),
        ("::1", Ok("::1")),
        ("::ffff:127.0.0.1", Ok("127.0.0.1")),
        ("::ffff:10.0.0.0/104", Ok("10.0.0.0/8")),
        ("::/80", Ok("::/80")),
        (
            "10.0.0.1/8",
            Err("10.0.0.0/8 is the range and 10.0.0.1 the address"),
        ),
        ("fe80::1/10", Err("fe80::/10 is the range")),
        ("::ffff:10.0.0.1/104", Err("has bits behind the prefix")),
        ("10.0.0.0/33", Err("a number up to 32")),
        ("10.0.0.0/", Err("a number up to 32")),
        ("10.0.0.0/+8", Err("a number up to 32")),
        ("10.0.0.0/08", Err("a number up to 32")),
        ("10.0.0.0/255.0.0.0", Err("a number up to 32")),
        ("::/129", Err("a number up to 128")),
        ("fe80::1%eth0", Err("fe80::1 means it in every zone")),
        ("010.0.0.0/8", Err("")),
        ("10/8", Err("")),
        ("127.1", Err("")),
        ("[::1]", Err("")),
        ("localhost", Err("")),
        ("10.0.0.1-10.0.0.9", Err("")),
        ("", Err("")),
        ("/8", Err("")),
    ] {
        let found = Range::parse(text).map(|range| range.to_string());
        match (&found, expected) {
            (Ok(range), Ok(expected)) => assert_eq!(range, expected),
            (Err(what), Err(part)) if what.is_none() => assert_eq!(part, "", "{text}"),
            (Err(Some(what)), Err(part)) if !part.is_empty() => {
                assert!(what.contains(part), "{text}: {what}");
            }
            _ => panic!("{text}: {found:?}"),
        }
    }
}

#[test]
fn what_is_written_of_a_denial_names_the_rule() {
    for (allow, deny, ip, expected) in [
        (
            "",
            "10.0.0.0/8",
            "10.1.2.3",
            "10.1.2.3 may not be probed: deny_addresses has 10.0.0.0/8",
        ),
        (
            "::1",
            "",
            "10.1.2.3",
            "10.1.2.3 may not be probed: allow_addresses has no range that holds it",
        ),
        (
            "",
            "",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::a9fe:a9fe may not be probed: it stands for 169.254.169.254, and \
             169.254.0.0/16 is denied unless allow_addresses has it or a part of it",
        ),
    ] {
        let denial = reach(allow, deny).check(ip.parse().expect("an address"));
        assert_eq!(denial.expect_err("denied").to_string(), expected);
    }
}
