use std::net::SocketAddr;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use serde_json::Value;

use super::*;
use crate::outcome::Conflict;
use crate::outcome::ConflictReason;
use crate::outcome::Endpoints;
use crate::outcome::Failure;
use crate::outcome::HttpVersion;
use crate::outcome::Outcome;
use crate::outcome::judgement::Judgement;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::timeline::Clock;
use crate::outcome::timeline::Span;
use crate::outcome::timeline::Timeline;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;
use crate::target::module::Module;

const HOSTILE: &str = "a\"b\\c</script><!--\u{2028}ä𝄞";

fn target(name: &str) -> Arc<Target> {
    let mut labels = Labels::default();
    labels.insert("team", HOSTILE).unwrap();
    Arc::new(Target {
        name: name.to_owned(),
        url: TargetUrl::parse("http://u:secret@h/x?token=secret").unwrap(),
        module: Arc::new(Module::http_2xx()),
        interval: Duration::from_millis(2_500),
        timeout: Duration::from_secs(2),
        labels,
    })
}

fn refused(detail: &str) -> Outcome {
    Outcome {
        started: UNIX_EPOCH + Duration::new(1_795_000_000, 123_456_789),
        timeline: Timeline::new(),
        connection: None,
        response: None,
        cert_expiry: None,
        judgement: Judgement::default(),
        failure: Some(Failure {
            reason: Reason::ConnectRefused,
            detail: detail.to_owned(),
        }),
    }
}

fn conflict() -> Outcome {
    let mut outcome = refused("");
    outcome.timeline.push(Span {
        clock: Clock::Kernel,
        ..Span::new(
            Phase::Connect,
            Duration::from_nanos(5),
            Duration::from_secs(5),
        )
    });
    outcome.timeline.push(Span {
        clock: Clock::Fallback,
        hop: 1,
        ..Span::new(Phase::Send, Duration::from_secs(5), Duration::from_secs(5))
    });
    outcome.timeline.finish(Duration::from_nanos(5_000_000_009));
    outcome.connection = Some(Endpoints {
        local: Some(SocketAddr::from(([127, 0, 0, 1], 1))),
        remote: "[::1]:443".parse().unwrap(),
    });
    outcome.response = Some(crate::outcome::Response {
        code: 409,
        version: HttpVersion::Http11,
        conflict: Some(Conflict {
            expected: false,
            reason: ConflictReason::Other,
        }),
        body_bytes: 0,
        redirects: 0,
        is_redirect: false,
        left_origin: false,
        over_tls: false,
    });
    outcome.failure = Some(Failure {
        reason: Reason::ValidateStatus,
        detail: "status 409".to_owned(),
    });
    outcome
}

/// The chunks of a page.
fn chunks(histories: &Histories) -> Vec<Vec<u8>> {
    let mut page = Page::new(histories.current());
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    while page.next_chunk(&mut chunk) {
        chunks.push(std::mem::take(&mut chunk));
    }
    chunks
}

