//! The series of a probe, with the rules of presence that blackbox_exporter has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use tokio::net::TcpListener;

use crate::probe_endpoint::{ask, probe, series, start};
use crate::support::dns::{self, Script};
use crate::support::peer::{self, Then};
use crate::support::pki;

/// What every answer has.
pub const ALWAYS: [&str; 10] = [
    "probe_duration_seconds",
    "probe_failed_due_to_regex",
    "probe_http_content_length",
    "probe_http_redirects",
    "probe_http_ssl",
    "probe_http_status_code",
    "probe_http_uncompressed_body_length",
    "probe_http_version",
    "probe_success",
    "probe_timeout_seconds",
];

/// What is there once a name was looked up, found or not.
pub const LOOKED_UP: [&str; 4] = [
    "probe_dns_lookup_time_seconds",
    "probe_http_duration_seconds{phase=\"resolve\"}",
    "probe_ip_addr_hash",
    "probe_ip_protocol",
];

/// What is there once there was an address.
pub const CONNECTED: [&str; 4] = [
    "probe_http_duration_seconds{phase=\"connect\"}",
    "probe_http_duration_seconds{phase=\"processing\"}",
    "probe_http_duration_seconds{phase=\"tls\"}",
    "probe_http_duration_seconds{phase=\"transfer\"}",
];

pub fn assert_names(series: &BTreeMap<String, f64>, expected: &[&[&str]]) {
    let names: BTreeSet<&str> = series.keys().map(String::as_str).collect();
    let expected: BTreeSet<&str> = expected.concat().into_iter().collect();
    assert_eq!(names, expected);
}

pub fn assert_values(series: &BTreeMap<String, f64>, expected: &[(&str, f64)], what: &str) {
    for (name, value) in expected {
        assert_eq!(
            series.get(*name),
            Some(value),
            "{what}: {name} in {series:#?}"
        );
    }
}

/// Keys under `http`, what a peer answers, and values of series.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, f64)]);

#[rustfmt::skip]
const RESPONSES: &[Row<'_>] = &[
    ("", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
     &[("probe_success", 1.0), ("probe_http_status_code", 200.0), ("probe_http_content_length", 5.0), ("probe_http_uncompressed_body_length", 5.0), ("probe_http_version", 1.1), ("probe_http_redirects", 0.0), ("probe_http_ssl", 0.0), ("probe_failed_due_to_regex", 0.0), ("probe_ip_protocol", 4.0), ("probe_ip_addr_hash", 3_668_918_509.0)]),
    ("", "HTTP/1.0 200 OK\r\n\r\nhello",
     &[("probe_success", 1.0), ("probe_http_content_length", -1.0), ("probe_http_uncompressed_body_length", 5.0), ("probe_http_version", 1.0)]),
    ("", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
     &[("probe_success", 1.0), ("probe_http_content_length", -1.0), ("probe_http_uncompressed_body_length", 3.0)]),
    ("", "HTTP/1.1 204 No Content\r\n\r\n",
     &[("probe_success", 1.0), ("probe_http_status_code", 204.0), ("probe_http_content_length", 0.0)]),
    ("method: HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
     &[("probe_success", 1.0), ("probe_http_content_length", 5.0), ("probe_http_uncompressed_body_length", 0.0)]),
    ("", "HTTP/1.1 409 Conflict\r\nContent-Length: 5\r\n\r\nhello",
     &[("probe_success", 0.0), ("probe_http_status_code", 409.0), ("probe_http_content_length", 5.0), ("probe_failed_due_to_regex", 0.0)]),
    ("valid_status_codes: [409]", "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n",
     &[("probe_success", 1.0), ("probe_http_status_code", 409.0)]),
    ("", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
     &[("probe_success", 0.0), ("probe_http_status_code", 200.0), ("probe_http_content_length", 9.0), ("probe_http_uncompressed_body_length", 5.0)]),
    ("fail_if_header_matches: [{header: A, regexp: b}]", "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n",
     &[("probe_success", 0.0), ("probe_failed_due_to_regex", 1.0)]),
    ("fail_if_header_matches: [{header: A, regexp: b}]", "HTTP/1.1 200 OK\r\nA: c\r\nContent-Length: 0\r\n\r\n",
     &[("probe_success", 1.0), ("probe_failed_due_to_regex", 0.0)]),
    ("valid_http_versions: [HTTP/1.0]", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     &[("probe_success", 0.0), ("probe_failed_due_to_regex", 0.0), ("probe_http_version", 1.1)]),
];

