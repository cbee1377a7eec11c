//! A process that is stopped for a while and goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::operator::last_probes;
use crate::support::exporter::Exporter;
use crate::support::peer;

const INTERVAL: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_secs(5);

/// The seconds of a time stamp within its hour, which no test outlasts twice.
fn seconds(stamp: &str) -> f64 {
    let (_, time) = stamp.split_once('T').unwrap();
    let mut parts = time.trim_end_matches('Z').split(':').skip(1);
    let mut next = || parts.next().unwrap().parse::<f64>().unwrap();
    next() * 60.0 + next()
}

/// No burst makes up for the slots that passed, each of them is counted, the next ones are where they
/// would have been, and the target is charged with nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_of_a_pause_are_skipped() {
    let served = Arc::new(AtomicU64::new(0));
    let seen = served.clone();
    let peer = peer::serve(move |mut stream| {
        let seen = seen.clone();
        async move {
            if peer::read_request(&mut stream).await.is_empty() {
                return;
            }
            seen.fetch_add(1, Ordering::Relaxed);
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(response).await.ok();
        }
    })
    .await;
    let config = format!(
        "targets: [{{name: a, url: 'http://{}/', interval: 500ms}}]",
        peer.address
    );
    let exporter = Exporter::start_with(&config, &["--history.limit=10000"]);
    let probes = "httpcycle_probes_total{target=\"a\"";
    exporter.wait_for(probes, |value| value > Some(3.0));
    exporter.signal("STOP");
    thread::sleep(PAUSE);
    exporter.signal("CONT");
    let after = exporter.value(probes).unwrap();
    exporter.wait_for(probes, |value| value > Some(after + 3.0));

    let probes = last_probes(&exporter, "a");
    let mut intended: Vec<f64> = probes
        .iter()
        .map(|probe| seconds(probe["intended"].as_str().unwrap()))
        .collect();
    intended.reverse();
    let slots: Vec<f64> = intended
        .iter()
        .map(|at| (at - intended[0]).rem_euclid(3_600.0) / INTERVAL.as_secs_f64())
        .collect();
    for (before, slot) in slots.iter().zip(&slots[1..]) {
        // The wall clock may be set right while the test runs, but not by much.
        assert!((slot - slot.round()).abs() < 0.2, "{slot} is off phase");
        assert!(slot.round() > before.round(), "two probes in one slot");
    }
    let skipped = exporter.sum("httpcycle_probes_skipped_total");
    let n_slots = slots.last().unwrap().round() + 1.0;
    let missed = n_slots - slots.len() as f64;
    let paused = PAUSE.as_secs_f64() / INTERVAL.as_secs_f64();
    assert!(missed >= paused - 2.0, "{missed} slots passed in the pause");
    assert!(
        skipped >= missed && skipped <= missed + 5.0,
        "{skipped} skipped of {missed}"
    );
    assert_eq!(exporter.sum("httpcycle_probe_failures_total"), 0.0);
    assert!(served.load(Ordering::Relaxed) >= probes.len() as u64);
}
