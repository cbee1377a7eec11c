//! What an exporter said about a case, and how two that did differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::blackbox::case::{Case, Difference};
use crate::blackbox::stage::Stage;

/// Everything that is compared, by its name.
pub type Readings = BTreeMap<String, String>;

/// A label of `probe_ssl_last_chain_info` that 0.23 has not; 0.26 brought it.
const LABEL_SINCE: &str = "serialnumber=";

/// How long a probe may take on the slowest of machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets the exporter at `address` probe a case.
pub async fn ask(address: SocketAddr, case: &Case, stage: &Stage) -> Readings {
    let query = if case.query.is_empty() {
        let target = stage.fill(case.target);
        let target = utf8_percent_encode(&target, NON_ALPHANUMERIC);
        format!("module={}&target={target}{}", case.name, case.further)
    } else {
        stage.fill(case.query)
    };
    let request = format!(
        "GET /probe?{query} HTTP/1.0\r\nHost: x\r\n{}\r\n",
        case.headers
    );
    for _ in 0..10 {
        let response = timeout(PATIENCE, get(address, &request)).await;
        let response = response.unwrap_or_else(|_| panic!("{}: no answer", case.name));
        let mut readings = read(&response);
        readings.extend(stage.seen());
        // Ours says so when the machine was too busy to probe; it has a moment at the latest later.
        if readings["status"] != "503" {
            return readings;
        }
    }
    panic!("{}: the machine is too busy to probe", case.name);
}

async fn get(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

/// The readings of a response to `/probe`.
fn read(response: &str) -> Readings {
    let mut readings = Readings::new();
    let (head, page) = response.split_once("\r\n\r\n").unwrap_or((response, ""));
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default().split(' ').nth(1);
    readings.insert("status".to_owned(), status.unwrap_or("none").to_owned());
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-type")
        {
            readings.insert("content type".to_owned(), value.trim().to_owned());
        }
    }
    if status != Some("200") {
        return readings;
    }
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            readings.insert(format!("type of {name}"), kind.to_owned());
        } else if line.starts_with("probe_") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let takes_time =
                series.contains("_duration_seconds") || series.contains("_time_seconds");
            let value: f64 = value.parse().unwrap();
            let value = if takes_time {
                "some time".to_owned()
            } else {
                value.to_string()
            };
            readings.insert(in_order(series), value);
        }
    }
    readings
}

/// A series with its labels sorted.
fn in_order(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else {
        return series.to_owned();
    };
    // Values hold escaped quotes, so a label ends with a quote that is not.
    let labels = labels.trim_end_matches('}').replace("\\\"", "\u{1}");
    let labels: BTreeSet<String> = labels
        .split("\",")
        .filter(|label| !label.is_empty())
        .map(|label| format!("{}\"", label.trim_end_matches('"')))
        .map(|label| label.replace('\u{1}', "\\\""))
        .filter(|label| !label.starts_with(LABEL_SINCE))
        .collect();
    let labels: Vec<String> = labels.into_iter().collect();
    format!("{name}{{{}}}", labels.join(","))
}

/// Differences that were met, and what is wrong with them.
#[derive(Default)]
pub struct Verdict {
    pub wrong: String,
    /// The differences that hold for all cases and were met.
    pub met: BTreeSet<&'static str>,
}

/// Compares two readings of a case, with what is meant to differ in it and in `all`.
pub fn compare(
    case: &Case,
    all: &'static [Difference],
    theirs: &Readings,
    ours: &Readings,
) -> Verdict {
    let mut verdict = Verdict::default();
    let mut met: BTreeSet<usize> = BTreeSet::new();
    let absent = "absent".to_owned();
    let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    for name in names {
        let theirs = theirs.get(name).unwrap_or(&absent);
        let ours = ours.get(name).unwrap_or(&absent);
        if theirs == ours {
            continue;
        }
        let fits = |difference: &Difference| {
            matches(difference.what, name)
                && matches(difference.theirs, theirs)
                && matches(difference.ours, ours)
        };
        if let Some(at) = case.differences.iter().position(fits) {
            met.insert(at);
        } else if let Some(difference) = all.iter().find(|difference| fits(difference)) {
            verdict.met.insert(difference.what);
        } else {
            writeln!(verdict.wrong, "  {name}: theirs {theirs:?}, ours {ours:?}").unwrap();
        }
    }
    for (at, difference) in case.differences.iter().enumerate() {
        if !met.contains(&at) {
            writeln!(
                verdict.wrong,
                "  {} does not differ any more ({})",
                difference.what, difference.why
            )
            .unwrap();
        }
    }
    verdict
}

/// Whether a text is as a pattern says, which may end in `*` or begin with it.
fn matches(pattern: &str, text: &str) -> bool {
    if let Some(start) = pattern.strip_suffix('*') {
        text.starts_with(start)
    } else if let Some(end) = pattern.strip_prefix('*') {
        text.ends_with(end)
    } else {
        pattern == text
    }
}
