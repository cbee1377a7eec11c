//! Which redirects are followed, how far, and as what request.

use httpcycle_exporter::outcome::reason::Reason;

use crate::redirects::site::{Script, Site, values};

/// Keys under `http`, the script, the requests as `ORIGIN METHOD PATH`, the code of the final
/// response, the redirects that led to it, and how it failed.
struct Row<'a> {
    http: &'a str,
    script: Script<'a>,
    requests: &'a [&'a str],
    code: u16,
    n_redirects: u8,
    failure: Option<Reason>,
}

const fn row<'a>(
    http: &'a str,
    script: Script<'a>,
    requests: &'a [&'a str],
    code: u16,
    n_redirects: u8,
    failure: Option<Reason>,
) -> Row<'a> {
    Row {
        http,
        script,
        requests,
        code,
        n_redirects,
        failure,
    }
}

const PUT: &str = "method: PUT, body: x, headers: {Content-Type: text/plain, X-A: b}";

#[rustfmt::skip]
const ROWS: &[Row<'_>] = &[
    // Where to.
    row("", &[("a /", "302 F\r\nLocation: /b?c=d#e")], &["a GET /", "a GET /b?c=d"], 200, 1, None),
    row("", &[("a /", "302 F\r\nLocation: b")], &["a GET /", "a GET /b"], 200, 1, None),
    row("", &[("a /", "302 F\r\nLocation: {b}/b")], &["a GET /", "b GET /b"], 200, 1, None),
    row("", &[("a /", "302 F\r\nLocation: //{b:}/b")], &["a GET /", "b GET /b"], 200, 1, None),
    row("", &[("a /", "302 F\r\nLocation: {s}/b")], &["a GET /", "s GET /b"], 200, 1, None),
    row("", &[("a /", "302 F\r\nLocation: {s}/"), ("s /", "302 F\r\nLocation: {b}/b")], &["a GET /", "s GET /", "b GET /b"], 200, 2, None),
    row("", &[("a /", "302 F\r\nLocation: ?q")], &["a GET /", "a GET /?q"], 200, 1, None),
    // As what request.
    row(PUT, &[("a /", "301 M\r\nLocation: /b")], &["a PUT /", "a GET /b"], 200, 1, None),
    row(PUT, &[("a /", "302 F\r\nLocation: /b")], &["a PUT /", "a GET /b"], 200, 1, None),
    row(PUT, &[("a /", "303 S\r\nLocation: /b")], &["a PUT /", "a GET /b"], 200, 1, None),
    row(PUT, &[("a /", "307 T\r\nLocation: /b")], &["a PUT /", "a PUT /b"], 200, 1, None),
    row(PUT, &[("a /", "308 P\r\nLocation: /b")], &["a PUT /", "a PUT /b"], 200, 1, None),
    row("method: HEAD", &[("a /", "303 S\r\nLocation: /b")], &["a HEAD /", "a HEAD /b"], 200, 1, None),
    // How far.
    row("", &[("a /", "302 F\r\nLocation: /")], &["a GET /"; 11], 302, 10, Some(Reason::RedirectLimit)),
    row("valid_status_codes: [302]", &[("a /", "302 F\r\nLocation: /")], &["a GET /"; 11], 302, 10, Some(Reason::RedirectLimit)),
    // Which not.
    row("follow_redirects: false", &[("a /", "302 F\r\nLocation: /b")], &["a GET /"], 302, 0, Some(Reason::ValidateStatus)),
    row("no_follow_redirects: true", &[("a /", "302 F\r\nLocation: /b")], &["a GET /"], 302, 0, Some(Reason::ValidateStatus)),
    row("no_follow_redirects: false, follow_redirects: false", &[("a /", "302 F\r\nLocation: /b")], &["a GET /", "a GET /b"], 200, 1, None),
    row("follow_redirects: false, valid_status_codes: [302]", &[("a /", "302 F\r\nLocation: /b")], &["a GET /"], 302, 0, None),
    row("follow_redirects: false", &[("a /", "302 F")], &["a GET /"], 302, 0, Some(Reason::ValidateStatus)),
    row("", &[("a /", "300 M\r\nLocation: /b")], &["a GET /"], 300, 0, Some(Reason::ValidateStatus)),
    row("", &[("a /", "304 N\r\nLocation: /b")], &["a GET /"], 304, 0, Some(Reason::ValidateStatus)),
    row("", &[("a /", "201 C\r\nLocation: /b")], &["a GET /"], 201, 0, None),
    row("", &[("a /", "409 C\r\nLocation: /b")], &["a GET /"], 409, 0, Some(Reason::ValidateStatus)),
    row("conflict: {codes: [302]}", &[("a /", "302 F\r\nLocation: /b\r\nTransfer-Encoding: chunked")], &["a GET /"], 302, 0, Some(Reason::ValidateStatus)),
    // Where nobody can go.
    row("", &[("a /", "302 F")], &["a GET /"], 302, 0, Some(Reason::RedirectLocation)),
    row("", &[("a /", "302 F\r\nLocation:")], &["a GET /"], 302, 0, Some(Reason::RedirectLocation)),
    row("valid_status_codes: [302]", &[("a /", "302 F")], &["a GET /"], 302, 0, None),
    row("", &[("a /", "302 F\r\nLocation: http://[::1")], &["a GET /"], 302, 0, Some(Reason::RedirectLocation)),
    row("", &[("a /", "302 F\r\nLocation: http://127.0.0.1:99999/")], &["a GET /"], 302, 0, Some(Reason::RedirectLocation)),
    row("", &[("a /", "302 F\r\nLocation: http://127.0.0.1:0/")], &["a GET /"], 302, 0, Some(Reason::RedirectLocation)),
    row("", &[("a /", "302 F\r\nLocation: http://")], &["a GET /"], 302, 0, Some(Reason::RedirectLocation)),
    row("", &[("a /", "302 F\r\nLocation: file:///etc/passwd")], &["a GET /"], 302, 0, Some(Reason::RedirectScheme)),
    row("", &[("a /", "302 F\r\nLocation: ftp://127.0.0.1/")], &["a GET /"], 302, 0, Some(Reason::RedirectScheme)),
    row("", &[("a /", "302 F\r\nLocation: mailto:a@b")], &["a GET /"], 302, 0, Some(Reason::RedirectScheme)),
    // What the final response is judged by.
    row("", &[("a /", "302 F\r\nLocation: /b"), ("a /b", "409 Conflict")], &["a GET /", "a GET /b"], 409, 1, Some(Reason::ValidateStatus)),
    row("conflict: {codes: [302]}", &[("a /", "302 F\r\nLocation: /b")], &["a GET /"], 302, 0, Some(Reason::ValidateStatus)),
    row("conflict: {codes: [302]}, valid_status_codes: [302]", &[("a /", "302 F\r\nLocation: /b")], &["a GET /"], 302, 0, None),
    row("fail_if_not_ssl: true", &[("a /", "302 F\r\nLocation: {s}/")], &["a GET /", "s GET /"], 200, 1, None),
    row("fail_if_ssl: true", &[("a /", "302 F\r\nLocation: {s}/")], &["a GET /", "s GET /"], 200, 1, Some(Reason::ValidateTlsForbidden)),
    row("fail_if_header_matches: [{header: X-A, regexp: b, allow_missing: true}]", &[("a /", "302 F\r\nX-A: b\r\nLocation: /b")], &["a GET /", "a GET /b"], 200, 1, None),
    row("fail_if_header_matches: [{header: Location, regexp: b}], follow_redirects: false, valid_status_codes: [302]", &[("a /", "302 F\r\nLocation: /b")], &["a GET /"], 302, 0, Some(Reason::ValidateHeader)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_followed_as_go_does() {
    let site = Site::start().await;
    for row in ROWS {
        let (outcome, requests) = site.probe("{a}/", row.http, row.script).await;
        let case = format!("{} {:?}", row.http, row.script);
        let asked: Vec<String> = requests
            .iter()
            .map(|(origin, head)| {
                let line = head.lines().next().unwrap();
                format!("{origin} {}", line.strip_suffix(" HTTP/1.1").unwrap())
            })
            .collect();
        assert_eq!(asked, row.requests, "{case}");
        let response = outcome.response.unwrap();
        assert_eq!(response.code, row.code, "{case}");
        assert_eq!(response.redirects, row.n_redirects, "{case}");
        let failure = outcome.failure.as_ref().map(|failure| failure.reason);
        assert_eq!(failure, row.failure, "{case}: {:?}", outcome.failure);
    }
}

/// The body of a redirect that leads nowhere tells nothing, unless it is wanted as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_without_a_location_is_read_where_it_is_wanted() {
    let site = Site::start().await;
    for (http, n_bytes) in [
        ("", 0),
        ("valid_status_codes: [302]", 3),
        ("conflict: {codes: [302]}", 3),
        ("follow_redirects: false", 3),
    ] {
        let (outcome, _) = site.probe("{a}/", http, &[("a /", "302 F")]).await;
        assert_eq!(outcome.response.unwrap().body_bytes, n_bytes, "{http}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_and_what_describes_them_go_together() {
    let site = Site::start().await;
    for (status, length, kind) in [
        ("303", vec![], vec![]),
        ("307", vec!["1"], vec!["text/plain"]),
    ] {
        let answer = format!("{status} R\r\nLocation: /b");
        let (_, requests) = site.probe("{a}/", PUT, &[("a /", &answer)]).await;
        let [_, (_, second)] = &*requests else {
            panic!("{requests:?}")
        };
        assert_eq!(values(second, "content-length"), length, "{status}");
        assert_eq!(values(second, "content-type"), kind, "{status}");
        assert_eq!(values(second, "x-a"), ["b"], "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_header_stays_while_no_other_host_is_named() {
    let site = Site::start().await;
    for (location, expected) in [
        ("/b", "virtual.test"),
        ("b", "virtual.test"),
        ("{a}/b", "{a:}"),
        ("//{a:}/b", "{a:}"),
        ("{b}/b", "{b:}"),
    ] {
        let answer = format!("302 F\r\nLocation: {location}");
        let http = "headers: {Host: virtual.test}";
        let (_, requests) = site.probe("{a}/", http, &[("a /", &answer)]).await;
        let (_, second) = requests.last().unwrap();
        assert_eq!(values(second, "host"), [site.fill(expected)], "{location}");
    }
}
