//! Which exporter probes which target: a server tells them apart by the address that they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::block_in_place;
use tokio::time::Instant;

use crate::shards::{quoted, start};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer};

const N_TARGETS: usize = 2_000;

/// How long a machine may take to probe all of them once that has hardly any time for it.
const PATIENCE: Duration = Duration::from_secs(300);

/// What only targets of these tests are asked for: the port of a server may have been another's, whose
/// probes go on.
const PREFIX: &str = "/split/";

/// The addresses that each path was asked for from.
type Askers = Arc<Mutex<BTreeMap<String, BTreeSet<IpAddr>>>>;

async fn noting() -> (Peer, Askers) {
    let askers = Askers::default();
    let seen = askers.clone();
    let peer = peer::serve(move |mut stream| {
        let seen = seen.clone();
        async move {
            let head = peer::read_request(&mut stream).await;
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let asker = stream.peer_addr().map(|address| address.ip());
            // Without a path the exporter gave up before it asked.
            if let (Ok(asker), true) = (asker, path.starts_with(PREFIX)) {
                seen.lock().unwrap().entry(path).or_default().insert(asker);
            }
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(response).await.ok();
        }
    })
    .await;
    (peer, askers)
}

/// Names of all kinds, none of them twice.
fn name(n: usize) -> String {
    match n % 8 {
        0 => format!("orders-{n}"),
        1 => format!("https://example.com/orders?page={n}#x"),
        2 => format!("ü/日本/🦀 {n}"),
        3 => format!("\"{n}\"\\\n\t{{}}"),
        4 => format!("{n}"),
        5 => format!("{}{n}", "x".repeat(300)),
        6 => format!("%2F..%00/{n}/../"),
        _ => format!(" {n} "),
    }
}

/// The configuration of one shard, whose probes come from an address of its own.
fn configuration(server: &Peer, ordinal: usize) -> String {
    let own = 1 + ordinal;
    let address = server.address;
    let mut text = format!(
        "modules:\n  m: {{prober: http, http: {{source_ip_address: 127.0.0.{own}}}}}\ntargets:\n"
    );
    for n in 0..N_TARGETS {
        let name = quoted(&name(n));
        text += &format!(
            "- {{name: {name}, url: 'http://{address}{PREFIX}{n}', module: m, interval: 5s}}\n"
        );
    }
    text
}

/// How many targets an exporter has, and how many of them it has not probed yet.
fn counts(exporter: &Exporter) -> (usize, usize) {
    let page = exporter.get_text("GET /metrics");
    let lines = page.lines();
    let probes = lines.filter(|line| line.starts_with("httpcycle_probes_total{"));
    let (mut all, mut not_yet) = (0, 0);
    for line in probes {
        all += 1;
        not_yet += usize::from(line.ends_with(" 0"));
    }
    (all, not_yet)
}

/// The shard that probes each target when there are `total`, and how many each of them says it has.
async fn owners(total: usize) -> (BTreeMap<String, u8>, Vec<usize>) {
    let (server, askers) = noting().await;
    let parts = block_in_place(|| {
        let exporters = (0..total).map(|n| start(&configuration(&server, n), n, total, &[]));
        let exporters: Vec<Exporter> = exporters.collect();
        let deadline = Instant::now() + PATIENCE;
        // From then on every exporter has shown all that it probes.
        let parts = exporters.iter().map(|exporter| {
            loop {
                let (all, not_yet) = counts(exporter);
                if all > 0 && not_yet == 0 {
                    return all;
                }
                assert!(Instant::now() < deadline, "{not_yet} of {all} not probed");
                thread::sleep(Duration::from_millis(100));
            }
        });
        let parts = parts.collect();
        // A probe that gave up before it asked is counted as well, and its path comes later.
        while askers.lock().unwrap().len() < N_TARGETS {
            assert!(
                Instant::now() < deadline,
                "some paths were asked for by nobody"
            );
            thread::sleep(Duration::from_millis(100));
        }
        parts
    });
    let askers = askers.lock().unwrap();
    let owner = |(path, of): (&String, &BTreeSet<IpAddr>)| {
        assert_eq!(
            of.len(),
            1,
            "{path} of {total} shards is probed from {of:?}"
        );
        let Some(IpAddr::V4(address)) = of.first() else {
            panic!("{path} is probed from {of:?}");
        };
        (path.clone(), address.octets()[3] - 1)
    };
    (askers.iter().map(owner).collect(), parts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_target_is_probed_by_exactly_one_shard() {
    let mut of_total = BTreeMap::new();
    for total in [1, 2, 3, 4, 5] {
        let (owners, parts) = owners(total).await;
        assert_eq!(owners.len(), N_TARGETS, "{total} shards");
        let mut probed = vec![0; total];
        for owner in owners.values() {
            probed[usize::from(*owner)] += 1;
        }
        assert_eq!(probed, parts, "what {total} shards show is what they probe");
        // Four standard deviations of what chance makes of the smallest part are a sixth of it.
        let even = N_TARGETS / total;
        for part in &parts {
            assert!(part.abs_diff(even) <= even / 6, "{parts:?}");
        }
        of_total.insert(total, owners);
    }
    let (four, five) = (&of_total[&4], &of_total[&5]);
    let moved: Vec<u8> = four
        .iter()
        .filter_map(|(path, owner)| Some(five[path]).filter(|now| now != owner))
        .collect();
    assert!(
        moved.iter().all(|now| *now == 4),
        "only the new shard gains"
    );
    // A fifth, give or take four standard deviations.
    assert!((328..=472).contains(&moved.len()), "{} moved", moved.len());
}
