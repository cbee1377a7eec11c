//! What a module wants of a response besides its status: rules as users write them, against real
//! sockets.

use std::path::Path;
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::outcome::{Outcome, Verdict};
use httpcycle_exporter::target::module::Module;
use tokio::io::AsyncWriteExt;

use crate::support::peer::{self, Then};
use crate::support::{pki, probing};

/// Longer than any probe takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The module `m` of a configuration that has these keys under `http`.
fn module(http: &str) -> Module {
    let text = format!("modules: {{m: {{prober: http, http: {{{http}}}}}}}\n");
    let config = config::parse("f.yml", Path::new(""), &text, &|_| Ok(()));
    let config = config.unwrap_or_else(|problems| panic!("{text}{problems}"));
    Module::clone(&config.modules["m"].module)
}

/// Keys under `http`, the status line and headers of a response, and the reason and words of the
/// failure that they make.
type Row<'a> = (&'a str, &'a str, Option<(R, &'a str)>);

const fn header(detail: &str) -> Option<(R, &str)> {
    Some((R::ValidateHeader, detail))
}

const MATCHES: &str = "fail_if_header_matches: [{header: X-A, regexp: 'a.c'}]";
const MATCHES_IF_THERE: &str =
    "fail_if_header_matches: [{header: X-A, regexp: 'a.c', allow_missing: true}]";
const NOT_MATCHES: &str = "fail_if_header_not_matches: [{header: x-a, regexp: '^a$'}]";
const NOT_MATCHES_IF_THERE: &str =
    "fail_if_header_not_matches: [{header: x-a, regexp: '^a$', allow_missing: true}]";
const BOTH: &str = "fail_if_header_matches: [{header: X-A, regexp: b}, {header: X-B, regexp: b}], \
                    fail_if_header_not_matches: [{header: X-A, regexp: a}]";
const ALL: &str = "valid_status_codes: [200, 409], enable_http2: false, valid_http_versions: [HTTP/2.0], fail_if_not_ssl: true, \
                   fail_if_header_matches: [{header: X-A, regexp: a}]";

