//! What `debug=true` and `/logs` show of a probe: what happened, its series, its module.

use std::fmt::Write as _;
use std::time::Duration;

use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::server::module_yaml;
use crate::server::probe::page;
use crate::server::probe::results::Found;
use crate::server::probe::results::ProbeResult;

/// Writes the page.
pub fn page(result: &ProbeResult) -> Vec<u8> {
    let mut page = format!("Logs for the probe:\n{}", log(result)).into_bytes();
    page.extend_from_slice(b"\n\n\nMetrics that would have been returned:\n");
    page::write(result, &mut page);
    page.extend_from_slice(b"\n\n\nModule configuration:\n");
    let mut yaml = String::new();
    module_yaml::write(&result.module, result.module_timeout, 0, &mut yaml);
    page.extend_from_slice(yaml.as_bytes());
    page
}

/// The lines of a log, made from what is known after the fact.
struct Log<'r> {
    result: &'r ProbeResult,
    target: String,
    lines: String,
}

impl Log<'_> {
    /// Adds a line; `fields` are text that stands as it is.
    fn line(&mut self, after: Duration, level: &str, message: &str, fields: &str) {
        let time = humantime::format_rfc3339_millis(self.result.started + after);
        let module = &self.result.module.name;
        let target = &self.target;
        writeln!(
            self.lines,
            "time={time} level={level} module={module:?} target={target:?} msg={message:?}{fields}"
        )
        .expect("a String takes whatever is written");
    }
}

fn log(result: &ProbeResult) -> String {
    let mut log = Log {
        result,
        target: result.shown_target(),
        lines: String::new(),
    };
    let timeout = result.timeout.as_secs_f64();
    let fields = format!(" probe=http timeout_seconds={timeout}");
    log.line(Duration::ZERO, "INFO", "Beginning probe", &fields);
    match &result.found {
        Err(error) => {
            let fields = format!(" err={error:?}");
            log.line(
                Duration::ZERO,
                "ERROR",
                "Could not parse target URL",
                &fields,
            );
            let fields = " duration_seconds=0";
            log.line(Duration::ZERO, "ERROR", "Probe failed", fields);
        }
        Ok(found) => walk(&mut log, found),
    }
    log.lines
}

fn walk(log: &mut Log<'_>, found: &Found) {
    let Found {
        outcome, detail, ..
    } = found;
    let timeline = &outcome.timeline;
    // What is known of connections is known of the last one.
    let last_hop = timeline.spans().last().map(|span| span.hop);
    let mut redirected_to = detail.redirected_to.iter();
    let mut hop = 0;
    for span in timeline.spans() {
        if span.hop != hop {
            hop = span.hop;
            let location = redirected_to.next().map_or("", String::as_str);
            let fields = format!(" location={location:?}");
            log.line(span.start, "INFO", "Received redirect", &fields);
        }
        let is_last = last_hop == Some(span.hop);
        let fields = format!(
            " phase={} hop={} start_seconds={} duration_seconds={} clock={}",
            span.phase.label(),
            span.hop,
            span.start.as_secs_f64(),
            span.duration().as_secs_f64(),
            span.clock.label(),
        );
        log.line(span.end, "INFO", "Phase over", &fields);
        if let (Phase::Connect, Some(ends), true) = (span.phase, outcome.connection, is_last) {
            let remote = ends.remote;
            log.line(
                span.end,
                "INFO",
                "Address tried",
                &format!(" remote={remote}"),
            );
        }
        let agreed = detail.tls.as_ref().and_then(|tls| tls.agreed);
        if let (Phase::Tls, Some(agreed), true) = (span.phase, agreed, is_last) {
            let fields = format!(" version={:?} cipher={}", agreed.version, agreed.cipher);
            log.line(span.end, "INFO", "TLS agreed", &fields);
        }
    }
    let (total, end) = (timeline.total(), timeline.end());
    if let Some(response) = outcome.response {
        let fields = format!(
            " status_code={} version={} body_bytes={} redirects={}",
            response.code,
            response.version.name(),
            response.body_bytes,
            response.redirects,
        );
        log.line(end, "INFO", "Received HTTP response", &fields);
    }
    let duration = format!(" duration_seconds={}", total.as_secs_f64());
    match &outcome.failure {
        None => log.line(total, "INFO", "Probe succeeded", &duration),
        Some(failure) => {
            let err = match failure.reason {
                // Which address a name has, and which rule denies it, is not for everybody who may
                // ask for a probe.
                Reason::ConnectBlocked | Reason::RedirectBlocked => {
                    "the address may not be probed".to_owned()
                }
                _ => failure.printable_detail(),
            };
            let fields = format!(
                " phase={} reason={} err={err:?}{duration}",
                failure.reason.place().label(),
                failure.reason.label(),
            );
            log.line(total, "ERROR", "Probe failed", &fields);
        }
    }
}
