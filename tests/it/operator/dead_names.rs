//! A target that lives beside many whose name servers are dead.

use std::net::IpAddr;
use std::time::Duration;

use crate::operator::{last_probes, targets};
use crate::support::dns::{self, Script};
use crate::support::exporter::Exporter;
use crate::support::peer;

const N_DEAD: usize = 1_000;
/// How long the name server of the living one thinks.
const THINKS: Duration = Duration::from_millis(50);

/// What nine of ten look-ups of the living target took at most, and how many threads there were.
async fn look_up(n_dead: usize) -> (Duration, f64) {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let peer = peer::answering(answer, peer::Then::Close).await;
    let ip: IpAddr = [127, 0, 0, 1].into();
    let living = dns::serve(Script::Addresses(vec![ip], THINKS)).await;
    let dead = dns::serve(Script::Silent).await;
    let mut text = format!(
        "modules:\n  dead: {{prober: http, timeout: 2s, http: {{resolver: '{}'}}}}\n  \
         living: {{prober: http, http: {{resolver: '{}', preferred_ip_protocol: ip4}}}}\n",
        dead.address, living.address,
    );
    text += &targets(n_dead, |n| {
        format!("url: 'http://n{n}.test./', module: dead, interval: 2s")
    });
    text += &format!(
        "- {{name: living, url: 'http://a.test.:{}/', module: living, interval: 500ms}}\n",
        peer.address.port()
    );
    let exporter = Exporter::start_with(&text, &["--history.limit=1000"]);
    let probes = "httpcycle_probes_total{target=\"living\"";
    if n_dead > 0 {
        // Fewer than all, as few descriptors may be all that this machine allows.
        exporter.wait_for("httpcycle_probes_in_flight", |now| now > Some(300.0));
    }
    let before = exporter.value(probes).unwrap();
    let n_probes = 30;
    exporter.wait_for(probes, |value| value >= Some(before + n_probes as f64));
    let threads = exporter.value("process_threads").unwrap();
    let probes = last_probes(&exporter, "living");
    let mut took: Vec<u64> = probes[..n_probes]
        .iter()
        .map(|probe| {
            let dns = &probe["phases"][0];
            dns["end_ns"].as_u64().unwrap() - dns["start_ns"].as_u64().unwrap()
        })
        .collect();
    took.sort();
    (Duration::from_nanos(took[n_probes * 9 / 10]), threads)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_names_hold_up_no_other_and_pile_up_no_threads() {
    let (alone, _) = look_up(0).await;
    let (beside, threads) = look_up(N_DEAD).await;
    assert!(beside < alone * 3, "{beside:?}, alone {alone:?}");
    let cores = std::thread::available_parallelism().unwrap().get().max(2);
    // The main thread, the server, the log, the watcher, and one that has read a file.
    assert!(threads <= cores as f64 + 5.0, "{threads} on {cores}");
}
