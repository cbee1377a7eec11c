//! What the exporter tells about itself.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use nix::sys::resource::UsageWho;
use nix::sys::resource::getrusage;
use nix::sys::time::TimeValLike;
use prometheus::Gauge;
use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::Opts;
use prometheus::Registry;
use prometheus::core::Collector;
#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::Metric;

use crate::metrics::bounds::Bounds;
use crate::metrics::bounds::le;
use crate::metrics::catalogue;
use crate::metrics::catalogue::Family;
use crate::metrics::catalogue::Kind;
use crate::metrics::format::Format;
use crate::metrics::labels::push_label;
use crate::metrics::lines::Lines;
use crate::metrics::lines::Value;
use crate::metrics::lines::write_header;
use crate::outcome::phase::Phase;
use crate::outcome::timeline::Clock;
use crate::outcome::timeline::Timeline;
use crate::target::shard::Shard;

/// What the exporter itself costs is far below what its targets take.
const FINE_BOUNDS: [f64; 5] = [0.00001, 0.000_025, 0.00005, 0.0001, 0.00025];

/// The exporter's own metrics.
#[derive(Debug)]
pub struct Own {
    registry: Registry,
    lag: Histogram,
    overhead: Histogram,
    clock_fallbacks: [IntCounter; Phase::COUNT],
    discovery_failures: IntCounterVec,
    in_flight: IntGauge,
    targets: IntGauge,
    shard_ordinal: IntGauge,
    shards: IntGauge,
    reload_successful: IntGauge,
    reload_timestamp: Gauge,
}

