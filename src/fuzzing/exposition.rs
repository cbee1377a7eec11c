//! Targets with names and labels of anybody's choice, outcomes and reloads in any order, and the pages
//! that come of them in both formats.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use http::HeaderName;
use tokio::time::Instant;

use crate::fuzzing::bytes::Bytes;
use crate::fuzzing::reader;
use crate::fuzzing::reader::Labels;
use crate::fuzzing::reader::Read;
use crate::metrics::bounds::Bounds;
use crate::metrics::format::Format;
use crate::metrics::own::Own;
use crate::metrics::page::Page;
use crate::metrics::store::Store;
use crate::outcome::Conflict;
use crate::outcome::ConflictReason;
use crate::outcome::Endpoints;
use crate::outcome::Failure;
use crate::outcome::HttpVersion;
use crate::outcome::Outcome;
use crate::outcome::Response;
use crate::outcome::judgement::Judgement;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::outcome::timeline::Span;
use crate::outcome::timeline::Timeline;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::conflict::ReasonRule;
use crate::target::conflict::Reasons;
use crate::target::conflict::Source;
use crate::target::labels;
use crate::target::module::IpStrategy;
use crate::target::module::Module;

/// Plays what the bytes say and reads the pages.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let store = Store::new();
    let own = Own::new(UNIX_EPOCH);
    let mut targets = load(&store, &mut bytes);
    // What a target has recorded as a whole, not by its addresses.
    let mut recorded: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..64 {
        if bytes.is_empty() {
            break;
        }
        let target = &targets[bytes.below(targets.len())];
        let series = store.series(&target.name).expect("it was loaded");
        match bytes.below(8) {
            0 => {
                targets = load(&store, &mut bytes);
                recorded.retain(|name, _| targets.iter().any(|target| target.name == *name));
            }
            1 => series.skip(
                SkipReason::ALL[bytes.below(SkipReason::ALL.len())],
                bytes.u64() >> 20,
            ),
            2 => {
                let ips = [bytes.u32() % 4, bytes.u32() % 4].map(|n| Ipv4Addr::from(n).into());
                for (_, series) in series.take_in(&ips, Instant::now()) {
                    series.record(&outcome(target, &mut bytes));
                }
            }
            _ => {
                series.record(&outcome(target, &mut bytes));
                *recorded.entry(target.name.clone()).or_default() += 1;
            }
        }
    }
    let [text, open] = [Format::Text, Format::OpenMetrics].map(|format| page(format, &own, &store));
    let same = text.series.keys().eq(open.series.keys());
    assert!(same, "the formats have different series");
    check(&text, &targets, &recorded);
}

fn page(format: Format, own: &Own, store: &Store) -> Read {
    let mut page = Page::new(format, own, store);
    let (mut text, mut chunk) = (Vec::new(), Vec::new());
    while page.next_chunk(&mut chunk) {
        text.append(&mut chunk);
    }
    let text = String::from_utf8(text).expect("pages are UTF-8");
    reader::read(&text, format == Format::OpenMetrics)
}

/// Every label is there as it was given, and every count adds up.
fn check(read: &Read, targets: &[Arc<Target>], recorded: &BTreeMap<String, u64>) {
    for target in targets {
        let mut expected = Labels::from([("target".to_owned(), target.name.clone())]);
        let own = target.labels.iter();
        expected.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let count = recorded.get(&target.name).copied().unwrap_or_default() as f64;
        let probes = ("httpcycle_probes_total".to_owned(), expected.clone());
        if target.module.ip_strategy == IpStrategy::First {
            assert_eq!(read.series.get(&probes), Some(&count), "{probes:?}");
        }
        let is_ours = |labels: &Labels| labels.get("target") == Some(&target.name);
        for (name, labels) in read.series.keys().filter(|(_, labels)| is_ours(labels)) {
            let is_there = |(name, value): (&String, &String)| labels.get(name) == Some(value);
            assert!(
                expected.iter().all(is_there),
                "{name} has {labels:?} of {expected:?}"
            );
        }
    }
    for ((name, labels), count) in &read.series {
        let Some(family) = name.strip_suffix("_count") else {
            continue;
        };
        let mut last = labels.clone();
        last.insert("le".to_owned(), "+Inf".to_owned());
        let bucket = read.series.get(&(format!("{family}_bucket"), last));
        assert_eq!(bucket, Some(count), "{name} {labels:?}");
    }
}

