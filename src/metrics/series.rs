//! All series of one target: what is counted, and how it is shown.

use std::sync::Arc;

use crate::metrics::bounds::Bounds;
use crate::metrics::codes::known_codes;
use crate::metrics::conflicts::ListedConflicts;
use crate::metrics::counts::Counts;
use crate::metrics::histograms::Histograms;
use crate::metrics::labels;
use crate::outcome::Outcome;
use crate::outcome::phase::Phase;
use crate::outcome::skip::SkipReason;
use crate::target::Target;

/// The series of one target. A reload makes a new one that shows the new labels and shares the
/// cells, so that a probe that holds the old one still counts.
#[derive(Debug)]
pub struct Series {
    pub(crate) target: Arc<Target>,
    /// The text of the labels that all of them have.
    pub(crate) labels: Box<str>,
    /// The text of the further labels of the info series.
    pub(crate) info: Box<str>,
    /// The codes that exist at 0.
    pub(crate) known_codes: Box<[u16]>,
    pub(crate) counts: Arc<Counts>,
    /// What of the conflicts is counted by reasons of the module's own.
    pub(crate) listed: ListedConflicts,
    pub(crate) histograms: Arc<Histograms>,
}

impl Series {
    pub(crate) fn new(target: &Arc<Target>, bounds: &Arc<Bounds>) -> Self {
        let histograms = Histograms::new(Arc::clone(bounds));
        let listed = ListedConflicts::new(&target.module);
        Self::with_cells(
            target,
            Arc::new(Counts::new()),
            listed,
            Arc::new(histograms),
        )
    }

    /// The series that follow these when the configuration changes.
    pub(crate) fn renewed(&self, target: &Arc<Target>, bounds: &Arc<Bounds>) -> Self {
        let histograms = self.histograms.with_bounds(bounds);
        let listed = self.listed.renewed(&self.target.module, &target.module);
        Self::with_cells(target, Arc::clone(&self.counts), listed, histograms)
    }

    fn with_cells(
        target: &Arc<Target>,
        counts: Arc<Counts>,
        listed: ListedConflicts,
        histograms: Arc<Histograms>,
    ) -> Self {
        let known_codes = known_codes(&target.module);
        counts.codes.reserve(&known_codes);
        Self {
            target: Arc::clone(target),
            labels: labels::of_target(target),
            info: labels::of_info(target),
            known_codes,
            counts,
            listed,
            histograms,
        }
    }

    /// The name of the target.
    pub fn name(&self) -> &str {
        &self.target.name
    }

    /// Counts a probe that finished.
    pub fn record(&self, outcome: &Outcome) {
        let histograms = self.histograms.latest();
        for phase in Phase::ALL {
            if let Some(duration) = outcome.timeline.phase(phase) {
                histograms.observe_phase(phase, duration);
            }
        }
        histograms.observe_probe(outcome.verdict(), outcome.timeline.total());
        self.counts.record(outcome, &self.listed);
    }

    /// Counts slots of the schedule that passed without a probe.
    pub fn skip(&self, reason: SkipReason, count: u64) {
        self.counts.skip(reason, count);
    }
}