#[test]
fn the_page_is_as_written_down() {
    let histories = Histories::new(20);
    histories.reconcile(&[target("orders")]);
    let history = histories.of("orders").unwrap();
    let empty = String::from_utf8(chunks(&histories).concat()).unwrap();
    assert!(
        empty.contains(r#""next_probe":null,"probes":[]"#),
        "{empty}"
    );
    history.set_next_probe(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    history.record(&refused("connection refused"), Duration::ZERO);
    history.record(&conflict(), Duration::from_nanos(456_789));
    let team = serde_json::to_string(HOSTILE).unwrap();
    let expected = [
        r#"{"targets":[{"name":"orders","url":"http://h/x?token=xxxxx","module":"http_2xx","#,
        r#""interval_seconds":2.5,"labels":{"team":"#,
        &team,
        r#"},"next_probe":"2027-01-15T08:00:00.000000000Z","probes":["#,
        r#"{"intended":"2026-11-18T11:06:40.123000000Z","start":"2026-11-18T11:06:40.123456789Z","#,
        r#""duration_ns":5000000009,"overhead_ns":14,"local":"127.0.0.1:1","remote":"[::1]:443","#,
        r#""phases":["#,
        r#"{"phase":"connect","start_ns":5,"end_ns":5000000000,"clock":"kernel","hop":0},"#,
        r#"{"phase":"send","start_ns":5000000000,"end_ns":5000000000,"clock":"user","hop":1}],"#,
        r#""code":409,"outcome":"conflict","conflict_reason":"other","#,
        r#""failure":{"phase":"validate","reason":"status","detail":"status 409"}},"#,
        r#"{"intended":"2026-11-18T11:06:40.123456789Z","start":"2026-11-18T11:06:40.123456789Z","#,
        r#""duration_ns":0,"overhead_ns":0,"local":null,"remote":null,"phases":[],"#,
        r#""code":null,"outcome":"failure","conflict_reason":null,"#,
        r#""failure":{"phase":"connect","reason":"refused","detail":"connection refused"}}]}]}"#,
        "\n",
    ];
    let page = String::from_utf8(chunks(&histories).concat()).unwrap();
    assert_eq!(page, expected.concat());
}

#[test]
fn whatever_text_comes_it_stays_text() {
    let histories = Histories::new(20);
    histories.reconcile(&[target(HOSTILE)]);
    let history = histories.of(HOSTILE).unwrap();
    let detail = format!("{HOSTILE}\r\n\0\x1b[31m{}", "ß".repeat(300));
    history.record(&refused(&detail), Duration::ZERO);
    let page: Value = serde_json::from_slice(&chunks(&histories).concat()).unwrap();
    let target = &page["targets"][0];
    assert_eq!(target["name"], HOSTILE);
    assert_eq!(target["labels"]["team"], HOSTILE);
    let shown = target["probes"][0]["failure"]["detail"].as_str().unwrap();
    let kept = HOSTILE.replace('\u{2028}', "\u{fffd}");
    assert!(shown.starts_with(&format!("{kept}\u{fffd}\u{fffd}\u{fffd}\u{fffd}[31mßß")));
    assert_eq!(shown.chars().count(), 200);
}

#[test]
fn many_targets_come_in_small_chunks_sorted() {
    let histories = Histories::new(20);
    let names: Vec<String> = (0..1_000).map(|n| format!("t{n:03}")).collect();
    let targets: Vec<_> = names.iter().rev().map(|name| target(name)).collect();
    histories.reconcile(&targets);
    for name in &names {
        histories
            .of(name)
            .unwrap()
            .record(&conflict(), Duration::ZERO);
    }
    let chunks = chunks(&histories);
    assert!(chunks.len() > 5);
    for chunk in &chunks {
        assert!(chunk.len() < CHUNK + 2_000, "{}", chunk.len());
    }
    let page: Value = serde_json::from_slice(&chunks.concat()).unwrap();
    let shown = page["targets"].as_array().unwrap().iter();
    assert!(
        shown
            .map(|target| target["name"].as_str().unwrap())
            .eq(&names)
    );
}

#[test]
fn many_probes_come_in_small_chunks_newest_first() {
    let histories = Histories::new(1_000);
    histories.reconcile(&[target("a"), target("b")]);
    for name in ["a", "b"] {
        let history = histories.of(name).unwrap();
        for n in 0..1_000 {
            history.record(&refused(&format!("number {n}")), Duration::ZERO);
        }
    }
    let chunks = chunks(&histories);
    assert!(chunks.len() > 5);
    for chunk in &chunks {
        assert!(chunk.len() < CHUNK + 2_000, "{}", chunk.len());
    }
    let page: Value = serde_json::from_slice(&chunks.concat()).unwrap();
    for target in 0..2 {
        let probes = page["targets"][target]["probes"].as_array().unwrap();
        let details = probes
            .iter()
            .map(|probe| probe["failure"]["detail"].as_str());
        let expected: Vec<_> = (0..1_000).rev().map(|n| format!("number {n}")).collect();
        assert!(details.eq(expected.iter().map(|detail| Some(detail.as_str()))));
    }
}
