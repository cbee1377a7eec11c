//! What a request may ask for, and what is told when it asks for what cannot be.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::probe_endpoint::{ask, probe, start, tls_config};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer};
use crate::support::pki::Authority;

const MODULES: &str = "modules:
  m: {prober: http, timeout: 20s, http: {headers: {User-Agent: test}}}
  hosted: {prober: http, http: {headers: {hOst: mine.test}}}
  quick: {prober: http, timeout: 2s}
  other: {prober: tcp}
";

const PATIENCE: Duration = Duration::from_secs(30);

/// A peer that answers 200 and passes on the heads of requests.
async fn listening() -> (Peer, mpsc::UnboundedReceiver<String>) {
    let (sender, heads) = mpsc::unbounded_channel();
    let peer = peer::serve(move |mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(peer::read_request(&mut stream).await).ok();
            let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(ok).await.ok();
            stream.read_u8().await.ok();
        }
    });
    (peer.await, heads)
}

#[rustfmt::skip]
const MISTAKES: &[(&str, &str, u16, &str)] = &[
    ("", "", 400, "Target parameter is missing"),
    ("?target=", "", 400, "Target parameter is missing"),
    ("?target=%zz", "", 400, "Target parameter is missing"),
    ("?module=m", "", 400, "Target parameter is missing"),
    ("?module=nope", "", 400, "Unknown module \"nope\""),
    ("?module=nope&target=h", "", 400, "Unknown module \"nope\""),
    ("?module=a%22b%0A&target=h", "", 400, "Unknown module \"a\\\"b\\n\""),
    ("?module=other&target=h", "", 400, "Unknown module \"other\""),
    ("?target=h", "ten", 500, "Failed to parse timeout from Prometheus header: parsing \"ten\": invalid syntax"),
    ("", "1e309", 500, "Failed to parse timeout from Prometheus header: parsing \"1e309\": value out of range"),
    ("?module=hosted&target=h&hostname=other.test", "", 400, "host header defined both in module configuration (mine.test) and with URL-parameter 'hostname' (other.test)"),
    ("?target=h&hostname=a%0Ab", "", 400, "host name \"a\\nb\" cannot be sent as a header"),
];

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told() {
    let exporter = start(MODULES);
    for (query, timeout, status, text) in MISTAKES {
        let header = match *timeout {
            "" => String::new(),
            timeout => format!("X-Prometheus-Scrape-Timeout-Seconds: {timeout}\r\n"),
        };
        let answer = ask(&exporter, &format!("/probe{query}"), &header);
        assert_eq!(answer.status, *status, "{query}");
        assert_eq!(answer.body, format!("{text}\n"), "{query}");
        let kind = "content-type: text/plain; charset=utf-8";
        assert!(answer.head.contains(kind), "{}", answer.head);
        assert!(answer.head.contains("nosniff"), "{}", answer.head);
    }
    let long = format!("/probe?target={}", "a".repeat(10_000));
    let answer = ask(&exporter, &long, "");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, "Target parameter has more than 8192 bytes\n");
    for page in ["/probe?target=h", "/logs?id=0"] {
        let response = exporter.get_text(&format!("POST {page}"));
        assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
    }
}

#[test]
fn nothing_is_probed_unless_that_is_wanted() {
    let exporter = Exporter::start(MODULES);
    for page in ["/probe?target=h", "/logs?id=0"] {
        let response = exporter.get_text(&format!("GET {page}"));
        assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    }
    assert!(!exporter.get_text("GET /").contains("Recent probes"));
}

