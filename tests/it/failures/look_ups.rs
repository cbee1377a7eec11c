//! What look-ups are charged with, and how often they ask.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::target::address::{Hostname, TargetUrl};
use httpcycle_exporter::target::module::{IpFamily, Module};
use httpcycle_exporter::target::reach::{Range, Reach, Rules};

use crate::failures::{PATIENCE, reason};
use crate::support::dns::Script;
use crate::support::peer::Then;
use crate::support::{dns, peer, probing};

/// `fe80::1` without a zone can never be connected to, and nothing is sent to find that out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_without_a_route_gives_way_or_is_no_fault_of_the_target() {
    let peer = peer::answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Then::Hold).await;
    let nowhere: IpAddr = "fe80::1".parse().unwrap();
    let answer = Script::Addresses(vec![peer.address.ip(), nowhere], Duration::ZERO);
    let server = dns::serve(answer).await;
    for (fallback, skipped) in [(true, false), (false, true)] {
        let module = Module {
            resolver: Some(server.address),
            preferred_family: IpFamily::V6,
            family_fallback: fallback,
            reach: link_local_too(),
            ..Module::http_2xx()
        };
        let url = format!("http://orders.test:{}/", peer.address.port());
        match probing::prober(&url, module, PATIENCE).probe().await {
            Attempt::Skipped(reason) => assert!(skipped && reason == SkipReason::NoRoute),
            Attempt::Finished(outcome) => {
                assert!(!skipped, "{outcome:?}");
                assert_eq!(outcome.failure, None);
                assert_eq!(outcome.connection.unwrap().remote, peer.address);
            }
        }
    }
}

/// Rules that lift what is denied without being listed, of addresses to which there is no route.
fn link_local_too() -> Reach {
    let allow = ["fe80::/10", "0.0.0.0/0"].map(|text| Range::parse(text).unwrap());
    let own = Rules {
        allow: allow.to_vec(),
        deny: Vec::new(),
    };
    Reach {
        own: Arc::new(own),
        ..Reach::default()
    }
}

/// The wait for the slower family is the look-up's, not the exporter's, and a target that breaks
/// after it is charged with that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_that_is_never_answered_is_waited_for_in_the_phase() {
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let server = dns::serve(Script::OnlyV4(vec![here])).await;
    let peer = peer::answering(Vec::new(), Then::Reset).await;
    let module = Module {
        resolver: Some(server.address),
        ..Module::http_2xx()
    };
    let url = format!("http://orders.test:{}/", peer.address.port());
    let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
    assert_eq!(reason(&outcome), Some(Reason::FirstByteReset));
    // Two attempts of a second each, by the resolv.conf of the tests.
    let waited = outcome.timeline.phase(Phase::Dns).unwrap();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(
        outcome.timeline.overhead() < waited / 2,
        "{:?}",
        outcome.timeline
    );
}

/// A family that is silent is asked once more for each attempt that there is, if it is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_that_is_of_no_use_is_not_waited_for() {
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    for (preferred, fallback, source, is_waited_for, expected) in [
        (IpFamily::V4, false, None, false, None),
        (IpFamily::V6, true, Some(here), false, None),
        (IpFamily::V4, true, None, true, None),
        (IpFamily::V6, false, None, true, Some(Reason::DnsTimeout)),
    ] {
        let server = dns::serve(Script::OnlyV4(vec![here])).await;
        let peer = peer::answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Then::Hold).await;
        let module = Module {
            resolver: Some(server.address),
            preferred_family: preferred,
            family_fallback: fallback,
            source_ip: source,
            ..Module::http_2xx()
        };
        let case = format!("{preferred:?}, {fallback}, {source:?}");
        let url = format!("http://orders.test:{}/", peer.address.port());
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(reason(&outcome), expected, "{case}");
        let asked = server.questions.load(Ordering::Relaxed);
        assert_eq!(asked > 2, is_waited_for, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_of_nothing_is_not_asked_for_again() {
    let server = dns::serve(Script::AliasOfNothing).await;
    let module = Module {
        resolver: Some(server.address),
        ..Module::http_2xx()
    };
    let prober = probing::prober("http://orders.test/", module, PATIENCE);
    let outcome = probing::probe(&prober).await;
    assert_eq!(reason(&outcome), Some(Reason::DnsNodata));
    assert_eq!(server.questions.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipv4_address_written_as_ipv6_is_one() {
    let peer = peer::answering(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Then::Hold).await;
    let url = format!("http://[::ffff:127.0.0.1]:{}/", peer.address.port());
    for (preferred, fallback, expected) in [
        (IpFamily::V4, false, None),
        (IpFamily::V6, true, None),
        (IpFamily::V6, false, Some(Reason::DnsNoAddressFamily)),
    ] {
        let module = Module {
            preferred_family: preferred,
            family_fallback: fallback,
            ..Module::http_2xx()
        };
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(reason(&outcome), expected, "{preferred:?}, {fallback}");
        let remote = outcome.connection.map(|ends| ends.remote);
        assert_eq!(remote, expected.is_none().then_some(peer.address));
    }
}

/// Each host with any character before, in or behind a name that a URL may have: whoever is told that
/// it does not exist has been asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_url_may_have_for_a_host_is_looked_up() {
    let server = dns::serve(Script::Code(ResponseCode::NXDomain)).await;
    let hosts = (0..128_u8).map(char::from).flat_map(|c| {
        let places = [("", ".test"), ("", "a.test"), ("a", "b.test"), ("a.te", "")];
        places.map(|(before, behind)| format!("{before}{c}{behind}"))
    });
    let mut n_names = 0;
    for host in hosts {
        let Ok(url) = TargetUrl::parse(&format!("http://{host}")) else {
            continue;
        };
        let Hostname::Name(name) = url.host() else {
            continue;
        };
        n_names += 1;
        let module = Module {
            resolver: Some(server.address),
            ..Module::http_2xx()
        };
        let target = probing::target(url.as_url().as_str(), module, PATIENCE);
        let outcome = probing::probe(&probing::prober_with_hosts(target, "")).await;
        let found = reason(&outcome);
        assert_eq!(found, Some(Reason::DnsNxdomain), "{host:?}, {name}");
        let asked = server.questions.load(Ordering::Relaxed);
        assert_eq!(asked, 2 * n_names, "{host:?}, {name}");
    }
    // Letters in both cases, digits, hyphens and underscores in each place.
    assert!(n_names >= 4 * 64, "{n_names}");
}
