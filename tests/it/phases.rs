//! Each phase slowed in turn: it grows by the delay and no other does; cut short in it, it and
//! those before it are kept and those after it are absent.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use httpcycle_exporter::outcome::HttpVersion;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::timeline::Timeline;
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::target::module::{IpFamily, Module};

use crate::support::dns::{NameServer, Script};
use crate::support::peer::Peer;
use crate::support::{dns, peer, pki, probing};

/// How long the slow phase is slow. Every other must stay below half of it.
const DELAY: Duration = Duration::from_secs(1);

/// Longer than any phase here takes, the repeated SYN included.
const PATIENCE: Duration = Duration::from_secs(10);

struct Scene {
    _peer: Peer,
    _name_server: NameServer,
    prober: Prober,
}

/// What a server of each version of HTTP wants in ALPN.
const VERSIONS: [(HttpVersion, &str); 2] = [
    (HttpVersion::Http11, "http/1.1"),
    (HttpVersion::Http2, "h2"),
];

/// A target with all six phases, slow in one of them for `delay`.
async fn scene(protocol: &str, slow: Phase, delay: Duration, timeout: Duration) -> Scene {
    let authority = pki::Authority::new();
    let acceptor = authority.server_of("orders.test", &[protocol]);
    let peer = peer::slow_in(Some(slow), delay, acceptor).await;
    let dns_delay = if slow == Phase::Dns {
        delay
    } else {
        Duration::ZERO
    };
    let script = Script::Addresses(vec![peer.address.ip()], dns_delay);
    let name_server = dns::serve(script).await;
    // A slow reader is felt only by who sends more than the socket buffers of both sides hold, or
    // than HTTP/2 lets a client send unasked.
    let body_bytes = match (slow, protocol) {
        (Phase::Send, "h2") => 200_000,
        (Phase::Send, _) => 24 << 20,
        _ => 100,
    };
    let module = Module {
        method: Method::PUT,
        body: Bytes::from(vec![b'x'; body_bytes]).into(),
        resolver: Some(name_server.address),
        preferred_family: IpFamily::V4,
        tls: authority.trusted(),
        ..Module::http_2xx()
    };
    let url = format!("https://orders.test:{}/", peer.address.port());
    let prober = probing::prober(&url, module, timeout);
    Scene {
        _peer: peer,
        _name_server: name_server,
        prober,
    }
}

fn in_each_version<T>(
    rows: impl IntoIterator<Item = T> + Clone,
) -> impl Iterator<Item = ((HttpVersion, &'static str), T)> {
    VERSIONS
        .into_iter()
        .flat_map(move |version| rows.clone().into_iter().map(move |row| (version, row)))
}

fn assert_consistent(timeline: &Timeline) {
    let mut end = Duration::ZERO;
    for span in timeline.spans() {
        assert!(span.start >= end && span.end >= span.start, "{timeline:?}");
        end = span.end;
    }
    assert!(end <= timeline.total(), "{timeline:?}");
    let phases: Duration = Phase::ALL.iter().filter_map(|&p| timeline.phase(p)).sum();
    assert_eq!(phases + timeline.overhead(), timeline.total());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slow_phase_grows_and_no_other_does() {
    for ((version, protocol), slow) in in_each_version(Phase::ALL) {
        let scene = scene(protocol, slow, DELAY, PATIENCE).await;
        let outcome = probing::probe(&scene.prober).await;
        assert_eq!(outcome.failure, None, "{protocol}: {slow:?}");
        let response = outcome.response.expect("a response");
        assert_eq!((response.version, response.body_bytes), (version, 8));
        assert_consistent(&outcome.timeline);
        for phase in Phase::ALL {
            let took = outcome.timeline.phase(phase).expect("all phases run");
            if phase == slow {
                assert!(
                    took >= DELAY * 9 / 10,
                    "{protocol}: {phase:?} took {took:?}"
                );
                assert!(took < DELAY * 2, "{protocol}: {phase:?} took {took:?}");
            } else {
                assert!(
                    took < DELAY / 2,
                    "{protocol}: slow in {slow:?}, yet {phase:?} took {took:?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phase_cut_short_is_kept_with_those_before_it() {
    let timeout = DELAY;
    for ((_, protocol), (cut, reason)) in in_each_version([
        (Phase::Dns, Reason::DnsTimeout),
        (Phase::Connect, Reason::ConnectTimeout),
        (Phase::Tls, Reason::TlsTimeout),
        (Phase::Send, Reason::SendTimeout),
        (Phase::FirstByte, Reason::FirstByteTimeout),
        (Phase::Transfer, Reason::TransferBodyTimeout),
    ]) {
        let scene = scene(protocol, cut, PATIENCE, timeout).await;
        let outcome = probing::probe(&scene.prober).await;
        assert_eq!(outcome.failure.as_ref().map(|f| f.reason), Some(reason));
        assert_consistent(&outcome.timeline);
        assert!(outcome.timeline.total() >= timeout);
        let before: Duration = Phase::ALL
            .into_iter()
            .filter(|phase| *phase < cut)
            .map(|phase| outcome.timeline.phase(phase).expect("kept"))
            .sum();
        let kept = outcome.timeline.phase(cut).expect("kept");
        assert!(
            kept + before >= timeout / 2,
            "{cut:?}: {:?}",
            outcome.timeline
        );
        assert!(
            kept <= timeout,
            "{cut:?} is charged no more than the timeout: {kept:?}"
        );
        for phase in Phase::ALL.into_iter().filter(|phase| *phase > cut) {
            assert_eq!(outcome.timeline.phase(phase), None, "{cut:?} was cut");
        }
        assert_eq!(
            outcome.response.map(|r| r.code),
            (cut == Phase::Transfer).then_some(200)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phases_that_cannot_run_are_absent_and_quick_ones_are_there() {
    let ok = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    let peer = peer::answering(ok, peer::Then::Hold).await;
    let outcome = probing::probe_plain(peer.address, PATIENCE).await;
    assert_eq!(outcome.failure, None);
    for (phase, runs) in [
        (Phase::Dns, false),
        (Phase::Connect, true),
        (Phase::Tls, false),
        (Phase::Send, true),
        (Phase::FirstByte, true),
        (Phase::Transfer, true),
    ] {
        assert_eq!(outcome.timeline.phase(phase).is_some(), runs, "{phase:?}");
    }
    // A request that goes out in one piece takes no time to send.
    assert_eq!(outcome.timeline.phase(Phase::Send), Some(Duration::ZERO));
}
