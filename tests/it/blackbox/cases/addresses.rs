//! Which address of which family is probed.

use crate::blackbox::case::{Case, case, ok};

pub fn cases() -> Vec<Case> {
    let v4 = |name| case(name).at("/", ok(""));
    let v6 = |name| v4(name).target("http://[::1]:{plain}/");
    let name = |name| v4(name).target("http://localhost:{plain}/");
    vec![
        v4("ipv4"),
        v4("ipv4_preferred").http("preferred_ip_protocol: ip4"),
        v4("ipv4_though_6_preferred").http("preferred_ip_protocol: ip6"),
        v4("ipv4_though_6_alone").http("preferred_ip_protocol: ip6, ip_protocol_fallback: false"),
        v4("ipv4_alone").http("preferred_ip_protocol: ip4, ip_protocol_fallback: false"),
        v4("ipv4_of_another_address").target("http://127.0.0.2:{plain}/"),
        v6("ipv6"),
        v6("ipv6_preferred").http("preferred_ip_protocol: ip6"),
        v6("ipv6_though_4_preferred").http("preferred_ip_protocol: ip4"),
        v6("ipv6_though_4_alone").http("preferred_ip_protocol: ip4, ip_protocol_fallback: false"),
        v6("ipv6_alone").http("preferred_ip_protocol: ip6, ip_protocol_fallback: false"),
        name("name"),
        name("name_by_ipv4").http("preferred_ip_protocol: ip4"),
        name("name_by_ipv6").http("preferred_ip_protocol: ip6"),
        name("name_by_ipv4_alone").http("preferred_ip_protocol: ip4, ip_protocol_fallback: false"),
        name("name_by_ipv6_alone").http("preferred_ip_protocol: ip6, ip_protocol_fallback: false"),
        v4("name_in_capitals")
            .target("http://LOCALHOST:{plain}/")
            .differs(
                "a URL has names in small letters",
                &[("request 1 host", "LOCALHOST:{plain}", "localhost:{plain}")],
            ),
        v4("ipv4_within_ipv6")
            .target("http://[::ffff:127.0.0.1]:{plain}/")
            .differs(
                "a URL has one way to write an address",
                &[(
                    "request 1 host",
                    "[::ffff:127.0.0.1]:{plain}",
                    "[::ffff:7f00:1]:{plain}",
                )],
            ),
    ]
}
