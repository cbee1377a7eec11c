//! Redirects: where they lead, how many are followed, and what goes with them.

use crate::blackbox::case::{Answer, Case, case, ok, raw, redirect, status};
use crate::support::peer::Then;

const TRUSTING: &str = "tls_config: {ca_file: '{dir}/ca.pem'}";

const ORIGIN: &str = "what lets somebody in stays with the origin that it is for";
const SEEN: &str = "a response that came is told of, though it leads nowhere";

pub fn cases() -> Vec<Case> {
    let mut cases = codes();
    cases.extend(locations());
    cases.extend(chains());
    cases.extend(methods());
    cases.extend(across());
    cases.extend(cookies());
    cases.extend(what_goes_along());
    cases
}

/// A case that is redirected by this answer to `/there`.
fn led(name: &'static str, by: Answer) -> Case {
    case(name).at("/", by).at("/there", ok("there"))
}

fn codes() -> Vec<Case> {
    vec![
        led("redirect_300", redirect(300, "/there")),
        led("redirect_301", redirect(301, "/there")),
        led("redirect_302", redirect(302, "/there")),
        led("redirect_303", redirect(303, "/there")),
        led("redirect_304", redirect(304, "/there")),
        led("redirect_305", redirect(305, "/there")),
        led("redirect_307", redirect(307, "/there")),
        led("redirect_308", redirect(308, "/there")),
        led("redirect_201", redirect(201, "/there")),
        led("redirect_off", redirect(302, "/there")).http("follow_redirects: false"),
        led("redirect_off_and_listed", redirect(302, "/there"))
            .http("follow_redirects: false, valid_status_codes: [302]"),
        led("redirect_off_and_matched", redirect(302, "/there")).http(
            "follow_redirects: false, valid_status_codes: [302], \
             fail_if_header_not_matches: [{header: Location, regexp: '^/there$'}]",
        ),
        led("redirect_off_in_the_old_way", redirect(302, "/there"))
            .http("no_follow_redirects: true, valid_status_codes: [302]"),
        led("redirect_on_in_the_old_way", redirect(302, "/there"))
            .http("no_follow_redirects: false"),
        led("redirect_on_in_both_ways", redirect(302, "/there"))
            .http("no_follow_redirects: false, follow_redirects: false"),
        led("redirect_off_with_body", moved("a long goodbye"))
            .http("follow_redirects: false, valid_status_codes: [302]"),
        led("redirect_listed_and_followed", redirect(302, "/there"))
            .http("valid_status_codes: [302]"),
    ]
}

fn locations() -> Vec<Case> {
    vec![
        led(
            "location_absolute",
            redirect(302, "http://127.0.0.1:{plain}/there"),
        ),
        led(
            "location_without_scheme",
            redirect(302, "//127.0.0.1:{plain}/there"),
        ),
        led("location_relative", redirect(302, "there")),
        led("location_of_a_query", redirect(302, "?q=1")).at("/?q=1", ok("found")),
        led("location_with_dots", redirect(302, "/a/../there")),
        led("location_with_fragment", redirect(302, "/there#end")),
        led("location_with_a_space", redirect(302, "/a b")).at("/a%20b", ok("")),
        led(
            "location_in_capitals",
            redirect(302, "HTTP://127.0.0.1:{plain}/there"),
        ),
        led("location_missing", status("302 Found")),
        led("location_empty", redirect(302, "")),
        led("location_broken", redirect(302, "http://[::1/")).differs(
            SEEN,
            &[
                ("probe_http_status_code", "0", "302"),
                ("probe_http_version", "0", "1.1"),
                ("probe_http_redirects", "0", "1"),
            ],
        ),
        led(
            "location_of_another_scheme",
            redirect(302, "ftp://127.0.0.1/there"),
        )
        .differs(
            SEEN,
            &[
                ("probe_http_status_code", "0", "302"),
                ("probe_http_version", "0", "1.1"),
            ],
        ),
        led("location_without_host", redirect(302, "mailto:someone")).differs(
            SEEN,
            &[
                ("probe_http_status_code", "0", "302"),
                ("probe_http_version", "0", "1.1"),
            ],
        ),
        led(
            "location_twice",
            redirect(302, "/there").with("Location", "/first"),
        )
        .at("/first", ok("")),
        led("location_that_answers_404", redirect(302, "/nowhere")),
        led(
            "location_where_nobody_is",
            redirect(302, "http://127.0.0.1:{closed}/"),
        ),
        led(
            "location_that_hangs_up",
            redirect(302, "http://127.0.0.1:{hangs_up}/"),
        ),
        led(
            "location_with_credentials",
            redirect(302, "http://u:p@127.0.0.1:{plain}/there"),
        ),
    ]
}

