//! All series of one target: what is counted, and how it is shown.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::time::Instant;

use crate::metrics::addresses::Addresses;
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
use crate::target::module::IpStrategy;

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
    /// The address that they are of, if that is not the whole target.
    pub(crate) ip: Option<IpAddr>,
    /// The series of single addresses, if each is probed.
    addresses: Option<Arc<Addresses>>,
}

impl Series {
    pub(crate) fn new(target: &Arc<Target>, bounds: &Arc<Bounds>) -> Self {
        let histograms = Histograms::new(Arc::clone(bounds));
        let listed = ListedConflicts::new(&target.module);
        let series = Self::with_cells(
            target,
            Arc::new(Counts::new()),
            listed,
            Arc::new(histograms),
            None,
        );
        Self {
            addresses: series.no_addresses_yet(),
            ..series
        }
    }

    /// Where single addresses are kept, if they are probed.
    fn no_addresses_yet(&self) -> Option<Arc<Addresses>> {
        let wanted = self.target.module.ip_strategy == IpStrategy::All;
        wanted.then(|| {
            Arc::new(Addresses::new(
                self.of_address(Ipv4Addr::UNSPECIFIED.into()),
            ))
        })
    }

    /// Series that begin for one address of the target.
    pub(crate) fn of_address(&self, ip: IpAddr) -> Self {
        let histograms = self.histograms.latest().emptied();
        Self::with_cells(
            &self.target,
            Arc::new(Counts::new()),
            ListedConflicts::new(&self.target.module),
            Arc::new(histograms),
            Some(ip),
        )
    }

    /// The series that follow these when the configuration changes.
    pub(crate) fn renewed(&self, target: &Arc<Target>, bounds: &Arc<Bounds>) -> Self {
        let histograms = self.histograms.with_bounds(bounds);
        let listed = self.listed.renewed(&self.target.module, &target.module);
        let renewed = Self::with_cells(
            target,
            Arc::clone(&self.counts),
            listed,
            histograms,
            self.ip,
        );
        let addresses = match (target.module.ip_strategy, &self.addresses) {
            (IpStrategy::First, _) => None,
            (IpStrategy::All, _) if self.ip.is_some() => None,
            (IpStrategy::All, None) => renewed.no_addresses_yet(),
            (IpStrategy::All, Some(addresses)) => {
                addresses.renew(|series| series.renewed(target, bounds));
                Some(addresses.clone())
            }
        };
        Self {
            addresses,
            ..renewed
        }
    }

    /// Whether these are the series of that very target, with these bounds.
    pub(crate) fn is_of(&self, target: &Arc<Target>, bounds: &Arc<Bounds>) -> bool {
        Arc::ptr_eq(&self.target, target) && self.histograms.has_bounds(bounds)
    }

    /// Takes in the addresses that the name has `now`; returns those that are to be probed, with
    /// their series. The series of the target itself hold what concerns no single address.
    pub fn take_in(&self, ips: &[IpAddr], now: Instant) -> Vec<(IpAddr, Arc<Self>)> {
        let addresses = self.addresses.as_ref();
        addresses.map_or_else(Vec::new, |addresses| addresses.take_in(ips, now))
    }

    /// Forgets how the last probe of no single address went: those of addresses tell now.
    pub fn leave_to_addresses(&self) {
        self.counts.success.clear();
        self.counts.last_probe.clear();
        self.counts.last_success.clear();
    }

    /// The series of single addresses.
    pub(crate) fn of_addresses(&self) -> Vec<Arc<Self>> {
        let addresses = self.addresses.as_ref();
        addresses.map_or_else(Vec::new, |addresses| addresses.series())
    }

    /// Whether it has series of single addresses.
    pub(crate) fn has_addresses(&self) -> bool {
        self.addresses.is_some()
    }

    fn with_cells(
        target: &Arc<Target>,
        counts: Arc<Counts>,
        listed: ListedConflicts,
        histograms: Arc<Histograms>,
        ip: Option<IpAddr>,
    ) -> Self {
        let known_codes = known_codes(&target.module);
        counts.codes.reserve(&known_codes);
        Self {
            target: Arc::clone(target),
            labels: labels::of_target(target, ip),
            info: labels::of_info(target),
            known_codes,
            counts,
            listed,
            histograms,
            ip,
            addresses: None,
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
