//! Which samples a target has in each family.

use std::sync::atomic::Ordering::Relaxed;

use crate::metrics::catalogue;
use crate::metrics::catalogue::Family;
use crate::metrics::gauge::Gauge;
use crate::metrics::histograms::Histogram;
use crate::metrics::labels::escaped;
use crate::metrics::lines::Lines;
use crate::metrics::lines::Value;
use crate::metrics::series::Series;
use crate::outcome::Conflict;
use crate::outcome::Verdict;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;

/// How the samples of a family are written for one target.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) family: &'static Family,
    pub(crate) write: fn(&Series, &mut Lines<'_>),
}

/// Declares the list, a row for a family.
macro_rules! samples {
    ($($family:ident => $write:expr,)*) => {
        /// The families of [`catalogue::OF_TARGETS`], in that order.
        pub(crate) static OF_TARGETS: &[Samples] = &[
            $(Samples { family: &catalogue::$family, write: $write },)*
        ];
    };
}

samples! {
    TARGET_INFO => target_info,
    PROBE_INTERVAL => probe_interval,
    PROBES => |series, lines| {
        lines.sample(&[], Value::Count(series.counts.probes.load(Relaxed)));
    },
    PROBE_FAILURES => probe_failures,
    PROBES_SKIPPED => probes_skipped,
    RESPONSES => responses,
    CONFLICTS => conflicts,
    PROBE_DURATION => probe_durations,
    PHASE_DURATION => phase_durations,
    PROBE_SUCCESS => |series, lines| gauge(&series.counts.success, Value::Whole, lines),
    LAST_PROBE_TIMESTAMP => |series, lines| {
        gauge(&series.counts.last_probe, nanoseconds, lines);
    },
    LAST_SUCCESS_TIMESTAMP => |series, lines| {
        gauge(&series.counts.last_success, nanoseconds, lines);
    },
    TLS_EARLIEST_CERT_EXPIRY_TIMESTAMP => |series, lines| {
        gauge(&series.counts.cert_expiry, Value::Whole, lines);
    },
    REDIRECTS => |series, lines| gauge(&series.counts.redirects, Value::Whole, lines),
    RESPONSE_BODY => |series, lines| gauge(&series.counts.body_bytes, Value::Whole, lines),
    HTTP_VERSION => |series, lines| {
        let version = |bits: i64| Value::Float(f64::from_bits(bits.cast_unsigned()));
        gauge(&series.counts.http_version, version, lines);
    },
}

fn gauge(gauge: &Gauge, value: fn(i64) -> Value, lines: &mut Lines<'_>) {
    if let Some(number) = gauge.value() {
        lines.sample(&[], value(number));
    }
}

fn nanoseconds(number: i64) -> Value {
    Value::Nanoseconds(number.unsigned_abs())
}

/// What is said of the target is not repeated for its addresses: a query that joins it by the
/// target alone would find it several times.
fn target_info(series: &Series, lines: &mut Lines<'_>) {
    if series.ip.is_none() {
        lines.sample(&[&series.info], Value::Count(1));
    }
}

fn probe_interval(series: &Series, lines: &mut Lines<'_>) {
    if series.ip.is_some() {
        return;
    }
    let interval = series.target.interval.as_nanos();
    let value = Value::Nanoseconds(u64::try_from(interval).unwrap_or(u64::MAX));
    lines.sample(&[], value);
}

fn probe_failures(series: &Series, lines: &mut Lines<'_>) {
    for &reason in Reason::ALL {
        let count = series.counts.failures(reason);
        if count > 0 {
            let (phase, reason) = (reason.place().label(), reason.label());
            lines.sample(
                &["phase=\"", phase, "\",reason=\"", reason, "\""],
                Value::Count(count),
            );
        }
    }
}

fn probes_skipped(series: &Series, lines: &mut Lines<'_>) {
    for reason in SkipReason::ALL {
        let count = Value::Count(series.counts.skips(reason));
        lines.sample(&["reason=\"", reason.label(), "\""], count);
    }
}

fn responses(series: &Series, lines: &mut Lines<'_>) {
    for (code, count) in series.counts.codes.read(&series.known_codes) {
        let mut digits = itoa::Buffer::new();
        let tail = ["code=\"", digits.format(code), "\""];
        lines.sample(&tail, Value::Count(count));
    }
    let other = series.counts.codes.other();
    if other > 0 {
        lines.sample(&["code=\"other\""], Value::Count(other));
    }
}

fn conflicts(series: &Series, lines: &mut Lines<'_>) {
    let module = &series.target.module;
    for (expected, label) in [(false, "false"), (true, "true")] {
        let allowed = module.conflict_codes.iter().any(|&code| {
            let conflict = module.conflict(code);
            conflict.is_some_and(|conflict| conflict.expected == expected)
        });
        for (reason, name) in module.conflict_reasons() {
            let conflict = Conflict { expected, reason };
            let count = series.counts.conflicts(conflict, &series.listed);
            if allowed || count > 0 {
                lines.sample(
                    &["expected=\"", label, "\",reason=\"", &escaped(name), "\""],
                    Value::Count(count),
                );
            }
        }
    }
}

fn probe_durations(series: &Series, lines: &mut Lines<'_>) {
    for verdict in Verdict::ALL {
        let tail = ["outcome=\"", verdict.label(), "\""];
        histogram(&tail, &series.histograms.probe(verdict), lines);
    }
}

fn phase_durations(series: &Series, lines: &mut Lines<'_>) {
    for phase in Phase::ALL {
        let durations = series.histograms.phase(phase);
        // A phase that ran is shown even if it cannot run any more, or a counter would vanish.
        if series.target.can_run(phase) || !durations.is_empty() {
            let tail = ["phase=\"", phase.label(), "\""];
            histogram(&tail, &durations, lines);
        }
    }
}

fn histogram(tail: &[&str], histogram: &Histogram<'_>, lines: &mut Lines<'_>) {
    let sum = Value::Nanoseconds(histogram.sum_nanoseconds());
    lines.histogram(tail, histogram.bounds.texts(), histogram.cumulative(), sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_of_targets_is_written_in_the_order_of_the_catalogue() {
        let written: Vec<_> = OF_TARGETS.iter().map(|samples| samples.family).collect();
        assert_eq!(written, catalogue::OF_TARGETS);
    }
}