/// Loads new targets, no two of one name; some may have been there before.
fn load(store: &Store, bytes: &mut Bytes<'_>) -> Vec<Arc<Target>> {
    let n_targets = 1 + bytes.below(3);
    let mut targets: Vec<Arc<Target>> = Vec::new();
    for _ in 0..n_targets {
        let target = target(bytes);
        if !targets.iter().any(|known| known.name == target.name) {
            targets.push(Arc::new(target));
        }
    }
    let bounds: Vec<f64> = (0..bytes.below(4))
        .map(|_| f64::from(bytes.u32()) * 1e-7)
        .collect();
    let bounds = Bounds::new(&bounds).or_else(|_| Bounds::new(&[0.1, 1.0]));
    store.reconcile(&targets, &Arc::new(bounds.expect("two bounds in order")));
    targets
}

fn target(bytes: &mut Bytes<'_>) -> Target {
    let name = match bytes.text() {
        name if name.is_empty() => "a".to_owned(),
        name => name,
    };
    let mut own = labels::Labels::default();
    for _ in 0..bytes.below(3) {
        // A name that is refused leaves none.
        own.insert(&bytes.text(), &bytes.text()).ok();
    }
    let url = format!("https://a.example/{}", bytes.text());
    Target {
        url: TargetUrl::parse(&url).unwrap_or_else(|_| TargetUrl::loopback()),
        module: Arc::new(module(bytes)),
        interval: Duration::from_millis(u64::from(bytes.u32())),
        timeout: Duration::from_secs(1),
        labels: own,
        name,
    }
}

fn module(bytes: &mut Bytes<'_>) -> Module {
    let mut reasons = Reasons::default();
    for _ in 0..bytes.below(4) {
        reasons.insert(&bytes.text(), &bytes.text()).ok();
    }
    let codes =
        |bytes: &mut Bytes<'_>| -> Vec<u16> { (0..bytes.below(4)).map(|_| code(bytes)).collect() };
    Module {
        name: bytes.text(),
        conflict_codes: codes(bytes),
        valid_status_codes: codes(bytes),
        conflict_reason: (bytes.below(2) == 0).then_some(ReasonRule {
            source: Source::Header(HeaderName::from_static("x")),
            reasons,
        }),
        ip_strategy: match bytes.below(4) {
            0 => IpStrategy::All,
            _ => IpStrategy::First,
        },
        ..Module::http_2xx()
    }
}

/// A code as a peer may send it.
fn code(bytes: &mut Bytes<'_>) -> u16 {
    100 + u16::from(bytes.byte()) * 4 % 900
}

fn outcome(target: &Target, bytes: &mut Bytes<'_>) -> Outcome {
    let mut timeline = Timeline::new();
    for phase in Phase::ALL {
        if bytes.below(2) == 0 {
            let [a, b] = [bytes.u32(), bytes.u32()].map(|n| Duration::from_nanos(u64::from(n)));
            timeline.push(Span::new(phase, a, b));
        }
    }
    timeline.finish(Duration::from_nanos(bytes.u64() >> 16));
    let response = (bytes.below(4) > 0).then(|| response(target, bytes));
    Outcome {
        started: UNIX_EPOCH + Duration::from_nanos(bytes.u64() >> 2),
        connection: Some(Endpoints {
            local: None,
            remote: SocketAddr::from(([127, 0, 0, 1], 1)),
        }),
        timeline,
        response,
        cert_expiry: (bytes.below(2) == 0).then(|| bytes.u64().cast_signed()),
        judgement: Judgement::default(),
        failure: (response.is_none() || bytes.below(2) == 0).then(|| Failure {
            reason: Reason::ALL[bytes.below(Reason::ALL.len())],
            detail: bytes.text(),
        }),
    }
}

fn response(target: &Target, bytes: &mut Bytes<'_>) -> Response {
    let code = code(bytes);
    let mut conflict = target.module.conflict(code);
    let n_reasons = target.module.conflict_reasons().count();
    if let Some(Conflict { reason, .. }) = &mut conflict {
        let mut reasons = target.module.conflict_reasons();
        let chosen = reasons.nth(bytes.below(n_reasons));
        *reason = chosen.map_or(ConflictReason::Other, |(reason, _)| reason);
    }
    Response {
        code,
        version: HttpVersion::Http11,
        conflict,
        body_bytes: bytes.u64(),
        redirects: bytes.byte(),
        is_redirect: false,
        left_origin: false,
        over_tls: true,
    }
}
