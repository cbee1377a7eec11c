//! Servers that list targets: what they are asked, and what stays while they fail.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::discovery::{Folder, json, wait_for_targets};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer};

/// What a server does when it is asked.
#[derive(Clone, Debug)]
enum Does {
    /// Answers with this status line and these headers and this body.
    Answers(String),
    /// Declares a body of 10 GB and sends it.
    DeclaresALot,
    /// Sends without an end.
    SendsForEver,
    /// Sends a byte now and then.
    Drips,
    /// Says nothing.
    Holds,
    /// Hangs up.
    HangsUp,
}

type Script = Arc<Mutex<Does>>;
type Heads = Arc<Mutex<Vec<String>>>;

fn ok(body: &str) -> Does {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

fn answer(status: &str, headers: &str, body: &str) -> Does {
    let length = body.len();
    Does::Answers(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ))
}

/// A server that does what the script says, and the heads of what it was asked.
async fn scripted(first: Does) -> (Peer, Script, Heads) {
    let (script, heads) = (Arc::new(Mutex::new(first)), Heads::default());
    let (said, seen) = (script.clone(), heads.clone());
    let peer = peer::serve(move |mut stream| {
        let (said, seen) = (said.clone(), seen.clone());
        async move {
            let head = peer::read_request(&mut stream).await;
            seen.lock().unwrap().push(head);
            let does = said.lock().unwrap().clone();
            act(does, &mut stream).await;
        }
    })
    .await;
    (peer, script, heads)
}

async fn act(does: Does, stream: &mut TcpStream) {
    let head =
        |length: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}\r\n");
    let chunk = format!("[{{\"targets\": [\"{}\"]}}, ", "x".repeat(65_000));
    match does {
        Does::Answers(text) => {
            stream.write_all(text.as_bytes()).await.ok();
        }
        Does::DeclaresALot => {
            stream
                .write_all(head("Content-Length: 10000000000\r\n").as_bytes())
                .await
                .ok();
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
        }
        Does::SendsForEver => {
            stream.write_all(head("").as_bytes()).await.ok();
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
        }
        Does::Drips => {
            stream.write_all(head("").as_bytes()).await.ok();
            while stream.write_all(b" ").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        }
        Does::Holds => sleep(Duration::from_secs(3_600)).await,
        Does::HangsUp => {}
    }
}

