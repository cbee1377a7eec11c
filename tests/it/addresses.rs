//! `ip_strategy: all`: every address of a name is a probe of its own, with series of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::{Attempt, Outcome};
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::labels::Labels;
use httpcycle_exporter::target::module::{IpStrategy, Module};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::dns::{self, Script};
use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer};
use crate::support::probing;

/// Longer than any probe takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn ip(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

/// Peers on one port of several addresses, each answering with a status of its own.
async fn peers<const N: usize>(statuses: [(u8, &'static str); N]) -> ([Peer; N], u16) {
    'port: for _ in 0..100 {
        let mut listeners = Vec::new();
        for (last, _) in statuses {
            let port = listeners
                .first()
                .map_or(0, |first: &TcpListener| first.local_addr().unwrap().port());
            match TcpListener::bind(SocketAddr::new(ip(last), port)).await {
                Ok(listener) => listeners.push(listener),
                Err(_) => continue 'port,
            }
        }
        let port = listeners[0].local_addr().unwrap().port();
        let mut listeners = listeners.into_iter();
        let peers = statuses.map(|(_, status)| {
            let listener = listeners.next().unwrap();
            peer::serve_on(listener, Duration::ZERO, move |mut stream| async move {
                peer::read_request(&mut stream).await;
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            })
        });
        return (peers, port);
    }
    panic!("no port is free on all addresses");
}

fn prober(url: &str, module: Module) -> Prober {
    let target = Target {
        name: "test".to_owned(),
        url: TargetUrl::parse(url).unwrap(),
        interval: PATIENCE,
        timeout: PATIENCE,
        labels: Labels::default(),
        module: Arc::new(module),
    };
    probing::prober_with_hosts(target, "")
}

async fn probe_all(prober: &Prober) -> Vec<(Option<IpAddr>, Outcome)> {
    let latest = Instant::now() + PATIENCE;
    let found = prober.probe_addresses_until(latest, <[IpAddr]>::to_vec);
    let finished = |(ip, attempt)| match attempt {
        Attempt::Finished(outcome) => (ip, outcome),
        Attempt::Skipped(reason) => panic!("skipped: {reason:?}"),
    };
    found.await.into_iter().map(finished).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_address_is_walked_to_behind_one_look_up() {
    let (_peers, port) = peers([(1, "200 OK"), (2, "409 Conflict")]).await;
    // Nobody listens at the third.
    let ips: Vec<_> = [1, 2, 3].map(ip).into();
    let server = dns::serve(Script::Addresses(ips.clone(), Duration::ZERO)).await;
    let module = Module {
        ip_strategy: IpStrategy::All,
        resolver: Some(server.address),
        ..Module::http_2xx()
    };
    let found = probe_all(&prober(&format!("http://name.test:{port}/"), module)).await;
    let probed: Vec<_> = found.iter().map(|(ip, _)| ip.unwrap()).collect();
    assert_eq!(probed, ips);
    let codes: Vec<_> = found
        .iter()
        .map(|(_, outcome)| outcome.response.map(|response| response.code))
        .collect();
    assert_eq!(codes, [Some(200), Some(409), None]);
    let look_ups: Vec<_> = found
        .iter()
        .map(|(_, outcome)| outcome.timeline.spans()[0])
        .collect();
    assert!(look_ups.iter().all(|span| span.phase == Phase::Dns));
    assert!(look_ups.iter().all(|span| *span == look_ups[0]));
    // One question for each family.
    assert_eq!(
        server.questions.load(std::sync::atomic::Ordering::Relaxed),
        2
    );
    for (ip, outcome) in &found {
        let connection = outcome.connection.unwrap();
        assert_eq!(Some(connection.remote.ip()), *ip);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_before_there_is_an_address_is_of_none() {
    let nobody = dns::serve(Script::Addresses(Vec::new(), Duration::ZERO)).await;
    let only_v4 = dns::serve(Script::Addresses(vec![ip(1)], Duration::ZERO)).await;
    for (server, falls_back, reason) in [
        (&nobody, true, Reason::DnsNodata),
        (&only_v4, false, Reason::DnsNoAddressFamily),
    ] {
        let module = Module {
            ip_strategy: IpStrategy::All,
            family_fallback: falls_back,
            resolver: Some(server.address),
            ..Module::http_2xx()
        };
        let found = probe_all(&prober("http://name.test:1/", module)).await;
        let [(None, outcome)] = &*found else {
            panic!("{found:?}")
        };
        assert_eq!(outcome.failure.as_ref().unwrap().reason, reason);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_address_has_series_and_the_target_has_its_own() {
    let (_peers, port) = peers([(1, "200 OK"), (2, "409 Conflict")]).await;
    let ips: Vec<_> = [1, 2].map(ip).into();
    let server = dns::serve(Script::Addresses(ips, Duration::ZERO)).await;
    let config = format!(
        "modules: {{all: {{prober: http, http: {{ip_strategy: all, resolver: '{}'}}}}}}\n\
         targets: [{{name: t, url: 'http://name.test:{port}/', module: all, interval: 50ms}}]\n",
        server.address
    );
    tokio::task::spawn_blocking(move || {
        let exporter = Exporter::start(&config);
        let first = "httpcycle_responses_total{target=\"t\",ip=\"127.0.0.1\",code=\"200\"";
        let second = "httpcycle_responses_total{target=\"t\",ip=\"127.0.0.2\",code=\"409\"";
        let before = exporter.wait_for(first, |value| value > Some(1.0));
        exporter.wait_for(second, |value| value > Some(1.0));
        // What belongs to no address is the target's, and adds up with theirs.
        for (series, expected) in [
            ("httpcycle_probes_total{target=\"t\"}", Some(0.0)),
            (
                "httpcycle_responses_total{target=\"t\",code=\"200\"",
                Some(0.0),
            ),
            ("httpcycle_probe_interval_seconds{target=\"t\"}", Some(0.05)),
            ("httpcycle_probe_interval_seconds{target=\"t\",ip", None),
            ("httpcycle_target_info{target=\"t\",url", Some(1.0)),
            ("httpcycle_target_info{target=\"t\",ip", None),
            ("httpcycle_probe_success{target=\"t\"}", None),
            (
                "httpcycle_probe_success{target=\"t\",ip=\"127.0.0.1\"}",
                Some(1.0),
            ),
            (
                "httpcycle_probe_success{target=\"t\",ip=\"127.0.0.2\"}",
                Some(0.0),
            ),
        ] {
            assert_eq!(exporter.value(series), expected, "{series}");
        }
        exporter.reload(&config.replace("name: t", "labels: {team: a}, name: t"));
        let labelled =
            "httpcycle_responses_total{target=\"t\",ip=\"127.0.0.1\",team=\"a\",code=\"200\"";
        let after = exporter.wait_for(labelled, |value| value.is_some());
        assert!(after >= before, "{after:?} after {before:?}");
    })
    .await
    .unwrap();
}