/// A redirect to `/there` with a body.
fn moved(body: &str) -> Answer {
    Answer {
        body: body.into(),
        ..raw(&format!(
            "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ))
    }
}

fn chains() -> Vec<Case> {
    const PATHS: [&str; 13] = [
        "/", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10", "/11", "/12",
    ];
    let chain = |name, hops: usize| {
        let mut made = case(name);
        for at in 0..hops {
            made = made.at(PATHS[at], redirect(302, PATHS[at + 1]));
        }
        made.at(PATHS[hops], ok("the end"))
    };
    vec![
        chain("chain_of_2", 2),
        chain("chain_of_9", 9),
        chain("chain_of_10", 10),
        chain("chain_of_11", 11),
        case("loop_of_one").at("/", redirect(301, "/")),
        case("loop_of_two")
            .at("/", redirect(302, "/a"))
            .at("/a", redirect(302, "/")),
        led("chain_with_bodies", moved("a long goodbye")),
        led("chain_with_a_body_that_never_ends", {
            let mut answer = moved("a long");
            answer.head = answer.head.replace("Length: 6", "Length: 9");
            answer.then(Then::Hold)
        })
        .timeout("500ms")
        .differs(
            "the body of a redirect is not read",
            &[
                ("probe_success", "0", "1"),
                ("probe_http_status_code", "0", "200"),
                ("probe_http_version", "0", "1.1"),
                ("probe_http_content_length", "0", "5"),
                ("probe_http_uncompressed_body_length", "0", "5"),
                ("connections to plain", "1", "2"),
                ("request 2*", "absent", "*"),
            ],
        ),
    ]
}

fn methods() -> Vec<Case> {
    let with_body = "method: POST, body: hello, headers: {Content-Type: text/plain}";
    vec![
        led("redirected_post_301", redirect(301, "/there"))
            .http(with_body)
            .differs(
                "what describes a body goes with it",
                &[("request 2 content-type", "text/plain", "absent")],
            ),
        led("redirected_post_302", redirect(302, "/there"))
            .http(with_body)
            .differs(
                "what describes a body goes with it",
                &[("request 2 content-type", "text/plain", "absent")],
            ),
        led("redirected_post_303", redirect(303, "/there"))
            .http(with_body)
            .differs(
                "what describes a body goes with it",
                &[("request 2 content-type", "text/plain", "absent")],
            ),
        led("redirected_post_307", redirect(307, "/there")).http(with_body),
        led("redirected_post_308", redirect(308, "/there")).http(with_body),
        led("redirected_put_301", redirect(301, "/there")).http("method: PUT, body: hello"),
        led("redirected_put_303", redirect(303, "/there")).http("method: PUT, body: hello"),
        led("redirected_put_307", redirect(307, "/there")).http("method: PUT, body: hello"),
        led("redirected_delete_302", redirect(302, "/there")).http("method: DELETE"),
        led("redirected_delete_308", redirect(308, "/there")).http("method: DELETE"),
        led("redirected_head_302", redirect(302, "/there")).http("method: HEAD"),
        led("redirected_head_303", redirect(303, "/there")).http("method: HEAD"),
        led("redirected_get_with_body_302", redirect(302, "/there")).http("body: hello"),
    ]
}

fn across() -> Vec<Case> {
    vec![
        led(
            "across_ports",
            redirect(302, "http://127.0.0.1:{other}/there"),
        ),
        led(
            "across_names",
            redirect(302, "http://localhost:{plain}/there"),
        )
        .http("preferred_ip_protocol: ip4"),
        led(
            "across_addresses",
            redirect(302, "http://127.0.0.2:{plain}/there"),
        ),
        led(
            "across_families",
            redirect(302, "http://[::1]:{plain}/there"),
        ),
        led(
            "across_to_tls",
            redirect(302, "https://localhost:{tls}/there"),
        )
        .http(TRUSTING),
        led(
            "across_to_tls_of_an_address",
            redirect(302, "https://127.0.0.1:{tls}/there"),
        )
        .http(TRUSTING),
        led(
            "across_to_tls_that_must_be",
            redirect(302, "https://localhost:{tls}/there"),
        )
        .http("fail_if_not_ssl: true, tls_config: {ca_file: '{dir}/ca.pem'}"),
        led(
            "across_to_tls_that_must_not_be",
            redirect(302, "https://localhost:{tls}/there"),
        )
        .http("fail_if_ssl: true, tls_config: {ca_file: '{dir}/ca.pem'}"),
        led(
            "across_to_tls_unknown",
            redirect(302, "https://localhost:{unknown}/there"),
        )
        .http(TRUSTING),
        led(
            "across_from_tls",
            redirect(302, "http://127.0.0.1:{plain}/there"),
        )
        .target("https://localhost:{tls}/")
        .http(TRUSTING),
        led(
            "across_from_tls_to_tls",
            redirect(302, "https://localhost:{other_tls}/there"),
        )
        .target("https://localhost:{tls}/")
        .http(TRUSTING),
        led("within_tls", redirect(302, "/there"))
            .target("https://localhost:{tls}/")
            .http(TRUSTING),
        // The name that TLS asks for is only for the first host.
        led(
            "across_tls_with_server_name",
            redirect(302, "https://localhost:{tls}/there"),
        )
        .target("https://127.0.0.1:{other_name}/")
        .http("tls_config: {ca_file: '{dir}/ca.pem', server_name: orders.test}"),
    ]
}

fn cookies() -> Vec<Case> {
    let set = |value: &str| redirect(302, "/there").with("Set-Cookie", value);
    vec![
        led("cookie", set("session=1")),
        led("cookie_of_a_path", set("session=1; Path=/there")),
        led("cookie_of_another_path", set("session=1; Path=/elsewhere")),
        led("cookie_for_tls", set("session=1; Secure")).differs(
            "loopback counts as secure, as it does in browsers",
            &[("request 2 cookie", "absent", "session=1")],
        ),
        led(
            "cookie_of_another_domain",
            set("session=1; Domain=orders.test"),
        ),
        led("cookie_expired", set("session=1; Max-Age=0")),
        led(
            "cookie_expired_by_date",
            set("a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT"),
        ),
        led("cookie_quoted", set("session=\"1 2\"")),
        led("cookie_without_name", set("=1")),
        led(
            "cookies",
            set("session=1; Path=/")
                .with("Set-Cookie", "b=2; Path=/")
                .with("Set-Cookie", "c=3; Path=/there")
                .with("Set-Cookie", "a=4; Path=/"),
        ),
        case("cookie_replaced")
            .at("/", redirect(302, "/a").with("Set-Cookie", "session=1"))
            .at("/a", redirect(302, "/b").with("Set-Cookie", "session=2"))
            .at("/b", ok("")),
        led("cookie_beside_a_header", set("session=1")).http("headers: {Cookie: own=1}"),
        led(
            "cookie_across_ports",
            redirect(302, "http://127.0.0.1:{other}/there").with("Set-Cookie", "a=1"),
        )
        .differs(ORIGIN, &[("request 2 cookie", "a=1", "absent")]),
        led(
            "cookie_across_hosts",
            redirect(302, "http://localhost:{plain}/there").with("Set-Cookie", "a=1"),
        )
        .http("preferred_ip_protocol: ip4"),
    ]
}

fn what_goes_along() -> Vec<Case> {
    let basic = "basic_auth: {username: u, password: p}";
    vec![
        led("basic_within", redirect(302, "/there")).http(basic),
        led(
            "basic_across_ports",
            redirect(302, "http://127.0.0.1:{other}/there"),
        )
        .http(basic)
        .differs(
            ORIGIN,
            &[("request 2 authorization", "Basic dTpw", "absent")],
        ),
        led(
            "basic_across_hosts",
            redirect(302, "http://127.0.0.2:{plain}/there"),
        )
        .http(basic)
        .differs(
            ORIGIN,
            &[("request 2 authorization", "Basic dTpw", "absent")],
        ),
        led(
            "bearer_across_hosts",
            redirect(302, "http://127.0.0.2:{plain}/there"),
        )
        .http("authorization: {credentials: t0ken}")
        .differs(
            ORIGIN,
            &[("request 2 authorization", "Bearer t0ken", "absent")],
        ),
        led("authorization_within", redirect(302, "/there"))
            .http("headers: {Authorization: Own 1}"),
        led(
            "authorization_across_hosts",
            redirect(302, "http://127.0.0.2:{plain}/there"),
        )
        .http("headers: {Authorization: Own 1}"),
        led("headers_within", redirect(302, "/there"))
            .http("headers: {X-Api-Key: k, Accept: text/plain, User-Agent: probe/1}"),
        led(
            "headers_across_hosts",
            redirect(302, "http://127.0.0.2:{plain}/there"),
        )
        .http("headers: {X-Api-Key: k, Accept: text/plain}")
        .differs(ORIGIN, &[("request 2 x-api-key", "k", "absent")]),
        led("host_within", redirect(302, "/there")).http("headers: {Host: orders.test}"),
        led(
            "host_across_ports",
            redirect(302, "http://127.0.0.1:{other}/there"),
        )
        .http("headers: {Host: orders.test}"),
        led("credentials_of_the_url_within", redirect(302, "/there"))
            .target("http://u:p@127.0.0.1:{plain}/"),
    ]
}
