//! Proxies, with and without CONNECT.

use crate::blackbox::case::{Case, case, ok, redirect};

const PLAIN: &str = "proxy_url: 'http://127.0.0.1:{proxy}'";
const TUNNEL: &str = "proxy_url: 'http://127.0.0.1:{proxy}', tls_config: {ca_file: '{dir}/ca.pem'}";

fn plain(name: &'static str) -> Case {
    case(name).at("/", ok("hello"))
}

fn tls(name: &'static str) -> Case {
    plain(name).target("https://localhost:{tls}/")
}

pub fn cases() -> Vec<Case> {
    let mut cases = ways();
    cases.extend(what_goes_along());
    cases
}

fn ways() -> Vec<Case> {
    vec![
        plain("proxy").http(PLAIN),
        tls("proxy_tunnel").http(TUNNEL),
        plain("proxy_with_credentials").http("proxy_url: 'http://u:p@127.0.0.1:{proxy}'"),
        tls("proxy_tunnel_with_credentials").http(
            "proxy_url: 'http://u:p@127.0.0.1:{proxy}', tls_config: {ca_file: '{dir}/ca.pem'}",
        ),
        plain("proxy_with_connect_header")
            .http("proxy_url: 'http://127.0.0.1:{proxy}', proxy_connect_header: {X-Key: [a]}"),
        tls("proxy_tunnel_with_connect_header").http(
            "proxy_url: 'http://127.0.0.1:{proxy}', proxy_connect_header: {X-Key: [a, b]}, \
             tls_config: {ca_file: '{dir}/ca.pem'}",
        ),
        plain("proxy_denies").http("proxy_url: 'http://127.0.0.1:{denying_proxy}'"),
        tls("proxy_denies_tunnel").http(
            "proxy_url: 'http://127.0.0.1:{denying_proxy}', \
             tls_config: {ca_file: '{dir}/ca.pem'}",
        ),
        plain("proxy_is_not_there").http("proxy_url: 'http://127.0.0.1:{closed}'"),
        tls("proxy_for_tunnel_is_not_there").http("proxy_url: 'http://127.0.0.1:{closed}'"),
        plain("proxy_hangs_up").http("proxy_url: 'http://127.0.0.1:{hangs_up}'"),
        tls("proxy_for_tunnel_hangs_up").http("proxy_url: 'http://127.0.0.1:{hangs_up}'"),
        tls("proxy_for_tunnel_is_silent")
            .http("proxy_url: 'http://127.0.0.1:{silent}'")
            .timeout("500ms"),
        case("proxy_tunnel_to_nobody")
            .target("https://localhost:{closed}/")
            .http("proxy_url: 'http://127.0.0.1:{proxy}'"),
        tls("proxy_tunnel_to_unknown")
            .target("https://localhost:{unknown}/")
            .http(TUNNEL),
        plain("proxy_with_tls")
            .http(
                "proxy_url: 'https://localhost:{tls_proxy}', tls_config: {ca_file: '{dir}/ca.pem'}",
            )
            .differs(
                "TLS of a proxy is for the proxy's name, and none of the target's",
                &[
                    (
                        "hello 1",
                        "to tls_proxy, for nobody, *",
                        "to tls_proxy, for localhost, *",
                    ),
                    ("probe_http_ssl", "1", "0"),
                    ("probe_ssl_*", "*", "absent"),
                    ("probe_tls_*", "1", "absent"),
                    ("type of probe_ssl_*", "gauge", "absent"),
                    ("type of probe_tls_*", "gauge", "absent"),
                ],
            ),
        tls("proxy_tunnel_in_tls")
            .http(
                "proxy_url: 'https://localhost:{tls_proxy}', tls_config: {ca_file: '{dir}/ca.pem'}",
            )
            .differs(
                "a proxy is not spoken to in HTTP/2",
                &[(
                    "hello 1",
                    "to tls_proxy, for localhost, protocols *",
                    "to tls_proxy, for localhost, protocols []",
                )],
            ),
    ]
}

fn what_goes_along() -> Vec<Case> {
    vec![
        plain("proxy_that_resolves")
            .target("http://orders.test/")
            .http("proxy_url: 'http://127.0.0.1:{proxy}', skip_resolve_phase_with_proxy: true"),
        plain("proxy_that_resolves_with_port")
            .target("http://orders.test:81/")
            .http("proxy_url: 'http://127.0.0.1:{proxy}', skip_resolve_phase_with_proxy: true"),
        tls("proxy_tunnel_that_resolves")
            .target("https://orders.test:{other_name}/")
            .http(
                "proxy_url: 'http://127.0.0.1:{proxy}', skip_resolve_phase_with_proxy: true, \
             tls_config: {ca_file: '{dir}/ca.pem'}",
            ),
        plain("resolves_without_proxy").http("skip_resolve_phase_with_proxy: true"),
        plain("proxy_with_basic")
            .http("proxy_url: 'http://127.0.0.1:{proxy}', basic_auth: {username: u, password: p}"),
        plain("proxy_with_host")
            .http("proxy_url: 'http://127.0.0.1:{proxy}', headers: {Host: orders.test}"),
        case("proxy_and_redirect")
            .http(PLAIN)
            .at("/", redirect(302, "http://127.0.0.1:{other}/there"))
            .at("/there", ok("there")),
        case("proxy_and_redirect_to_tls")
            .http(TUNNEL)
            .at("/", redirect(302, "https://localhost:{tls}/there"))
            .at("/there", ok("there")),
        case("proxy_of_ipv6")
            .target("http://[::1]:{plain}/")
            .http(PLAIN)
            .at("/", ok("hello")),
    ]
}
