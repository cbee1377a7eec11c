//! Where servers send who asks.

use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::catalogue::{Behaviour, Stage, sessions};
use crate::support::peer::Then::{Hold, Reset};
use crate::support::{http2, peer};

pub fn all() -> Vec<Behaviour> {
    [
        endless(),
        nowhere(),
        unread(),
        elsewhere(),
        not_followed(),
        misframed(),
        followed(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A peer that answers `/` with these lines and everything else with 204. `{here}` is its address.
fn leading(name: &str, head: impl Into<String>) -> Behaviour {
    let head = head.into();
    Behaviour::new(format!("redirect: {name}"), move || {
        let head = head.clone();
        async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let head = head.replace("{here}", &address.to_string());
            let head = head.replace("{port}", &address.port().to_string());
            let peer = peer::serve_on(listener, std::time::Duration::ZERO, move |mut stream| {
                let head = head.clone();
                async move {
                    let request = peer::read_request(&mut stream).await;
                    let answer = match request.split(' ').nth(1) {
                        Some("/") => format!("HTTP/1.1 {head}\r\n\r\n"),
                        _ => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                    };
                    if stream.write_all(answer.as_bytes()).await.is_ok() {
                        peer::finish(stream, Hold).await;
                    }
                }
            });
            Stage::of(peer)
        }
    })
}

/// A 302 with this Location.
fn to(name: &str, location: &str) -> Behaviour {
    leading(name, format!("302 Found\r\nLocation: {location}"))
}

#[rustfmt::skip]
fn endless() -> Vec<Behaviour> {
    let always = |name: &str, head: &str| {
        let bytes = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
        Behaviour::answering(format!("redirect: {name}"), bytes, Hold).fails(R::RedirectLimit)
    };
    vec![
        always("301 without an end", "301 Moved\r\nLocation: /x").counts(301),
        always("302 without an end", "302 Found\r\nLocation: /x").counts(302),
        always("303 without an end", "303 See\r\nLocation: /x").counts(303),
        always("307 without an end", "307 T\r\nLocation: /x").counts(307),
        always("308 without an end", "308 P\r\nLocation: /x").counts(308),
        always("deeper and deeper", "302 Found\r\nLocation: x/").counts(302),
        to("to itself", "/").fails(R::RedirectLimit).counts(302),
        to("to itself, in full", "http://{here}/").fails(R::RedirectLimit).counts(302),
        to("to itself, with a fragment", "#here").fails(R::RedirectLimit).counts(302),
    ]
}

fn nowhere() -> Vec<Behaviour> {
    let mut rows = vec![
        leading("without a Location", "302 Found\r\nContent-Length: 0"),
        leading(
            "with an empty Location",
            "302 Found\r\nLocation:\r\nContent-Length: 0",
        ),
        leading(
            "with a Location of spaces",
            "302 Found\r\nLocation:   \r\nContent-Length: 0",
        ),
        to(
            "to a Location of 100 kB",
            &format!("/{}", "a".repeat(100_000)),
        ),
        to(
            "to a name of 300 bytes",
            &format!("http://{}/", "a.".repeat(150)),
        ),
        to(
            "to a label of 64 bytes",
            &format!("http://{}.test/", "a".repeat(64)),
        ),
    ];
    for location in [
        "http:/b",
        "http:b",
        "HTTP:",
        "https:?b",
        "http:////{here}/b",
        "http:///{here}/b",
        "http:\\\\{here}/b",
        "hTTps:/\\{here}/b",
        "http:{here}/b",
        "http://[::1",
        "http://",
        "http:///",
        "//",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:-80/",
        "/a\tb",
        "http://a b/",
        "http://999.1.1.1/",
        "http://%00/",
        "http://$x/",
        "http://a;b.test/",
        "http://*.test/",
    ] {
        rows.push(to(&format!("to {location:?}"), location));
    }
    rows.into_iter()
        .map(|row| row.fails(R::RedirectLocation).counts(302))
        .collect()
}

/// Nobody waits for the bodies of those that lead nowhere.
#[rustfmt::skip]
fn unread() -> Vec<Behaviour> {
    let sends = |name: &str, headers: &str, then| {
        let bytes = format!("HTTP/1.1 302 Found\r\n{headers}\r\nhalf");
        Behaviour::answering(format!("redirect: {name}"), bytes, then)
    };
    let over_http2 = vec![http2::settings(), http2::head("302", &[], 0)];
    let rows = vec![
        sends("without a Location or a length", "", Hold),
        sends("without a Location, with half a body", "Content-Length: 9\r\n", Hold),
        sends("without a Location, with chunks that are none", "Transfer-Encoding: chunked\r\n", Hold),
        sends("with an empty Location and no length", "Location:\r\n", Hold),
        sends("without a Location, then reset", "", Reset),
        sessions::at_once("a redirect without a Location over HTTP/2", "h2", over_http2, b""),
    ];
    rows.into_iter()
        .map(|row| row.fails(R::RedirectLocation).counts(302))
        .collect()
}

fn elsewhere() -> Vec<Behaviour> {
    let mut rows = Vec::new();
    for location in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:70/",
        "mailto:a@b.test",
        "javascript:alert(1)",
        "data:text/plain,a",
        "ws://127.0.0.1/",
        "x-own:y",
    ] {
        let row = to(&format!("to {location}"), location);
        rows.push(row.fails(R::RedirectScheme).counts(302));
    }
    rows
}

/// Only five codes lead somewhere.
#[rustfmt::skip]
fn not_followed() -> Vec<Behaviour> {
    let mut rows = Vec::new();
    for code in [300, 304, 305, 306, 309, 399, 400, 409] {
        let row = leading(&format!("{code} with a Location"), format!("{code} X\r\nLocation: /b\r\nContent-Length: 0"));
        rows.push(row.fails(R::ValidateStatus).counts(code));
    }
    rows.push(leading("201 with a Location", "201 C\r\nLocation: /b\r\nContent-Length: 0").counts(201));
    rows.push(
        to("that nobody follows", "/b")
            .probed(|module| module.follow_redirects = false)
            .fails(R::ValidateStatus)
            .counts(302),
    );
    // One that is wanted as it is has a body like all others.
    let unending = |name: &str| leading(&format!("without a Location or a length, {name}"), "302 Found").counts(302);
    rows.push(
        unending("that nobody follows")
            .probed(|module| module.follow_redirects = false)
            .fails(R::TransferBodyTimeout),
    );
    rows.push(
        unending("that is valid")
            .probed(|module| module.valid_status_codes = vec![302])
            .fails(R::TransferBodyTimeout),
    );
    rows
}

/// What is wrong with a length is wrong with that of a redirect too.
fn misframed() -> Vec<Behaviour> {
    let both = "Content-Length: 0\r\nTransfer-Encoding: chunked";
    let mut rows = Vec::new();
    for headers in [both, "Transfer-Encoding: gzip", "Content-Length: x"] {
        let head = format!("302 Found\r\nLocation: /b\r\n{headers}");
        let row = leading(&format!("with {headers:?}"), &head).counts(302);
        rows.push(row.fails(R::TransferFraming));
    }
    rows
}

#[rustfmt::skip]
fn followed() -> Vec<Behaviour> {
    let cookies = "Set-Cookie: a=b; Path=/\r\n".repeat(200);
    let large = format!("Set-Cookie: a={}\r\n", "b".repeat(4_000)).repeat(50);
    vec![
        to("to a path", "/b").counts(204),
        to("to a name beside", "b").counts(204),
        to("to a query", "?q").counts(204),
        to("to the same host without a scheme", "//{here}/b").counts(204),
        to("with a fragment", "/b#c").counts(204),
        to("with credentials", "http://user:secret@{here}/b").counts(204),
        to("to a number that is loopback", "http://2130706433:{port}/b").counts(204),
        to("beyond ASCII", "/\u{e4}").counts(204),
        to("with spaces", "/a b").counts(204),
        to("of 10 kB", &format!("/{}", "a".repeat(10_000))).counts(204),
        leading("twice", "302 Found\r\nLocation: /b\r\nLocation: /c").counts(204),
        leading("with half a body", "302 Found\r\nLocation: /b\r\nContent-Length: 1000\r\n\r\nhalf").counts(204),
        leading("with 200 cookies", format!("302 Found\r\n{cookies}Location: /b")).counts(204),
        leading("with cookies of 200 kB", format!("302 Found\r\n{large}Location: /b")).counts(204),
        latin1(),
        shut_port(),
    ]
}

/// One byte a character, which becomes one escape.
fn latin1() -> Behaviour {
    Behaviour::new("redirect: beyond ASCII and not in UTF-8", || async {
        let peer = peer::serve(|mut stream| async move {
            let request = peer::read_request(&mut stream).await;
            let answer: &[u8] = match request.split(' ').nth(1) {
                Some("/") => b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\n\r\n",
                Some("/caf%E9") => b"HTTP/1.1 204 No Content\r\n\r\n",
                _ => b"HTTP/1.1 404 Not Found\r\n\r\n",
            };
            if stream.write_all(answer).await.is_ok() {
                peer::finish(stream, Hold).await;
            }
        });
        Stage::of(peer.await)
    })
    .counts(204)
}

fn shut_port() -> Behaviour {
    Behaviour::new("redirect: to a shut port", || async {
        // An address of its own, so that nothing else takes the port meanwhile.
        let listener = TcpListener::bind(("127.0.0.77", 0)).await.unwrap();
        let shut = listener.local_addr().unwrap();
        drop(listener);
        let bytes = format!("HTTP/1.1 302 Found\r\nLocation: http://{shut}/\r\n\r\n");
        Stage::of(peer::answering(bytes.into_bytes(), Hold).await)
    })
    .fails(R::ConnectRefused)
}
