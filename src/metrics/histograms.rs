//! The histograms of one target: plain cells that a probe adds to and a scrape reads.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::metrics::bounds::Bounds;
use crate::outcome::Verdict;
use crate::outcome::phase::Phase;

/// One histogram for each verdict and each phase, whether it can have values or not: which ones the
/// page shows may change while a probe runs, and its values must still find their place.
#[derive(Debug)]
pub(crate) struct Histograms {
    bounds: Arc<Bounds>,
    /// For each histogram the counts of its buckets, not cumulative, and the sum in nanoseconds.
    cells: Box<[AtomicU64]>,
    /// What took their place when the bounds changed.
    next: OnceLock<Arc<Self>>,
}

/// One histogram as a scrape finds it.
#[derive(Debug)]
pub(crate) struct Histogram<'a> {
    pub(crate) bounds: &'a Bounds,
    buckets: &'a [AtomicU64],
    sum: &'a AtomicU64,
}

impl Histograms {
    pub(crate) fn new(bounds: Arc<Bounds>) -> Self {
        let n_cells = (Verdict::COUNT + Phase::COUNT) * (bounds.n_buckets() + 1);
        Self {
            bounds,
            cells: (0..n_cells).map(|_| AtomicU64::new(0)).collect(),
            next: OnceLock::new(),
        }
    }

    /// Histograms of the same bounds, without values.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(Arc::clone(&self.bounds))
    }

    /// Whether these are its bounds, and no others followed.
    pub(crate) fn has_bounds(&self, bounds: &Arc<Bounds>) -> bool {
        self.next.get().is_none() && self.bounds == *bounds
    }

    /// The histograms for a list of targets with `bounds`: these, or new ones that also take what
    /// holders of these still record.
    pub(crate) fn with_bounds(self: &Arc<Self>, bounds: &Arc<Bounds>) -> Arc<Self> {
        if self.bounds == *bounds {
            return Arc::clone(self);
        }
        let fresh = Arc::new(Self::new(Arc::clone(bounds)));
        Arc::clone(self.next.get_or_init(|| fresh))
    }

    /// The histograms that count now.
    pub(crate) fn latest(&self) -> &Self {
        let mut latest = self;
        while let Some(next) = latest.next.get() {
            latest = next;
        }
        latest
    }

    pub(crate) fn observe_probe(&self, verdict: Verdict, duration: Duration) {
        self.observe(verdict as usize, duration);
    }

    pub(crate) fn observe_phase(&self, phase: Phase, duration: Duration) {
        self.observe(Verdict::COUNT + phase as usize, duration);
    }

    pub(crate) fn probe(&self, verdict: Verdict) -> Histogram<'_> {
        self.histogram(verdict as usize)
    }

    pub(crate) fn phase(&self, phase: Phase) -> Histogram<'_> {
        self.histogram(Verdict::COUNT + phase as usize)
    }

    fn observe(&self, row: usize, duration: Duration) {
        // 584 years fit.
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let histogram = self.histogram(row);
        histogram.buckets[self.bounds.bucket(nanoseconds)].fetch_add(1, Relaxed);
        histogram.sum.fetch_add(nanoseconds, Relaxed);
    }

    fn histogram(&self, row: usize) -> Histogram<'_> {
        let n_buckets = self.bounds.n_buckets();
        let start = row * (n_buckets + 1);
        Histogram {
            bounds: &self.bounds,
            buckets: &self.cells[start..start + n_buckets],
            sum: &self.cells[start + n_buckets],
        }
    }
}

impl Histogram<'_> {
    /// The counts as the page has them. The last one is the count of the whole histogram, so that
    /// the two agree whatever a probe adds meanwhile.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().scan(0, |sum: &mut u64, bucket| {
            *sum += bucket.load(Relaxed);
            Some(*sum)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.load(Relaxed) == 0)
    }

    pub(crate) fn sum_nanoseconds(&self) -> u64 {
        self.sum.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(histogram: &Histogram<'_>) -> Vec<u64> {
        histogram.cumulative().collect()
    }

    #[test]
    fn values_land_in_their_own_histogram_and_sums_are_exact() {
        let bounds = Arc::new(Bounds::new(&[0.1, 1.0]).expect("valid"));
        let histograms = Histograms::new(bounds);
        for _ in 0..10 {
            histograms.observe_phase(Phase::Transfer, Duration::from_millis(100));
        }
        histograms.observe_phase(Phase::Transfer, Duration::from_secs(2));
        histograms.observe_probe(Verdict::Conflict, Duration::from_nanos(7));
        let transfer = histograms.phase(Phase::Transfer);
        assert_eq!(counts(&transfer), [10, 10, 11]);
        assert_eq!(transfer.sum_nanoseconds(), 3_000_000_000);
        assert_eq!(counts(&histograms.probe(Verdict::Conflict)), [1, 1, 1]);
        assert_eq!(histograms.probe(Verdict::Conflict).sum_nanoseconds(), 7);
        assert_eq!(counts(&histograms.phase(Phase::Dns)), [0, 0, 0]);
        assert_eq!(counts(&histograms.probe(Verdict::Failure)), [0, 0, 0]);
    }

    #[test]
    fn new_bounds_start_anew_and_old_holders_follow() {
        let bounds = |bound| Arc::new(Bounds::new(&[bound]).expect("valid"));
        let first = Arc::new(Histograms::new(bounds(1.0)));
        first.observe_phase(Phase::Send, Duration::from_secs(1));
        assert!(Arc::ptr_eq(&first, &first.with_bounds(&bounds(1.0))));
        let second = first.with_bounds(&bounds(2.0));
        let third = second.with_bounds(&bounds(3.0));
        first
            .latest()
            .observe_phase(Phase::Send, Duration::from_secs(3));
        assert_eq!(counts(&first.phase(Phase::Send)), [1, 1]);
        assert_eq!(counts(&second.phase(Phase::Send)), [0, 0]);
        assert_eq!(counts(&third.phase(Phase::Send)), [1, 1]);
    }
}
