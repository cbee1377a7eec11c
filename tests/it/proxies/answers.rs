//! What proxies answer to `CONNECT`: their heads are read as those of targets are.

use httpcycle_exporter::outcome::reason::Reason;

use super::peer::{Manner, start};
use super::way::{PATIENCE, World};

const REFUSED: Option<Reason> = Some(Reason::ConnectProxyRefused);
const AUTH: Option<Reason> = Some(Reason::ConnectProxyAuth);

/// A name, the answer, and the reason of the failure; without one the tunnel is open.
type Row = (&'static str, Vec<u8>, Option<Reason>);

fn rows() -> Vec<Row> {
    let with = |code: &str, lines: &str| format!("HTTP/1.1 {code} X\r\n{lines}\r\n").into_bytes();
    let of_fields = |code: &str, n_fields: usize| {
        let lines: String = (0..n_fields).map(|n| format!("A{n}: b\r\n")).collect();
        with(code, &lines)
    };
    let folded = "A: b\r\n c\r\n";
    vec![
        ("407 in bare lines", b"HTTP/1.1 407 X\n\n".to_vec(), AUTH),
        ("403 in bare lines", b"HTTP/1.1 403 X\n\n".to_vec(), REFUSED),
        ("200 in bare lines", b"HTTP/1.0 200 OK\n\n".to_vec(), None),
        ("407 with 150 fields", of_fields("407", 150), AUTH),
        ("200 with 150 fields", of_fields("200", 150), None),
        ("200 with 300 fields", of_fields("200", 300), REFUSED),
        ("407, folded", with("407", folded), AUTH),
        ("200, folded", with("200", folded), None),
        ("200, no field", with("200", "no colon\r\n"), REFUSED),
        (
            "407 behind empty lines",
            b"\r\n\n\r\nHTTP/1.1 407 X\r\n\r\n".to_vec(),
            AUTH,
        ),
        (
            "200 behind empty lines",
            b"\r\n\r\nHTTP/1.1 200 X\r\n\r\n".to_vec(),
            None,
        ),
        (
            "200 behind 103",
            [with("103", folded), with("200", "")].concat(),
            None,
        ),
        (
            "200 behind too many",
            [with("103", "").repeat(101), with("200", "")].concat(),
            REFUSED,
        ),
        ("101", with("101", ""), REFUSED),
        ("a banner", b"SSH-2.0-x\r\n".to_vec(), REFUSED),
        ("an alert", b"\x15\x03\x01\0\x02\x02\x28".to_vec(), REFUSED),
        ("another version", b"HTTP/2.0 ".to_vec(), REFUSED),
        ("a code that is none", b"HTTP/1.1 2x".to_vec(), REFUSED),
    ]
}

/// Each is told at once: the proxy says no more and leaves the connection open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_proxies_are_read_as_those_of_targets() {
    let world = World::new().await;
    for (name, answer, expected) in rows() {
        let answer: &[u8] = Vec::leak(answer);
        let proxy = start(Manner {
            opening: Some(answer),
            refusal: expected.map(|_| answer),
            silence: 2 * PATIENCE,
            ..Manner::default()
        })
        .await;
        let http = "proxy_url: 'http://127.0.0.1:PROXY'";
        let outcome = world.probe("https://target.test:TLS/", &proxy, http).await;
        let reason = outcome.failure.as_ref().map(|failure| failure.reason);
        assert_eq!(reason, expected, "{name}: {:?}", outcome.failure);
        assert_eq!(outcome.response.is_some(), expected.is_none(), "{name}");
    }
}
