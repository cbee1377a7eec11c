//! What becomes of counted and kept reasons when the list of a module changes.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::answer;
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Then};

fn configuration(address: &str, values: &str) -> String {
    format!(
        "modules: {{m: {{prober: http, http: {{conflict: {{reason: {{json: /reason, values: {{{values}}}}}}}}}}}}}\n\
         targets: [{{name: a, url: 'http://{address}/', module: m, interval: 50ms}}]\n"
    )
}

/// The reasons of the kept probes, newest first. A busy machine may cut a probe, which has none.
fn kept(exporter: &Exporter) -> Vec<String> {
    let mut stream = TcpStream::connect(exporter.address).unwrap();
    stream
        .write_all(b"GET /api/v1/targets/a HTTP/1.0\r\n\r\n")
        .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let page: Value = serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap();
    let probes = page["targets"][0]["probes"].as_array().unwrap();
    let reasons = probes.iter().map(|probe| probe["conflict_reason"].as_str());
    reasons.flatten().map(str::to_owned).collect()
}

fn series(reason: &str) -> String {
    format!("httpcycle_conflicts_total{{target=\"a\",expected=\"false\",reason=\"{reason}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reasons_are_followed_by_name() {
    let body = br#"{"reason":"AlreadyExists"}"#;
    let peer = peer::answering(answer("", body), Then::Close).await;
    let address = peer.address.to_string();
    let first = configuration(&address, "AlreadyExists: exists, Stale: stale");
    let exporter = Exporter::start_with(&first, &["--history.limit=10000"]);
    let line = exporter.wait_for_log("answers with a conflict");
    assert!(line.contains("status 409, reason exists"), "{line}");
    exporter.wait_for(&series("exists"), |value| value > Some(3.0));
    assert_eq!(exporter.value(&series("stale")), Some(0.0));

    // Another list, in which it has another place.
    exporter.reload(&configuration(
        &address,
        "Gone: gone, Stale: stale, AlreadyExists: exists",
    ));
    exporter.wait_for_log("configuration reloaded");
    let value = exporter.value(&series("exists"));
    assert!(value > Some(3.0), "{value:?}");
    exporter.wait_for(&series("exists"), |later| {
        later > value.map(|value| value + 3.0)
    });
    for reason in ["gone", "stale", "other", "unspecified"] {
        assert_eq!(exporter.value(&series(reason)), Some(0.0), "{reason}");
    }
    let before = kept(&exporter);
    assert!(before.iter().all(|reason| reason == "exists"), "{before:?}");

    // A list without it.
    exporter.reload(&configuration(
        &address,
        "Stale: stale, AlreadyExists: there",
    ));
    exporter.wait_for_log("configuration reloaded");
    exporter.wait_for(&series("there"), |value| value > Some(3.0));
    assert_eq!(exporter.value(&series("exists")), None);
    assert_eq!(exporter.value(&series("gone")), None);
    assert_eq!(exporter.value(&series("stale")), Some(0.0));
    let after = kept(&exporter);
    assert_eq!(after.first().map(String::as_str), Some("there"));
    let old = after.iter().skip_while(|reason| *reason == "there");
    assert!(old.clone().all(|reason| reason == "exists"), "{after:?}");
    assert!(old.count() >= before.len(), "{after:?}");
}