/// What a server may do instead of saying what is `good`, and what is said about it.
fn bad_answers(good: &str, server: SocketAddr) -> Vec<(Does, &'static str)> {
    let html = "Content-Type: text/html\r\n";
    let loops = format!("Location: http://{}/sd\r\n", server);
    vec![
        (answer("500 Broken", "", ""), "the status is 500"),
        (answer("204 Nothing", "", ""), "the status is 204"),
        (
            answer("200 OK", html, good),
            "the Content-Type is not application/json",
        ),
        (
            answer("200 OK", "", good),
            "the Content-Type is not application/json",
        ),
        (answer("302 Found", &loops, ""), "more than 10 redirects"),
        (answer("302 Found", "", ""), "a redirect leads nowhere"),
        (
            answer("302 Found", "Location: file:///etc/passwd\r\n", ""),
            "leads to no URL of HTTP",
        ),
        (
            answer("302 Found", "Location: http://169.254.169.254/sd\r\n", ""),
            "169.254.169.254 may not be probed: 169.254.0.0/16 is denied",
        ),
        (ok(&good[..good.len() / 2]), "the JSON ends in its midst"),
        (ok("{\"targets\": []}"), "not a list of groups"),
        (ok("- targets: [a]"), "not valid JSON"),
        (
            Does::Answers("nonsense\r\n\r\n".to_owned()),
            "no whole answer",
        ),
        (Does::DeclaresALot, "more than 65536 KiB"),
        (Does::SendsForEver, "more than 65536 KiB"),
        (Does::Drips, "no whole answer within"),
        (Does::Holds, "no whole answer within"),
        (Does::HangsUp, "no whole answer"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_keeps_what_it_listed() {
    let (target, _) = peer::counting("200 OK").await;
    let good = json(
        &[format!("{}/a", target.address)],
        "\"__scrape_interval__\": \"100ms\", \"team\": \"x\"",
    );
    let (server, script, heads) = scripted(ok(&good)).await;
    let url = format!("http://u:s3cret@{}/sd?key=s3cret", server.address);
    let config = |interval: &str| {
        format!("http_sd_configs: [{{url: '{url}', refresh_interval: {interval}}}]\n")
    };
    let exporter = Exporter::start(&config("500ms"));
    let failures = format!(
        "httpcycle_discovery_failures_total{{source=\"http://{}/sd?key=xxxxx\"}}",
        server.address
    );
    let series = format!(
        "httpcycle_probes_total{{target=\"http://{}/a\",team=\"x\"}}",
        target.address
    );
    exporter.wait_for(&series, |value| value > Some(1.0));
    assert_eq!(exporter.value(&failures), Some(0.0));
    for (does, said) in bad_answers(&good, server.address) {
        let before = exporter.value(&failures);
        *script.lock().unwrap() = does.clone();
        let is_large = matches!(does, Does::DeclaresALot | Does::SendsForEver);
        if is_large {
            // The time that an answer may take is that between two questions; the reload asks at once.
            exporter.reload(&config("25s"));
        }
        exporter.wait_for(&failures, |value| value > before);
        // On a busy machine whatever the server says may come too late at first.
        loop {
            let line = exporter.wait_for_log("what was listed stays");
            assert!(!line.contains("s3cret"), "{line}");
            if line.contains(said) {
                break;
            }
            assert!(line.contains("no whole answer within"), "{does:?}: {line}");
        }
        let probes = exporter.value(&series);
        assert!(probes.is_some(), "{does:?}");
        exporter.wait_for(&series, |value| value > probes);
        *script.lock().unwrap() = ok(&good);
        if is_large {
            exporter.reload(&config("500ms"));
            exporter.wait_for_log("configuration reloaded");
        } else {
            exporter.wait_for_log("targets are listed again");
        }
    }
    let head = heads.lock().unwrap()[0].to_lowercase();
    for part in [
        "get /sd?key=s3cret http/1.1\r\n",
        "accept: application/json\r\n",
        "user-agent: httpcycle_exporter/",
        "x-prometheus-refresh-interval-seconds: 0.5\r\n",
        "authorization: basic dtpzm2nyzxq=\r\n",
    ] {
        assert!(head.contains(part), "{part}: {head}");
    }
    // It goes on with a server that is gone, too.
    let before = exporter.value(&failures);
    drop(server);
    exporter.wait_for(&failures, |value| value > before);
    exporter.wait_for_log("cannot connect");
    assert!(exporter.value(&series).is_some());
    assert!(!exporter.get_text("GET /config").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lets_in_stays_with_the_server_it_is_for() {
    let (other, _, at_other) = scripted(ok("[]")).await;
    let moved = format!("Location: http://{}/there\r\n", other.address);
    let (server, _, at_server) = scripted(answer("307 Moved", &moved, "")).await;
    let folder = Folder::new();
    folder.write("password", "s3cret\n");
    let exporter = Exporter::start(&format!(
        "http_sd_configs:\n- url: http://{}/\n  refresh_interval: 300ms\n  basic_auth: {{username: u, password_file: '{}'}}\n  \
         http_headers: {{X-Key: {{secrets: [s3cret]}}}}\n",
        server.address,
        folder.path().join("password").display(),
    ));
    let seen =
        |heads: &Heads, part: &str| heads.lock().unwrap().iter().any(|head| head.contains(part));
    while !seen(&at_other, "GET /there") {
        sleep(Duration::from_millis(20)).await;
    }
    assert!(seen(&at_server, "Basic dTpzM2NyZXQ=") && seen(&at_server, "s3cret"));
    assert!(
        !seen(&at_other, "Basic") && !seen(&at_other, "s3cret"),
        "{:?}",
        at_other.lock().unwrap()
    );
    folder.write("password", "other\n");
    while !seen(&at_server, "Basic dTpvdGhlcg==") {
        sleep(Duration::from_millis(20)).await;
    }
    let shown = exporter.get_text("GET /config");
    assert!(
        shown.contains("password_file") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_up_the_start_for_a_moment_only() {
    let (server, script, _) = scripted(Does::Holds).await;
    let exporter = Exporter::start(&format!(
        "http_sd_configs: [{{url: 'http://{}/'}}]\ntargets: [{{name: own, url: 'http://127.0.0.1:9/', interval: 100ms}}]\n",
        server.address
    ));
    exporter.wait_for("httpcycle_probes_total{target=\"own\"", |value| {
        value > Some(0.0)
    });
    exporter.wait_for_log("they are not waited for");
    while !exporter
        .get_text("GET /-/ready")
        .starts_with("HTTP/1.1 200")
    {
        sleep(Duration::from_millis(20)).await;
    }
    *script.lock().unwrap() = ok(&json(&["127.0.0.1:9/late".to_owned()], ""));
    let config = format!(
        "http_sd_configs: [{{url: 'http://{}/', refresh_interval: 1s}}]\n",
        server.address
    );
    exporter.reload(&config);
    wait_for_targets(&exporter, 1);
}
