//! The end of the exporter in the midst of everything.

use std::fs;
use std::io::Read;
use std::process::Command;

use crate::operator::{ask, rest, targets};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer, Then};

async fn silent() -> Peer {
    peer::answering(Vec::new(), Then::Hold).await
}

/// Probes of the loop and on request that would take minutes, a reload that would never end, and a
/// scrape that its reader has not read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn termination_in_the_midst_of_everything_is_orderly() {
    let peer = silent().await;
    let url = format!("http://{}/", peer.address);
    let module = "modules: {m: {prober: http, timeout: 10m}}\n";
    let text = targets(300, |_| format!("url: '{url}', module: m, interval: 10m"));
    let mut exporter = Exporter::start_with(
        &format!("{module}{text}"),
        &["--web.enable-lifecycle", "--web.enable-probe-endpoint"],
    );
    exporter.wait_for("httpcycle_probes_in_flight", |value| value > Some(0.0));
    let path = exporter.config_path();
    fs::remove_file(&path).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    // Never written. Whoever reads as well need not wait for a reader.
    let both = fs::OpenOptions::new().read(true).write(true).open(&path);
    let _writing = both.unwrap();
    let reload = ask(&exporter, "POST /-/reload");
    let probe = ask(&exporter, &format!("GET /probe?module=m&target={url}"));
    let scrape = ask(&exporter, "GET /metrics");
    exporter.wait_for("httpcycle_probes_in_flight", |value| value > Some(1.0));
    exporter.signal("TERM");
    exporter.wait_for_log("stopping");
    let reload = rest(reload);
    assert!(reload.starts_with("HTTP/1.1 500"), "{reload}");
    assert!(reload.contains("stopping"), "{reload}");
    let scrape = rest(scrape);
    assert!(scrape.ends_with("\r\n0\r\n\r\n"), "the page is whole");
    assert_eq!(exporter.wait().code(), Some(0));
    // It was cut before there was an answer.
    assert_eq!(rest(probe), "");
    exporter.wait_for_log("reason=shutdown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_signal_cuts_what_is_in_flight() {
    let peer = silent().await;
    let url = format!("http://{}/", peer.address);
    for [first, second] in [["INT", "INT"], ["TERM", "INT"]] {
        let mut exporter = Exporter::start(&format!(
            "modules: {{m: {{prober: http, timeout: 10m}}}}\n\
             targets: [{{name: a, url: '{url}', module: m, interval: 1h}}]\n"
        ));
        exporter.wait_for("httpcycle_probes_in_flight", |value| value == Some(1.0));
        exporter.signal(first);
        exporter.wait_for_log("stopping");
        exporter.signal(second);
        exporter.wait_for_log("another signal");
        exporter.wait_for_log("reason=shutdown");
        assert_eq!(exporter.wait().code(), Some(0));
    }
}

/// A client that never reads holds up the end for as long as responses are granted, and no longer.
#[test]
fn a_scraper_that_never_reads_does_not_prevent_the_end() {
    let mut exporter = Exporter::start(&targets(2_000, |_| {
        "url: 'http://127.0.0.1:1/', interval: 1h".to_owned()
    }));
    exporter.wait_for("httpcycle_targets", |value| value == Some(2_000.0));
    let stream = ask(&exporter, "GET /metrics");
    let mut first = [0; 1];
    (&stream).read_exact(&mut first).unwrap();
    exporter.signal("TERM");
    exporter.wait_for_log("stopping");
    exporter.wait_for_log("responses under way were cut");
    assert_eq!(exporter.wait().code(), Some(0));
}
