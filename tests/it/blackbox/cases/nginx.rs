//! nginx as the target: HTTP/2, compression, redirects.

use crate::blackbox::case::{Case, case};

const TRUSTING: &str = "tls_config: {ca_file: '{dir}/ca.pem'}";

pub fn cases() -> Vec<Case> {
    let plain = |name| case(name).target("http://127.0.0.1:{nginx}/");
    let tls = |name| {
        case(name)
            .target("https://localhost:{nginx_tls}/")
            .http(TRUSTING)
    };
    vec![
        plain("nginx"),
        plain("nginx_404").target("http://127.0.0.1:{nginx}/nothing"),
        plain("nginx_compressed").http("compression: gzip, headers: {Accept-Encoding: gzip}"),
        plain("nginx_moved").target("http://127.0.0.1:{nginx}/moved"),
        plain("nginx_to_tls")
            .target("http://127.0.0.1:{nginx}/to_tls")
            .http(TRUSTING),
        plain("nginx_host_with_a_space").http("headers: {Host: 'a b'}").differs("a Host is sent as it is written; Go once sent what was before the space, and now nothing", &[("probe_success", "1", "0"), ("probe_http_status_code", "200", "400"), ("probe_http_content_length", "2400", "157"), ("probe_http_uncompressed_body_length", "2400", "157"), ("*probe_http_last_modified_timestamp_seconds", "*", "absent")]),
        tls("http_2"),
        tls("http_2_off").http("enable_http2: false, tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_on").http("enable_http2: true, tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_listed")
            .http("valid_http_versions: [HTTP/2.0], tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_not_listed")
            .http("valid_http_versions: [HTTP/1.1], tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_404").target("https://localhost:{nginx_tls}/nothing"),
        tls("http_2_moved").target("https://localhost:{nginx_tls}/moved"),
        tls("http_2_head").http("method: HEAD, tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_post").http("method: POST, body: a, tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_compressed").http(
            "compression: gzip, headers: {Accept-Encoding: gzip}, \
             tls_config: {ca_file: '{dir}/ca.pem'}",
        ),
        tls("http_2_limit").http("body_size_limit: 9B, tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_headers")
            .target("https://localhost:{nginx_tls}/seen")
            .http(
                "method: PATCH, headers: {X-Seen: me, Host: orders.test}, \
             tls_config: {ca_file: '{dir}/ca.pem', server_name: localhost}, \
             fail_if_body_not_matches_regexp: ['^PATCH orders.test me$']",
            ),
        tls("http_2_through_a_proxy")
            .http("proxy_url: 'http://127.0.0.1:{proxy}', tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_unwanted").http("fail_if_ssl: true, tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("http_2_not_looked_at").http("tls_config: {insecure_skip_verify: true}"),
        tls("http_2_of_nobody_known").http(""),
    ]
}
