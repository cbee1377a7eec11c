//! Bodies that are made to hurt: they change no series and cost no more than the bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use httpcycle_exporter::metrics::bounds::Bounds;
use httpcycle_exporter::metrics::format::Format;
use httpcycle_exporter::metrics::own::Own;
use httpcycle_exporter::metrics::page::Page;
use httpcycle_exporter::metrics::store::Store;
use httpcycle_exporter::outcome::Verdict;
use tokio::io::AsyncWriteExt;

use super::{PATIENCE, answer, module, prober, reason};
use crate::support::{peer, probing};

const JSON: &str = "{json: /reason, values: {AlreadyExists: already_exists}}";
const REGEXP: &str =
    r#"{regexp: 'reason"\s*:\s*"([^"]*)"', values: {AlreadyExists: already_exists}}"#;
const HEADER: &str = "{header: X-Reason, values: {AlreadyExists: already_exists}}";

/// What names the samples of all targets, without their values.
fn series(store: &Store) -> Vec<String> {
    let mut page = Page::new(Format::Text, &Own::new(SystemTime::UNIX_EPOCH), store);
    let mut text = Vec::new();
    while page.next_chunk(&mut text) {}
    let text = String::from_utf8(text).unwrap();
    let samples = text.lines().filter(|line| line.contains("target=\""));
    samples
        .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
        .collect()
}

fn value(store: &Store, labels: &str) -> u64 {
    let mut page = Page::new(Format::Text, &Own::new(SystemTime::UNIX_EPOCH), store);
    let mut text = Vec::new();
    while page.next_chunk(&mut text) {}
    let text = String::from_utf8(text).unwrap();
    let start = format!("httpcycle_conflicts_total{{target=\"test\",{labels}}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap().parse().unwrap()
}

/// A body by name, and the reasons that it has by JSON and by expression.
type Row = (&'static str, Vec<u8>, &'static str, &'static str);

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let mebibytes = |text: &str| text.repeat(10 * 1024 * 1024 / text.len() + 1);
    let early = format!(r#"{{"reason":"AlreadyExists","pad":"{}"}}"#, mebibytes("a"));
    let late = format!(r#"{{"pad":"{}","reason":"AlreadyExists"}}"#, mebibytes("a"));
    let behind = format!(r#"{{"reason":"AlreadyExists"}}{}"#, mebibytes(" "));
    let deep = format!(r#"{{"reason":"AlreadyExists","x":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!("{}1{}", r#"{"reason":"#.repeat(5_000), "}".repeat(5_000));
    let names = format!("{{{}}}", r#""a":[{}],"#.repeat(7_000));
    let huge = format!(r#"{{"reason":"{}"}}"#, "a".repeat(60_000));
    let [known, other, nothing] = ["already_exists", "other", "unspecified"];
    vec![
        ("10 MB after it", early.into_bytes(), nothing, known),
        ("10 MB before it", late.into_bytes(), nothing, nothing),
        ("10 MB of spaces after it", behind.into_bytes(), nothing, known),
        ("10 MB of zeros", vec![0; 10 * 1024 * 1024], nothing, nothing),
        ("10 MB of opening brackets", mebibytes("[").into_bytes(), nothing, nothing),
        ("10 MB of quotes", mebibytes("reason\":\"").into_bytes(), nothing, other),
        ("deep beside it", deep.into_bytes(), known, known),
        ("deep on the way", nested.into_bytes(), nothing, nothing),
        ("many names", names.into_bytes(), nothing, nothing),
        ("a huge value", huge.into_bytes(), other, other),
        ("no JSON", b"<html>409".to_vec(), nothing, nothing),
        ("no UTF-8 beside it", b"{\"reason\":\"AlreadyExists\",\"x\":\"\xff\"}".to_vec(), nothing, known),
        // What the expression takes has to be UTF-8 as well, unless it says otherwise.
        ("no UTF-8 in it", b"{\"reason\":\"\xff\"}".to_vec(), nothing, nothing),
        ("half a pair", br#"{"reason":"\ud800"}"#.to_vec(), nothing, other),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bodies_are_read_to_their_end_and_forgotten() {
    for (what, body, by_json, by_regexp) in rows() {
        for (rule, expected) in [
            (JSON, by_json),
            (REGEXP, by_regexp),
            (HEADER, "unspecified"),
        ] {
            let module = module(&format!("conflict: {{reason: {rule}}}"));
            let bytes = answer("", &body);
            let outcome = super::outcome(&module, bytes, peer::Then::Hold, PATIENCE).await;
            assert_eq!(reason(&module, &outcome), Some(expected), "{what}, {rule}");
            assert_eq!(outcome.verdict(), Verdict::Conflict, "{what}");
            let read = outcome.response.unwrap().body_bytes;
            assert_eq!(read, body.len() as u64, "{what}");
            let detail = outcome.failure.unwrap().detail;
            assert!(detail.len() < 500, "{what}: {} bytes", detail.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reasons_make_no_series() {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    let peer = peer::serve(move |mut stream| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        async move {
            peer::read_request(&mut stream).await;
            let value = if n.is_multiple_of(10) {
                "AlreadyExists".to_owned()
            } else {
                format!("New{n}")
            };
            let headers = format!("X-Reason: {value}\r\n");
            let body = format!(r#"{{"reason":"{value}"}}"#);
            stream
                .write_all(&answer(&headers, body.as_bytes()))
                .await
                .ok();
        }
    })
    .await;
    for rule in [JSON, REGEXP, HEADER] {
        let prober = prober(
            &peer,
            module(&format!("conflict: {{reason: {rule}}}")),
            PATIENCE,
        );
        let store = Store::new();
        let bounds = Arc::new(Bounds::new(&[1.0]).unwrap());
        store.reconcile(&[prober.target().clone()], &bounds);
        let recording = store.series("test").unwrap();
        // The first brings the pair of phase and reason of its failure.
        recording.record(&probing::probe(&prober).await);
        let before = series(&store);
        for _ in 1..1_000 {
            recording.record(&probing::probe(&prober).await);
        }
        assert_eq!(series(&store), before, "{rule}");
        let counts = ["already_exists", "other", "unspecified"]
            .map(|reason| value(&store, &format!("expected=\"false\",reason=\"{reason}\"")));
        assert_eq!(counts.iter().sum::<u64>(), 1_000, "{rule}: {counts:?}");
        // A probe that the exporter had to skip may have taken one of either.
        assert!(
            (90..=110).contains(&counts[0]) && counts[2] == 0,
            "{rule}: {counts:?}"
        );
    }
    assert!(answered.load(Ordering::Relaxed) >= 3_000);
}