/// Queries in which `@` is the peer, with the request line and the `Host` that it is to see.
#[rustfmt::skip]
const REQUESTS: &[(&str, &str, &str)] = &[
    ("target=@", "GET / HTTP/1.1", "@"),
    ("target=http://@/a?b=c", "GET /a?b=c HTTP/1.1", "@"),
    ("target=HTTP://@/", "GET / HTTP/1.1", "@"),
    ("target=http%3A%2F%2F@%2Fa%3Fb%3Dc%26d%3De", "GET /a?b=c&d=e HTTP/1.1", "@"),
    ("target=http%253A%252F%252F@%252Fa", "GET /a HTTP/1.1", "@"),
    ("target=@/100%2525", "GET /100%25 HTTP/1.1", "@"),
    ("target=http://@/?to=%252F", "GET /?to=%2F HTTP/1.1", "@"),
    ("target=@/100%25", "GET /100% HTTP/1.1", "@"),
    ("module=m&target=@&target=h.invalid", "GET / HTTP/1.1", "@"),
    ("target=@&module=", "GET / HTTP/1.1", "@"),
    ("target=@&hostname=other.test", "GET / HTTP/1.1", "other.test"),
    ("target=@&hostname=", "GET / HTTP/1.1", "@"),
    ("target=@&module=hosted", "GET / HTTP/1.1", "mine.test"),
    ("target=@&module=hosted&hostname=mine.test", "GET / HTTP/1.1", "mine.test"),
];

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_read_as_people_write_them() {
    let (peer, mut heads) = listening().await;
    let exporter = start(MODULES);
    let address = peer.address.to_string();
    for (query, line, host) in REQUESTS {
        let answer = ask(
            &exporter,
            &format!("/probe?{}", query.replace('@', &address)),
            "",
        );
        assert!(
            answer.body.contains("\nprobe_success 1\n"),
            "{query}: {}",
            answer.body
        );
        let head = heads.recv().await.unwrap();
        assert!(head.starts_with(&format!("{line}\r\n")), "{query}: {head}");
        let host = format!("\r\nhost: {}\r\n", host.replace('@', &address));
        assert!(head.to_ascii_lowercase().contains(&host), "{query}: {head}");
    }
    let head =
        tokio::task::block_in_place(|| exporter.get_text(&format!("HEAD /probe?target={address}")));
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert!(heads.recv().await.is_some(), "HEAD probes as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_name_is_that_of_tls() {
    let authority = Authority::new();
    let acceptor = authority.server("named.test");
    let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
    let folder = tempfile::tempdir().unwrap();
    let tls = tls_config(folder.path(), &authority.trusted());
    let exporter = start(&format!(
        "modules: {{m: {{prober: http, http: {{{tls}}}}}}}\n"
    ));
    let target = format!("https://{}/", peer.address);
    for (target, expected) in [
        (format!("{target}&hostname=named.test"), 1.0),
        (format!("{target}&hostname=other.test"), 0.0),
        (target, 0.0),
    ] {
        assert_eq!(
            probe(&exporter, &target)["probe_success"],
            expected,
            "{target}"
        );
    }
}

/// A module, what the scraper says, flags, and the timeout that comes of it in seconds.
#[rustfmt::skip]
const TIMEOUTS: &[(&str, &str, f64)] = &[
    ("http_2xx", "", 119.5),
    ("http_2xx", "10", 9.5),
    ("http_2xx", "0", 119.5),
    ("http_2xx", "NaN", 119.5),
    ("http_2xx", "-1e308", 119.5),
    ("http_2xx", "+Inf", 119.5),
    ("http_2xx", "1e308", 3599.5),
    ("quick", "", 2.0),
    ("quick", "10", 2.0),
    ("quick", "2", 1.5),
    ("quick", "0.1", 2.0),
    ("quick", "1e308", 2.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_scraper_and_the_module_bound_the_time() {
    let (peer, _heads) = listening().await;
    let exporter = start(MODULES);
    for (module, timeout, expected) in TIMEOUTS {
        let path = format!("/probe?module={module}&target={}", peer.address);
        let header = format!("X-Prometheus-Scrape-Timeout-Seconds: {timeout}\r\n");
        let answer = ask(&exporter, &path, &header);
        assert_eq!(answer.status, 200, "{timeout}: {}", answer.body);
        let found = crate::probe_endpoint::series(&answer.body)["probe_timeout_seconds"];
        assert_eq!(found, *expected, "{module} {timeout}");
    }
    let flags = ["--web.enable-probe-endpoint", "--timeout-offset=4"];
    let exporter = Exporter::start_with(MODULES, &flags);
    let path = format!("/probe?target={}", peer.address);
    let answer = ask(
        &exporter,
        &path,
        "X-Prometheus-Scrape-Timeout-Seconds: 10\r\n",
    );
    assert!(
        answer.body.contains("\nprobe_timeout_seconds 6\n"),
        "{}",
        answer.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_ends_with_its_client() {
    let (began, mut begun) = mpsc::unbounded_channel();
    let (ended, mut end) = mpsc::unbounded_channel();
    let peer = peer::serve(move |mut stream| {
        let (began, ended) = (began.clone(), ended.clone());
        async move {
            peer::read_request(&mut stream).await;
            began.send(()).ok();
            // The probe gives up long before its timeout.
            let closed = stream.read(&mut [0]).await;
            ended.send(closed.is_ok_and(|n| n > 0)).ok();
        }
    })
    .await;
    let exporter = start(MODULES);
    let mut client = tokio::net::TcpStream::connect(exporter.address)
        .await
        .unwrap();
    let request = format!(
        "GET /probe?target={} HTTP/1.1\r\nHost: x\r\n\r\n",
        peer.address
    );
    client.write_all(request.as_bytes()).await.unwrap();
    begun.recv().await.unwrap();
    drop(client);
    let ended = tokio::time::timeout(PATIENCE, end.recv()).await;
    assert_eq!(
        ended,
        Ok(Some(false)),
        "the probe goes on without anybody to tell"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_the_modules() {
    let (peer, mut heads) = listening().await;
    let exporter = start(MODULES);
    let target = peer.address.to_string();
    probe(&exporter, &target);
    assert!(heads.recv().await.unwrap().contains("test\r\n"));
    exporter.reload("modules: {m: {prober: http, http: {headers: {User-Agent: new}}}}\n");
    tokio::task::block_in_place(|| exporter.wait_for_log("configuration reloaded"));
    probe(&exporter, &target);
    assert!(heads.recv().await.unwrap().contains("new\r\n"));
    let answer = ask(&exporter, "/probe?module=quick&target=h", "");
    assert_eq!(answer.status, 400, "{}", answer.body);
    // A broken file changes nothing.
    exporter.reload("modules: 7\n");
    tokio::task::block_in_place(|| exporter.wait_for_log("configuration not reloaded"));
    probe(&exporter, &target);
    assert!(heads.recv().await.unwrap().contains("new\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_exporter_lacks_is_not_charged_to_the_target() {
    // A link-local address without a zone has no route, so that no packet is sent.
    let exporter = start("modules: {m: {prober: http, http: {allow_addresses: ['fe80::/10']}}}\n");
    let answer = ask(&exporter, "/probe?module=m&target=[fe80::1]:80", "");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(
        answer.body,
        "The exporter could not probe (no_route); nothing was measured\n"
    );
    assert_eq!(ask(&exporter, "/logs?id=0", "").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_count_as_they_are_now() {
    let (peer, mut heads) = listening().await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "old").unwrap();
    let exporter = start(&format!(
        "modules: {{m: {{prober: http, http: {{bearer_token_file: {}}}}}}}\n",
        token.display()
    ));
    let path = format!("/probe?module=m&target={}", peer.address);
    let mut shown = async |expected: &str| {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = ask(&exporter, &path, "");
            let found = match answer.status {
                200 => heads.recv().await.unwrap(),
                _ => answer.body,
            };
            if found.contains(expected) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{expected}: {found}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    shown("Bearer old\r\n").await;
    std::fs::write(&token, "renewed").unwrap();
    shown("Bearer renewed\r\n").await;
    std::fs::remove_file(&token).unwrap();
    shown("The exporter could not probe (secret_unreadable); nothing was measured\n").await;
}