/// One probe in flight, counted until it is dropped, however it ends.
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Own {
    /// The metrics of an exporter that runs, so whose configuration was read: at `loaded`.
    pub fn new(loaded: SystemTime) -> Self {
        let registry = Registry::new();
        let build_info = registered(
            &registry,
            IntGauge::with_opts(
                opts(&catalogue::BUILD_INFO)
                    .const_label("version", env!("CARGO_PKG_VERSION"))
                    .const_label(
                        "revision",
                        option_env!("HTTPCYCLE_REVISION").unwrap_or("unknown"),
                    )
                    .const_label(
                        "rustversion",
                        option_env!("HTTPCYCLE_RUSTVERSION")
                            .unwrap_or(env!("CARGO_PKG_RUST_VERSION")),
                    ),
            ),
        );
        build_info.set(1);
        #[cfg(target_os = "linux")]
        register(&registry, ProcessCollector::for_self());
        let clock_fallbacks = registered(
            &registry,
            IntCounterVec::new(opts(&catalogue::CLOCK_FALLBACKS), &["phase"]),
        );
        let own = Self {
            clock_fallbacks: Phase::ALL
                .map(|phase| clock_fallbacks.with_label_values(&[phase.label()])),
            discovery_failures: registered(
                &registry,
                IntCounterVec::new(opts(&catalogue::DISCOVERY_FAILURES), &["source"]),
            ),
            lag: registered(&registry, histogram(&catalogue::SCHEDULE_LAG)),
            overhead: registered(&registry, histogram(&catalogue::PROBE_OVERHEAD)),
            in_flight: registered(&registry, gauge(&catalogue::PROBES_IN_FLIGHT)),
            targets: registered(&registry, gauge(&catalogue::TARGETS)),
            shard_ordinal: registered(&registry, gauge(&catalogue::SHARD_ORDINAL)),
            shards: registered(&registry, gauge(&catalogue::SHARDS)),
            reload_successful: registered(
                &registry,
                gauge(&catalogue::CONFIG_LAST_RELOAD_SUCCESSFUL),
            ),
            reload_timestamp: registered(
                &registry,
                Gauge::with_opts(opts(&catalogue::CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP)),
            ),
            registry,
        };
        own.reload_succeeded(loaded);
        own.set_shard(Shard::WHOLE);
        own
    }

    /// Counts how much later than intended a probe started.
    pub fn observe_lag(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    /// Counts what a probe took of the exporter: the time in it that belongs to no phase, and the
    /// ends of phases that the kernel did not tell.
    pub fn observe_probe(&self, timeline: &Timeline) {
        self.overhead.observe(timeline.overhead().as_secs_f64());
        for span in timeline.spans() {
            if span.clock == Clock::Fallback {
                self.clock_fallbacks[span.phase as usize].inc();
            }
        }
    }

    /// Counts a probe as in flight for as long as the returned value lives.
    pub fn probe_started(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Sets how many targets there are.
    pub fn set_targets(&self, n_targets: usize) {
        self.targets
            .set(i64::try_from(n_targets).unwrap_or(i64::MAX));
    }

    /// Shows what of these sources of targets failed, and of no others.
    pub fn set_sources(&self, sources: &[String]) {
        for family in self.discovery_failures.collect() {
            for metric in family.get_metric() {
                let shown = metric.get_label().iter().map(|label| label.value());
                for gone in shown.filter(|shown| !sources.iter().any(|source| source == shown)) {
                    // It is there, or it has just been taken away.
                    self.discovery_failures.remove_label_values(&[gone]).ok();
                }
            }
        }
        for source in sources {
            self.discovery_failures.with_label_values(&[source]);
        }
    }

    /// Counts a reading of a source of targets that failed.
    pub fn source_failed(&self, source: &str) {
        self.discovery_failures.with_label_values(&[source]).inc();
    }

    /// Sets which part of the targets is this exporter's.
    pub fn set_shard(&self, shard: Shard) {
        self.shard_ordinal.set(i64::from(shard.ordinal()));
        self.shards.set(i64::from(shard.total()));
    }

    /// Notes that the configuration was read at `when` and is in use.
    pub fn reload_succeeded(&self, when: SystemTime) {
        let since_1970 = when.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.reload_timestamp.set(since_1970.as_secs_f64());
        self.reload_successful.set(1);
    }

    /// Notes that the configuration could not be read and the one before stays in use.
    pub fn reload_failed(&self) {
        self.reload_successful.set(0);
    }

    /// Writes all families that have a value now, in the order of the catalogue.
    pub(crate) fn write(&self, format: Format, out: &mut Vec<u8>) {
        let gathered = self.registry.gather();
        for family in catalogue::OWN {
            let found = gathered.iter().find(|found| found.name() == family.name);
            if let Some(found) = found {
                write_header(out, family, format);
                for metric in found.get_metric() {
                    write_metric(family, metric, out);
                }
            }
        }
    }
}

/// Writes one series of the registry with the same pen as those of the targets.
fn write_metric(family: &Family, metric: &Metric, out: &mut Vec<u8>) {
    let mut labels = String::new();
    for label in metric.get_label() {
        push_label(&mut labels, label.name(), label.value());
    }
    let mut lines = Lines::new(out, family, &labels);
    match family.kind {
        // The crate knows whole seconds, too few to make a rate of.
        Kind::Counter if *family == catalogue::PROCESS_CPU => {
            lines.sample(&[], Value::Nanoseconds(cpu_nanoseconds()));
        }
        Kind::Counter => lines.sample(&[], Value::Float(metric.get_counter().get_value())),
        Kind::Gauge => lines.sample(&[], Value::Float(metric.get_gauge().get_value())),
        Kind::Histogram => {
            let histogram = metric.get_histogram();
            let buckets = histogram.get_bucket();
            let bounds: Vec<_> = buckets
                .iter()
                .map(|bucket| le(bucket.upper_bound()))
                .chain([le(f64::INFINITY)])
                .collect();
            let cumulative = buckets
                .iter()
                .map(|bucket| bucket.cumulative_count())
                .chain([histogram.get_sample_count()]);
            lines.histogram(
                &[],
                bounds.iter().map(String::as_str),
                cumulative,
                Value::Float(histogram.get_sample_sum()),
            );
        }
    }
}

/// The CPU time that the process has used.
fn cpu_nanoseconds() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("a process may ask for its own usage");
    let microseconds =
        [usage.user_time(), usage.system_time()].map(|time| time.num_microseconds().unsigned_abs());
    microseconds.iter().sum::<u64>() * 1_000
}

fn opts(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn gauge(family: &Family) -> prometheus::Result<IntGauge> {
    IntGauge::with_opts(opts(family))
}

fn histogram(family: &Family) -> prometheus::Result<Histogram> {
    let bounds = FINE_BOUNDS.into_iter().chain(Bounds::DEFAULT).collect();
    Histogram::with_opts(HistogramOpts::new(family.name, family.help).buckets(bounds))
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: prometheus::Result<C>,
) -> C {
    let collector = collector.expect("the names of the catalogue are valid");
    register(registry, collector.clone());
    collector
}

fn register(registry: &Registry, collector: impl Collector + 'static) {
    registry
        .register(Box::new(collector))
        .expect("the names of the catalogue are unique");
}
