//! The exposition: hand-made outcomes in, pages out.

mod conflicts;
mod page;
mod parsers;
mod recording;
mod reload;

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use httpcycle_exporter::metrics::bounds::Bounds;
use httpcycle_exporter::metrics::format::Format;
use httpcycle_exporter::metrics::own::Own;
use httpcycle_exporter::metrics::page::Page;
use httpcycle_exporter::metrics::store::Store;
use httpcycle_exporter::outcome::Failure;
use httpcycle_exporter::outcome::HttpVersion;
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::Response;
use httpcycle_exporter::outcome::judgement::Judgement;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::timeline::{Span, Timeline};
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::labels::Labels;
use httpcycle_exporter::target::module::Module;

fn at(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

fn bounds(seconds: &[f64]) -> Arc<Bounds> {
    Arc::new(Bounds::new(seconds).unwrap())
}

fn target(name: &str, url: &str) -> Target {
    Target {
        name: name.to_owned(),
        url: TargetUrl::parse(url).unwrap(),
        module: Arc::new(Module::http_2xx()),
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(2),
        labels: Labels::default(),
    }
}

fn labelled(name: &str, labels: &[(&str, &str)]) -> Target {
    let mut target = target(name, "https://api.example/");
    for (name, value) in labels {
        target.labels.insert(name, value).unwrap();
    }
    target
}

fn listing(target: Target, valid: &[u16], conflict: &[u16]) -> Target {
    let module = Module {
        valid_status_codes: valid.to_vec(),
        conflict_codes: conflict.to_vec(),
        ..(*target.module).clone()
    };
    Target {
        module: Arc::new(module),
        ..target
    }
}

fn store(targets: Vec<Target>, bounds: &Arc<Bounds>) -> Store {
    let store = Store::new();
    reconcile(&store, targets, bounds);
    store
}

fn reconcile(store: &Store, targets: Vec<Target>, bounds: &Arc<Bounds>) {
    let targets: Vec<_> = targets.into_iter().map(Arc::new).collect();
    store.reconcile(&targets, bounds);
}

/// What `target` gets when it answers with `code` after `milliseconds` in each phase.
fn answer(target: &Target, code: u16, milliseconds: u64) -> Outcome {
    let mut timeline = Timeline::new();
    for phase in Phase::ALL {
        if target.can_run(phase) {
            let start = timeline.end();
            timeline.push(Span::new(
                phase,
                start,
                start + Duration::from_millis(milliseconds),
            ));
        }
    }
    Outcome {
        started: at(1_700_000_000.5) - timeline.total(),
        timeline,
        connection: None,
        response: Some(Response {
            code,
            version: HttpVersion::Http11,
            conflict: target.module.conflict(code),
            body_bytes: 1234,
            redirects: 1,
            is_redirect: false,
            left_origin: false,
            over_tls: false,
        }),
        cert_expiry: target.url.is_tls().then_some(1_800_000_000),
        judgement: Judgement::default(),
        failure: (!target.module.is_valid(code)).then(|| failure(Reason::ValidateStatus)),
    }
}

fn failure(reason: Reason) -> Failure {
    Failure {
        reason,
        detail: "in words".to_owned(),
    }
}

/// A probe whose connection was refused after 250 ms.
fn refused() -> Outcome {
    let mut timeline = Timeline::new();
    timeline.push(Span::new(
        Phase::Connect,
        Duration::ZERO,
        Duration::from_millis(250),
    ));
    Outcome {
        started: at(1_700_000_001.25) - timeline.total(),
        timeline,
        connection: None,
        response: None,
        cert_expiry: None,
        judgement: Judgement::default(),
        failure: Some(failure(Reason::ConnectRefused)),
    }
}

fn chunks(store: &Store, format: Format) -> Vec<Vec<u8>> {
    let own = Own::new(at(1_600_000_000.0));
    own.set_sources(&["targets/*.yml".to_owned()]);
    let mut page = Page::new(format, &own, store);
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    while page.next_chunk(&mut chunk) {
        chunks.push(std::mem::take(&mut chunk));
    }
    assert!(chunk.is_empty());
    chunks
}

fn page(store: &Store, format: Format) -> String {
    String::from_utf8(chunks(store, format).concat()).unwrap()
}

/// The page without what the exporter tells about itself, which differs from run to run.
fn page_of_targets(store: &Store, format: Format) -> String {
    let page = page(store, format);
    let own = page
        .find("# HELP httpcycle_target_info")
        .unwrap_or_default();
    page[own..].to_owned()
}

/// The value of the sample that begins with `series`, if there is one.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}
