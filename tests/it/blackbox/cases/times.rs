//! Timeouts, of the module and of Prometheus.

use std::time::Duration;

use crate::blackbox::case::{Case, case, ok, raw};
use crate::support::peer::Then;

/// Longer than any timeout of a case that is to fail.
const LONG: Duration = Duration::from_secs(60);

fn slow(name: &'static str) -> Case {
    case(name).at("/", ok("late").after(LONG))
}

pub fn cases() -> Vec<Case> {
    let mut cases = of_modules();
    cases.extend(of_prometheus());
    cases
}

fn of_modules() -> Vec<Case> {
    vec![
        slow("late_head").timeout("300ms"),
        case("late_body").timeout("300ms").at(
            "/",
            raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then(Then::Hold),
        ),
        case("late_body_matches")
            .timeout("300ms")
            .http("fail_if_body_matches_regexp: [half]")
            .at(
                "/",
                raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then(Then::Hold),
            ),
        case("late_head_in_part")
            .timeout("300ms")
            .at("/", raw("HTTP/1.1 200 OK\r\nContent-").then(Then::Hold)),
        case("late_connection")
            .timeout("300ms")
            .target("http://127.0.0.1:{full}/"),
        case("late_handshake")
            .timeout("300ms")
            .target("https://127.0.0.1:{silent}/"),
        case("late_answer")
            .timeout("300ms")
            .target("http://127.0.0.1:{silent}/"),
        case("late_after_redirect")
            .timeout("300ms")
            .at("/", crate::blackbox::case::redirect(302, "/late"))
            .at("/late", ok("late").after(LONG)),
    ]
}

fn of_prometheus() -> Vec<Case> {
    let quick = |name| case(name).at("/", ok("soon"));
    vec![
        slow("timeout_of_prometheus").headers("X-Prometheus-Scrape-Timeout-Seconds: 0.8\r\n"),
        slow("timeout_of_prometheus_longer")
            .timeout("300ms")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: 30\r\n"),
        slow("timeout_of_prometheus_below_offset")
            .timeout("300ms")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: 0.2\r\n"),
        slow("timeout_of_prometheus_negative")
            .timeout("300ms")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: -5\r\n"),
        slow("timeout_of_prometheus_zero")
            .timeout("300ms")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: 0\r\n"),
        quick("timeout_of_prometheus_enough").headers("X-Prometheus-Scrape-Timeout-Seconds: 9\r\n"),
        quick("timeout_of_prometheus_is_the_offset")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: 0.5\r\n")
            .differs(
                "a limit that cannot be is left alone, so that the target is not charged with it",
                &[
                    ("probe_success", "0", "1"),
                    ("probe_http_status_code", "0", "200"),
                    ("probe_http_version", "0", "1.1"),
                    ("probe_http_content_length", "0", "4"),
                    ("probe_http_uncompressed_body_length", "0", "4"),
                    ("connections to plain", "absent", "1"),
                    ("request 1*", "absent", "*"),
                ],
            ),
        quick("timeout_of_prometheus_in_words")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: soon\r\n"),
        quick("timeout_of_prometheus_without_end")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: 1e300\r\n"),
        quick("timeout_of_prometheus_infinite")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: inf\r\n"),
        quick("timeout_of_prometheus_no_number")
            .headers("X-Prometheus-Scrape-Timeout-Seconds: nan\r\n")
            .differs(
                "a limit that cannot be is left alone, so that the target is not charged with it",
                &[
                    ("probe_success", "0", "1"),
                    ("probe_http_status_code", "0", "200"),
                    ("probe_http_version", "0", "1.1"),
                    ("probe_http_content_length", "0", "4"),
                    ("probe_http_uncompressed_body_length", "0", "4"),
                    ("connections to plain", "absent", "1"),
                    ("request 1*", "absent", "*"),
                ],
            ),
        quick("timeout_of_prometheus_empty").headers("X-Prometheus-Scrape-Timeout-Seconds:\r\n"),
    ]
}
