//! Every family of the exposition in one place, so that names, kinds and help cannot drift apart.

/// A family of series.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Family {
    /// The name, counters with `_total`.
    pub name: &'static str,
    /// What its samples are.
    pub kind: Kind,
    /// The unit of its values, which the name then holds too.
    pub unit: Option<Unit>,
    /// What it means, in one line.
    pub help: &'static str,
}

/// What the samples of a family are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that comes and goes.
    Gauge,
    /// Cumulative buckets, their sum and their count.
    Histogram,
}

impl Kind {
    /// The word for it in both formats.
    pub fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The unit of a family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// The word for it in OpenMetrics and in names.
    pub fn label(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// Declares the families and the list of them from one table, so that none can be left out.
macro_rules! families {
    ($(#[$doc:meta])* $list:ident: $($id:ident $kind:ident $unit:expr, $name:literal $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $id: Family = Family {
                name: $name,
                kind: Kind::$kind,
                unit: $unit,
                help: $help,
            };
        )*
        $(#[$doc])*
        pub static $list: &[&Family] = &[$(&$id,)*];
    };
}

const NO_UNIT: Option<Unit> = None;
const SECONDS: Option<Unit> = Some(Unit::Seconds);
const BYTES: Option<Unit> = Some(Unit::Bytes);

families! {
    /// What the exporter tells about itself, in the order of the page.
    OWN:
    BUILD_INFO Gauge NO_UNIT, "httpcycle_exporter_build_info"
        "What this exporter was built from; always 1.";
    CONFIG_LAST_RELOAD_SUCCESSFUL Gauge NO_UNIT, "httpcycle_config_last_reload_successful"
        "Whether the configuration was read without a mistake the last time.";
    CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP Gauge SECONDS, "httpcycle_config_last_reload_success_timestamp_seconds"
        "When the configuration in use was read, in seconds since 1970.";
    TARGETS Gauge NO_UNIT, "httpcycle_targets"
        "Targets that are probed.";
    SHARD_ORDINAL Gauge NO_UNIT, "httpcycle_shard_ordinal"
        "Which part of the targets this exporter probes, from 0 on.";
    SHARDS Gauge NO_UNIT, "httpcycle_shards"
        "How many exporters share the targets.";
    PROBES_IN_FLIGHT Gauge NO_UNIT, "httpcycle_probes_in_flight"
        "Probes that run at this moment.";
    SCHEDULE_LAG Histogram SECONDS, "httpcycle_schedule_lag_seconds"
        "How much later than intended a probe started.";
    PROBE_OVERHEAD Histogram SECONDS, "httpcycle_probe_overhead_seconds"
        "Time inside a probe that belongs to no phase.";
    CLOCK_FALLBACKS Counter NO_UNIT, "httpcycle_clock_fallbacks_total"
        "Ends of phases taken from the exporter's clock where the kernel's was wanted.";
    DISCOVERY_FAILURES Counter NO_UNIT, "httpcycle_discovery_failures_total"
        "Readings of a source of targets that failed.";
    PROCESS_CPU Counter SECONDS, "process_cpu_seconds_total"
        "Total user and system CPU time spent in seconds.";
    PROCESS_OPEN_FDS Gauge NO_UNIT, "process_open_fds"
        "Number of open file descriptors.";
    PROCESS_MAX_FDS Gauge NO_UNIT, "process_max_fds"
        "Maximum number of open file descriptors.";
    PROCESS_VIRTUAL_MEMORY Gauge BYTES, "process_virtual_memory_bytes"
        "Virtual memory size in bytes.";
    PROCESS_RESIDENT_MEMORY Gauge BYTES, "process_resident_memory_bytes"
        "Resident memory size in bytes.";
    PROCESS_START_TIME Gauge SECONDS, "process_start_time_seconds"
        "Start time of the process since unix epoch in seconds.";
    PROCESS_THREADS Gauge NO_UNIT, "process_threads"
        "Number of OS threads in the process.";
}

families! {
    /// What every target has, in the order of the page.
    OF_TARGETS:
    TARGET_INFO Gauge NO_UNIT, "httpcycle_target_info"
        "How the target is probed, credentials removed; always 1.";
    PROBE_INTERVAL Gauge SECONDS, "httpcycle_probe_interval_seconds"
        "Configured time between the starts of two probes.";
    PROBES Counter NO_UNIT, "httpcycle_probes_total"
        "Probes that finished, well or not.";
    PROBE_FAILURES Counter NO_UNIT, "httpcycle_probe_failures_total"
        "Probes that failed, by where and why.";
    PROBES_SKIPPED Counter NO_UNIT, "httpcycle_probes_skipped_total"
        "Slots of the schedule that the exporter itself missed, by why.";
    RESPONSES Counter NO_UNIT, "httpcycle_responses_total"
        "Final responses whose head arrived whole, by status code.";
    CONFLICTS Counter NO_UNIT, "httpcycle_conflicts_total"
        "Responses whose code is one of the module's conflict codes, by whether it is also a valid one and by why.";
    PROBE_DURATION Histogram SECONDS, "httpcycle_probe_duration_seconds"
        "Duration of a probe with everything in it, by outcome.";
    PHASE_DURATION Histogram SECONDS, "httpcycle_phase_duration_seconds"
        "Duration of each phase that ran, summed over redirects.";
    PROBE_SUCCESS Gauge NO_UNIT, "httpcycle_probe_success"
        "Whether the last probe succeeded.";
    LAST_PROBE_TIMESTAMP Gauge SECONDS, "httpcycle_last_probe_timestamp_seconds"
        "When the last probe ended, in seconds since 1970.";
    LAST_SUCCESS_TIMESTAMP Gauge SECONDS, "httpcycle_last_success_timestamp_seconds"
        "When the last probe that succeeded ended, in seconds since 1970.";
    TLS_EARLIEST_CERT_EXPIRY_TIMESTAMP Gauge SECONDS, "httpcycle_tls_earliest_cert_expiry_timestamp_seconds"
        "When the first certificate of the chain last seen expires, in seconds since 1970.";
    REDIRECTS Gauge NO_UNIT, "httpcycle_redirects"
        "Redirects that led to the last response.";
    RESPONSE_BODY Gauge BYTES, "httpcycle_response_body_bytes"
        "Bytes of the last response's body that arrived.";
    HTTP_VERSION Gauge NO_UNIT, "httpcycle_http_version"
        "Version of HTTP of the last response.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let mut names = BTreeSet::new();
        for family in OWN.iter().chain(OF_TARGETS) {
            let name = family.name;
            assert!(names.insert(name), "{name} stands twice");
            assert!(
                name.starts_with("httpcycle_") || name.starts_with("process_"),
                "{name}"
            );
            let counts = family.kind == Kind::Counter;
            assert_eq!(name.ends_with("_total"), counts, "{name}");
            let base = name.trim_end_matches("_total");
            for unit in [Unit::Seconds, Unit::Bytes] {
                let suffix = format!("_{}", unit.label());
                assert_eq!(base.ends_with(&suffix), family.unit == Some(unit), "{name}");
            }
            assert!(family.help.ends_with('.') && !family.help.contains('\n'));
        }
    }
}
