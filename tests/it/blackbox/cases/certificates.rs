//! TLS: certificates of both sides, names, versions.

use crate::blackbox::case::{Case, case, ok};

const TRUSTING: &str = "tls_config: {ca_file: '{dir}/ca.pem'}";
const ITSELF: &str = "tls_config: {ca_file: '{dir}/itself.pem'}";
const BLIND: &str = "tls_config: {insecure_skip_verify: true}";
const CLIENT: &str = "tls_config: {ca_file: '{dir}/ca.pem', \
                      cert_file: '{dir}/client.pem', key_file: '{dir}/client.key'}";

pub fn cases() -> Vec<Case> {
    let mut cases = certificates();
    cases.extend(names());
    cases.extend(versions());
    cases
}

fn to(name: &'static str, target: &'static str) -> Case {
    case(name).target(target).at("/", ok("hello"))
}

fn certificates() -> Vec<Case> {
    vec![
        to("tls", "https://localhost:{tls}/").http(TRUSTING),
        to("tls_of_an_address", "https://127.0.0.1:{tls}/").http(TRUSTING),
        to("tls_not_looked_at", "https://localhost:{tls}/").http(BLIND),
        to("tls_of_nobody_known", "https://localhost:{tls}/"),
        to("tls_unknown", "https://localhost:{unknown}/").http(TRUSTING),
        to("tls_unknown_not_looked_at", "https://localhost:{unknown}/").http(BLIND),
        to("tls_self_signed", "https://localhost:{self_signed}/").http(TRUSTING),
        to(
            "tls_self_signed_not_looked_at",
            "https://localhost:{self_signed}/",
        )
        .http(BLIND),
        to("tls_trusted_itself", "https://localhost:{trusted_itself}/").http(ITSELF),
        to(
            "tls_trusted_itself_of_another_name",
            "https://127.0.0.1:{trusted_itself}/",
        )
        .http(ITSELF),
        to("tls_of_an_authority", "https://localhost:{authority}/").http(TRUSTING),
        to("tls_expired", "https://localhost:{expired}/").http(TRUSTING),
        to("tls_expired_not_looked_at", "https://localhost:{expired}/").http(BLIND),
        to("tls_early", "https://localhost:{early}/").http(TRUSTING),
        to("tls_early_not_looked_at", "https://localhost:{early}/").http(BLIND),
        to("tls_for_clients", "https://localhost:{mutual}/").http(CLIENT),
        to("tls_for_clients_without", "https://localhost:{mutual}/").http(TRUSTING),
        to("tls_client_not_asked_for", "https://localhost:{tls}/").http(CLIENT),
        to("tls_to_plain", "https://localhost:{plain}/").http(TRUSTING),
        to("plain_to_tls", "http://localhost:{tls}/"),
        to("tls_hangs_up", "https://localhost:{hangs_up}/").http(TRUSTING),
        to("tls_resets", "https://localhost:{resets}/").http(TRUSTING),
    ]
}

fn names() -> Vec<Case> {
    vec![
        to("tls_of_another_name", "https://localhost:{other_name}/").http(TRUSTING),
        to(
            "tls_of_another_name_not_looked_at",
            "https://localhost:{other_name}/",
        )
        .http(BLIND),
        to("server_name", "https://127.0.0.1:{other_name}/")
            .http("tls_config: {ca_file: '{dir}/ca.pem', server_name: orders.test}"),
        to("server_name_of_another", "https://localhost:{tls}/")
            .http("tls_config: {ca_file: '{dir}/ca.pem', server_name: orders.test}"),
        to("server_name_of_host", "https://127.0.0.1:{other_name}/")
            .http("tls_config: {ca_file: '{dir}/ca.pem'}, headers: {Host: orders.test}"),
        to("server_name_beside_host", "https://127.0.0.1:{tls}/").http(
            "tls_config: {ca_file: '{dir}/ca.pem', server_name: localhost}, \
             headers: {Host: orders.test}",
        ),
        to(
            "server_name_of_parameter",
            "https://127.0.0.1:{other_name}/",
        )
        .http(TRUSTING)
        .further("&hostname=orders.test"),
        to(
            "server_name_of_host_with_port",
            "https://127.0.0.1:{other_name}/",
        )
        .http("tls_config: {ca_file: '{dir}/ca.pem'}, headers: {Host: 'orders.test:443'}")
        .differs(
            "the port of a Host header is no part of the name that TLS asks for",
            &[
                ("hello 1", "absent", "to other_name, for orders.test, *"),
                ("probe_success", "0", "1"),
                ("probe_http_status_code", "0", "200"),
                ("probe_http_version", "0", "1.1"),
                ("probe_http_ssl", "0", "1"),
                ("probe_http_content_length", "0", "5"),
                ("probe_http_uncompressed_body_length", "0", "5"),
                ("probe_ssl_last*", "absent", "*"),
                ("probe_tls_version_info*", "absent", "1"),
                ("type of probe_ssl_last*", "absent", "gauge"),
                ("type of probe_tls_version_info", "absent", "gauge"),
                ("request 1", "absent", "to other_name: GET / HTTP/1.1"),
                ("request 1 *", "absent", "*"),
            ],
        ),
    ]
}

fn versions() -> Vec<Case> {
    vec![
        to("tls_1_2", "https://localhost:{tls12}/").http(TRUSTING),
        to("tls_1_3", "https://localhost:{tls13}/").http(TRUSTING),
        to("tls_1_2_at_most", "https://localhost:{tls}/")
            .http("tls_config: {ca_file: '{dir}/ca.pem', max_version: TLS12}"),
        to("tls_1_2_at_most_in_vain", "https://localhost:{tls13}/")
            .http("tls_config: {ca_file: '{dir}/ca.pem', max_version: TLS12}"),
        to("tls_1_3_at_least", "https://localhost:{tls}/")
            .http("tls_config: {ca_file: '{dir}/ca.pem', min_version: TLS13}"),
        to("tls_1_3_at_least_in_vain", "https://localhost:{tls12}/")
            .http("tls_config: {ca_file: '{dir}/ca.pem', min_version: TLS13}"),
        to("tls_without_http_2", "https://localhost:{tls}/")
            .http("enable_http2: false, tls_config: {ca_file: '{dir}/ca.pem'}"),
    ]
}
