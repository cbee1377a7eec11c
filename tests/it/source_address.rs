//! `source_ip_address`: whom the target sees, and what becomes of an address that cannot be used.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::target::module::{IpFamily, Module};
use httpcycle_exporter::target::proxy::{Proxies, ProxySettings, ProxyUrl};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::support::dns::Script;
use crate::support::{dns, peer, probing};

const PATIENCE: Duration = Duration::from_secs(30);

fn from(source: IpAddr) -> Module {
    Module {
        source_ip: Some(source),
        ..Module::http_2xx()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_target_sees_the_source_address() {
    let (send, mut seen) = mpsc::unbounded_channel();
    let peer = peer::serve(move |mut stream| {
        let send = send.clone();
        async move {
            send.send(stream.peer_addr().unwrap()).unwrap();
            peer::read_request(&mut stream).await;
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await;
    let url = format!("http://{}/", peer.address);
    for source in [None, Some([127, 0, 0, 2]), Some([127, 0, 0, 3])] {
        let module = Module {
            source_ip: source.map(IpAddr::from),
            ..Module::http_2xx()
        };
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(outcome.failure, None);
        let seen = seen.recv().await.unwrap();
        assert_eq!(seen.ip(), IpAddr::from(source.unwrap_or([127, 0, 0, 1])));
        assert_eq!(outcome.connection.unwrap().local, Some(seen));
    }
}

/// The address of a documentation net belongs to no machine, and from loopback nothing leads out of
/// it: neither sends a packet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_this_machine_cannot_send_from_is_its_own_fault() {
    let peer = peer::answering(Vec::new(), peer::Then::Close).await;
    for (url, source) in [
        (format!("http://{}/", peer.address), [192, 0, 2, 1]),
        ("http://192.0.2.1/".to_owned(), [127, 0, 0, 2]),
    ] {
        let prober = probing::prober(&url, from(source.into()), PATIENCE);
        let attempt = prober.probe().await;
        assert!(
            matches!(attempt, Attempt::Skipped(SkipReason::NoRoute)),
            "{url}: {attempt:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_addresses_of_its_family_are_candidates() {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    for (answers, source, expected) in [
        (vec![v6], v4, Reason::DnsNoAddressFamily),
        (vec![v4], v6, Reason::DnsNoAddressFamily),
        // Nobody listens at port 1.
        (vec![v4, v6], v4, Reason::ConnectRefused),
    ] {
        let server = dns::serve(Script::Addresses(answers, Duration::ZERO)).await;
        let module = Module {
            resolver: Some(server.address),
            preferred_family: IpFamily::V6,
            ..from(source)
        };
        let prober = probing::prober("http://name.test:1/", module, PATIENCE);
        let outcome = probing::probe(&prober).await;
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.reason, expected, "{}", failure.detail);
        let remote = outcome.connection.map(|ends| ends.remote.ip());
        let connected = expected == Reason::ConnectRefused;
        assert_eq!(remote, connected.then_some(source));
    }
}

/// The source address is for the way to the proxy. The target's address is the proxy's business, of
/// whatever family it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_behind_a_proxy_may_be_of_the_other_family() {
    let (send, mut seen) = mpsc::unbounded_channel();
    let proxy = peer::serve(move |mut stream| {
        let send = send.clone();
        async move {
            send.send(stream.peer_addr().unwrap().ip()).unwrap();
            peer::read_request(&mut stream).await;
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await;
    let addresses = Script::Addresses(vec![Ipv6Addr::LOCALHOST.into()], Duration::ZERO);
    let server = dns::serve(addresses).await;
    let url = ProxyUrl::parse(&format!("http://{}", proxy.address)).unwrap();
    let settings = ProxySettings {
        proxies: Proxies {
            http: Some(url),
            ..Proxies::default()
        },
        connect_headers: Vec::new(),
        skips_look_up: false,
    };
    let source: IpAddr = [127, 0, 0, 2].into();
    let module = Module {
        resolver: Some(server.address),
        proxy: Some(Box::new(settings)),
        ..from(source)
    };
    let prober = probing::prober("http://name.test/", module, PATIENCE);
    let outcome = probing::probe(&prober).await;
    assert_eq!(outcome.failure, None);
    assert_eq!(seen.recv().await, Some(source));
}