#[rustfmt::skip]
const ROWS: &[Row<'_>] = &[
    ("valid_http_versions: []", "1.0 200 OK", None),
    ("valid_http_versions: [HTTP/1.1]", "1.1 200 OK", None),
    ("valid_http_versions: [HTTP/1.1]", "1.0 200 OK", Some((R::ValidateHttpVersion, "HTTP/1.0 instead of HTTP/1.1"))),
    ("valid_http_versions: [HTTP/1.0]", "1.0 200 OK", None),
    ("valid_http_versions: [HTTP/1.0, HTTP/1.1]", "1.1 200 OK", None),
    ("valid_http_versions: [HTTP/1.0, HTTP/2.0]", "1.1 200 OK", Some((R::ValidateHttpVersion, "HTTP/1.1 instead of HTTP/1.0 or HTTP/2.0"))),
    ("valid_http_versions: [HTTP/1]", "1.1 200 OK", Some((R::ValidateHttpVersion, "HTTP/1.1 instead of HTTP/1"))),
    ("fail_if_ssl: true", "1.1 200 OK", None),
    ("fail_if_not_ssl: false", "1.1 200 OK", None),
    ("fail_if_not_ssl: true", "1.1 200 OK", Some((R::ValidateTlsRequired, "the response came without TLS"))),
    (MATCHES, "1.1 200 OK\r\nX-A: b", None),
    (MATCHES, "1.1 200 OK\r\nx-a: xabcx", header(r#"header x-a matches "a.c""#)),
    (MATCHES, "1.1 200 OK\r\nX-A: b\r\nX-A: abc", header(r#"header x-a matches "a.c""#)),
    (MATCHES, "1.1 200 OK\r\nX-A:", None),
    (MATCHES, "1.1 200 OK\r\nX-B: abc", header("header x-a is missing")),
    (MATCHES_IF_THERE, "1.1 200 OK\r\nX-B: abc", None),
    (MATCHES_IF_THERE, "1.1 200 OK\r\nX-A: abc", header(r#"header x-a matches "a.c""#)),
    (NOT_MATCHES, "1.1 200 OK\r\nX-A:  a ", None),
    (NOT_MATCHES, "1.1 200 OK\r\nX-A: ab", header(r#"header x-a does not match "^a$""#)),
    (NOT_MATCHES, "1.1 200 OK\r\nX-A: b\r\nX-A: a", None),
    (NOT_MATCHES, "1.1 200 OK", header("header x-a is missing")),
    (NOT_MATCHES_IF_THERE, "1.1 200 OK", None),
    (NOT_MATCHES_IF_THERE, "1.1 200 OK\r\nX-A: b", header(r#"header x-a does not match "^a$""#)),
    (BOTH, "1.1 200 OK\r\nX-A: a\r\nX-B: c", None),
    (BOTH, "1.1 200 OK\r\nX-A: c\r\nX-B: b", header(r#"header x-b matches "b""#)),
    (BOTH, "1.1 200 OK\r\nX-A: c\r\nX-B: c", header(r#"header x-a does not match "a""#)),
    (ALL, "1.1 500 No\r\nX-A: a", Some((R::ValidateStatus, "status 500"))),
    (ALL, "1.1 200 OK\r\nX-A: a", header(r#"header x-a matches "a""#)),
    (ALL, "1.1 409 No\r\nX-A: a", header(r#"header x-a matches "a""#)),
    (ALL, "1.1 200 OK\r\nX-A: b", Some((R::ValidateHttpVersion, "HTTP/1.1 instead of HTTP/2.0"))),
];

fn shown(outcome: &Outcome) -> Option<(R, &str)> {
    let failure = outcome.failure.as_ref()?;
    Some((failure.reason, failure.detail.as_str()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_are_as_the_module_wants_them_or_not() {
    for &(http, head, expected) in ROWS {
        let bytes = format!("HTTP/{head}\r\nContent-Length: 2\r\n\r\nab").into_bytes();
        let peer = peer::answering(bytes, Then::Hold).await;
        let url = format!("http://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module(http), PATIENCE)).await;
        assert_eq!(shown(&outcome), expected, "{http}: {head}");
        assert_eq!(outcome.response.unwrap().body_bytes, 2, "{http}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_can_be_forbidden_and_required() {
    let authority = pki::Authority::new();
    let acceptor = authority.server("127.0.0.1");
    let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
    let url = format!("https://{}/", peer.address);
    for (http, expected) in [
        ("fail_if_ssl: false", None),
        ("fail_if_not_ssl: true", None),
        (
            "fail_if_ssl: true",
            Some((R::ValidateTlsForbidden, "the response came over TLS")),
        ),
    ] {
        let module = Module {
            tls: authority.trusted(),
            ..module(http)
        };
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(shown(&outcome), expected, "{http}");
        assert!(outcome.response.is_some(), "{http}");
    }
}

/// An unexpected conflict stays one, and a response that broke stays broken, whatever else is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_and_broken_responses_are_not_judged_further() {
    let wants = "fail_if_not_ssl: true, fail_if_header_matches: [{header: X-A, regexp: a}]";
    for (bytes, verdict, expected) in [
        (
            "HTTP/1.1 409 C\r\nX-A: a\r\nContent-Length: 0\r\n\r\n",
            Verdict::Conflict,
            R::ValidateStatus,
        ),
        (
            "HTTP/1.1 200 OK\r\nX-A: a\r\nContent-Length: 9\r\n\r\nhalf",
            Verdict::Failure,
            R::TransferBodyTruncated,
        ),
    ] {
        let peer = peer::serve(move |mut stream| async move {
            peer::read_request(&mut stream).await;
            stream.write_all(bytes.as_bytes()).await.unwrap();
            peer::finish(stream, Then::Close).await;
        })
        .await;
        let url = format!("http://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module(wants), PATIENCE)).await;
        assert_eq!(outcome.verdict(), verdict, "{bytes}");
        assert_eq!(
            outcome.failure.map(|failure| failure.reason),
            Some(expected)
        );
    }
}

/// Judging is the exporter's own time, however long it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judging_is_overhead() {
    // Each place has its own set of beginnings, so that a search cannot remember any.
    let mut state = 1_u32;
    let value: String = (0..40_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 0 { 'a' } else { 'b' }
        })
        .collect();
    let bytes = format!("HTTP/1.1 200 OK\r\nX-A: {value}\r\nContent-Length: 0\r\n\r\n");
    let peer = peer::answering(bytes.into_bytes(), Then::Hold).await;
    let url = format!("http://{}/", peer.address);
    let mut overheads = Vec::new();
    for regexp in ["a[ab]{300}[^ab]", "^x"] {
        let http = format!("fail_if_header_matches: [{{header: X-A, regexp: '{regexp}'}}]");
        let outcome = probing::probe(&probing::prober(&url, module(&http), PATIENCE)).await;
        assert_eq!(outcome.verdict(), Verdict::Success);
        overheads.push(outcome.timeline.overhead());
    }
    assert!(overheads[0] > 4 * overheads[1], "{overheads:?}");
}