#[tokio::test(flavor = "multi_thread")]
async fn responses_make_these_series() {
    for (http, response, expected) in RESPONSES {
        let peer = peer::answering(response.as_bytes().to_vec(), Then::Close).await;
        let exporter = start(&format!(
            "modules: {{m: {{prober: http, http: {{{http}}}}}}}\n"
        ));
        let series = probe(&exporter, &peer.address.to_string());
        assert_names(&series, &[&ALWAYS, &LOOKED_UP, &CONNECTED]);
        assert_values(&series, expected, response);
        let phase = |name| series[&format!("probe_http_duration_seconds{{phase=\"{name}\"}}")];
        assert_eq!((phase("resolve"), phase("tls")), (0.0, 0.0));
        assert!(phase("processing") > 0.0, "{series:#?}");
        assert!(phase("connect") > 0.0, "{series:#?}");
    }
}

/// Values of `Last-Modified` and the Unix time that they mean.
#[rustfmt::skip]
const DATES: &[(&str, Option<f64>)] = &[
    ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777.0)),
    ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777.0)),
    ("Sun Nov  6 08:49:37 1994", Some(784_111_777.0)),
    ("yesterday", None),
];

#[tokio::test(flavor = "multi_thread")]
async fn dates_are_told_if_they_can_be_read() {
    let exporter = start("modules: {m: {prober: http}}\n");
    for (date, expected) in DATES {
        let response =
            format!("HTTP/1.1 200 OK\r\nLast-Modified: {date}\r\nContent-Length: 0\r\n\r\n");
        let peer = peer::answering(response.into_bytes(), Then::Close).await;
        let series = probe(&exporter, &peer.address.to_string());
        let name = "probe_http_last_modified_timestamp_seconds";
        assert_eq!(series.get(name), expected.as_ref(), "{date}");
        let more: &[&str] = if expected.is_some() { &[name] } else { &[] };
        assert_names(&series, &[&ALWAYS, &LOOKED_UP, &CONNECTED, more]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_response_there_are_zeros() {
    let name_server = dns::serve(Script::Code(ResponseCode::NXDomain)).await;
    let resolver = name_server.address;
    let exporter = start(&format!(
        "modules: {{m: {{prober: http, timeout: 20s, http: {{resolver: '{resolver}'}}}}}}\n"
    ));
    let closed = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let refusing = closed.local_addr().unwrap().to_string();
    drop(closed);
    let closing = peer::answering(Vec::new(), Then::Close).await;
    let closing = closing.address.to_string();
    let always: &[&[&str]] = &[&ALWAYS];
    let looked_up: &[&[&str]] = &[&ALWAYS, &LOOKED_UP];
    let connected: &[&[&str]] = &[&ALWAYS, &LOOKED_UP, &CONNECTED];
    for (target, names) in [
        ("http://[::1", always),
        ("http://h:99999/", always),
        ("nope.test", looked_up),
        (&refusing, connected),
        (&closing, connected),
    ] {
        let series = probe(&exporter, target);
        assert_names(&series, names);
        for name in ALWAYS {
            let is_zero = series[name] == 0.0;
            let is_time = ["probe_duration_seconds", "probe_timeout_seconds"].contains(&name);
            assert!(is_zero || is_time, "{target}: {name} {}", series[name]);
        }
        assert_values(&series, &[("probe_timeout_seconds", 20.0)], target);
        let has_address = names.len() > 2;
        let protocol = series.get("probe_ip_protocol").copied();
        assert_eq!(protocol == Some(4.0), has_address, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_leaves_what_ran_until_then() {
    let peer = peer::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nh".to_vec(),
        Then::Hold,
    );
    let peer = peer.await;
    let silent = peer::serve(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let silent = silent.await;
    let exporter = start("modules: {m: {prober: http, timeout: 1s}}\n");
    for (peer, phase, code) in [(&peer, "transfer", 200.0), (&silent, "processing", 0.0)] {
        let series = probe(&exporter, &peer.address.to_string());
        assert_names(&series, &[&ALWAYS, &LOOKED_UP, &CONNECTED]);
        assert_values(
            &series,
            &[("probe_success", 0.0), ("probe_http_status_code", code)],
            phase,
        );
        let took = |phase| series[&format!("probe_http_duration_seconds{{phase=\"{phase}\"}}")];
        let others = ["connect", "processing", "transfer"].into_iter();
        let others = others.filter(|other| *other != phase).map(took);
        assert!(took(phase) > others.sum(), "{series:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_that_is_not_followed_is_counted_and_not_read() {
    let exporter = start(
        "modules: {m: {prober: http, http: {follow_redirects: false, valid_status_codes: [302]}}}\n",
    );
    for (location, redirects, length) in [("Location: /x\r\n", 1.0, 0.0), ("", 0.0, 5.0)] {
        let response = format!("HTTP/1.1 302 Found\r\n{location}Content-Length: 5\r\n\r\nhello");
        let peer = peer::answering(response.into_bytes(), Then::Close).await;
        let series = probe(&exporter, &peer.address.to_string());
        let expected = [
            ("probe_success", 1.0),
            ("probe_http_redirects", redirects),
            ("probe_http_content_length", 5.0),
            ("probe_http_uncompressed_body_length", length),
        ];
        assert_values(&series, &expected, location);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_text_whatever_is_asked_for() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let peer = peer::answering(ok, Then::Close).await;
    let exporter = start("");
    let wishes = "Accept-Encoding: gzip\r\nAccept: application/openmetrics-text\r\n";
    let path = format!("/probe?target={}", peer.address);
    let answer = ask(&exporter, &path, wishes);
    assert_eq!(series(&answer.body)["probe_success"], 1.0);
    let kind = "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(answer.head.contains(kind), "{}", answer.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed_to_the_final_response() {
    let (certificate, key) = pki::self_signed("a.test");
    let acceptor = pki::acceptor(certificate, key);
    let final_tls = peer::slow_in(None, Duration::ZERO, acceptor).await;
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec();
    let final_plain = peer::answering(ok, Then::Close).await;
    let exporter =
        start("modules: {m: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}}\n");
    for (location, success, redirects, ssl, length) in [
        (
            format!("http://{}/", final_plain.address),
            1.0,
            1.0,
            0.0,
            3.0,
        ),
        (
            format!("https://{}/", final_tls.address),
            1.0,
            1.0,
            1.0,
            8.0,
        ),
        // To itself, until it is enough.
        ("/".to_owned(), 0.0, 11.0, 0.0, 0.0),
    ] {
        let response = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n");
        let first = peer::answering(response.into_bytes(), Then::Close).await;
        let series = probe(&exporter, &first.address.to_string());
        let expected = [
            ("probe_success", success),
            ("probe_http_redirects", redirects),
            ("probe_http_ssl", ssl),
            ("probe_http_uncompressed_body_length", length),
            ("probe_ip_protocol", 4.0),
        ];
        assert_values(&series, &expected, &location);
        let of_tls = series
            .keys()
            .filter(|name| name.starts_with("probe_ssl_") || name.starts_with("probe_tls_"));
        assert_eq!(of_tls.count() > 0, ssl > 0.0, "{location}: {series:#?}");
        let tls = series["probe_http_duration_seconds{phase=\"tls\"}"];
        assert_eq!(tls > 0.0, ssl > 0.0, "{location}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_proxy_the_address_is_that_of_the_target() {
    let script = Script::Addresses(vec![[192, 0, 2, 1].into()], Duration::ZERO);
    let name_server = dns::serve(script).await;
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let proxy = peer::answering(ok, Then::Close).await;
    for skips in [false, true] {
        let exporter = start(&format!(
            "modules: {{m: {{prober: http, http: {{resolver: '{}', proxy_url: 'http://{}', \
             skip_resolve_phase_with_proxy: {skips}}}}}}}\n",
            name_server.address, proxy.address
        ));
        let series = probe(&exporter, "h.test");
        assert_eq!(series["probe_success"], 1.0, "{series:#?}");
        if skips {
            assert_names(&series, &[&ALWAYS, &CONNECTED]);
        } else {
            assert_names(&series, &[&ALWAYS, &LOOKED_UP, &CONNECTED]);
            assert_eq!(series["probe_ip_addr_hash"], 1_969_986_452.0);
        }
    }
}
