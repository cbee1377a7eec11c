//! Servers that do not do what they ought to.

use crate::blackbox::case::{Case, case, raw};
use crate::support::peer::Then;

pub fn cases() -> Vec<Case> {
    let sends = |name, bytes: &str| case(name).at("/", raw(bytes));
    vec![
        case("nobody_listens").target("http://127.0.0.1:{closed}/"),
        case("nobody_listens_over_tls").target("https://127.0.0.1:{closed}/"),
        case("closed_at_once").target("http://127.0.0.1:{hangs_up}/"),
        case("reset_at_once").target("http://127.0.0.1:{resets}/"),
        sends("closed_without_a_word", ""),
        case("reset_without_a_word").at("/", raw("").then(Then::Reset)),
        sends("closed_in_the_status", "HTTP/1.1 20"),
        sends("closed_in_the_head", "HTTP/1.1 200 OK\r\nContent-Le"),
        sends("no_http", "220 mail.example ESMTP\r\n"),
        sends("no_http_version", "HTTP/x.1 200 OK\r\n\r\n"),
        sends("version_0_9", "HTTP/0.9 200 OK\r\n\r\n").differs(
            "HTTP in text is 1.0 or 1.1",
            &[
                ("probe_success", "1", "0"),
                ("probe_http_status_code", "200", "0"),
                ("probe_http_version", "0.9", "0"),
                ("probe_http_content_length", "-1", "0"),
            ],
        ),
        sends(
            "version_2_in_text",
            "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        )
        .differs(
            "HTTP in text is 1.0 or 1.1",
            &[
                ("probe_success", "1", "0"),
                ("probe_http_status_code", "200", "0"),
                ("probe_http_version", "2", "0"),
            ],
        ),
        sends("status_of_letters", "HTTP/1.1 OK\r\n\r\n"),
        sends("status_of_two_digits", "HTTP/1.1 20 OK\r\n\r\n"),
        sends("status_of_four_digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        sends("header_without_colon", "HTTP/1.1 200 OK\r\nnothing\r\n\r\n").differs(
            "a response counts once its head is whole, lest a conflict be missed",
            &[
                ("probe_http_content_length", "0", "-1"),
                ("probe_http_status_code", "0", "200"),
                ("probe_http_version", "0", "1.1"),
            ],
        ),
        sends(
            "header_with_space",
            "HTTP/1.1 200 OK\r\nX Y: 1\r\nContent-Length: 0\r\n\r\n",
        )
        .differs(
            "a name of a header has no spaces (RFC 9112, 5.1), and newer Go refuses them too",
            &[
                ("probe_success", "1", "0"),
                ("probe_http_content_length", "0", "-1"),
            ],
        ),
        sends(
            "header_folded",
            "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
        ),
        sends(
            "header_ended_by_lf",
            "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        ),
        sends(
            "upgrade_unasked",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        ),
        sends(
            "transfer_encoding_unknown",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        )
        .differs(
            "a response that came is told of, though its body cannot be read",
            &[
                ("probe_http_status_code", "0", "200"),
                ("probe_http_version", "0", "1.1"),
                ("probe_http_content_length", "0", "-1"),
            ],
        ),
    ]
}
