//! What is counted of one target besides durations.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::metrics::codes::Codes;
use crate::metrics::conflicts::ListedConflicts;
use crate::metrics::gauge::Gauge;
use crate::outcome::Conflict;
use crate::outcome::ConflictReason;
use crate::outcome::Outcome;
use crate::outcome::Response;
use crate::outcome::Verdict;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;

const N_REASONS: usize = Reason::ALL.len();

/// A cell for everything that can happen to a target, made with it and kept over reloads. What of
/// it the page shows at 0 is for the series to say.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) probes: AtomicU64,
    pub(crate) codes: Codes,
    pub(crate) success: Gauge,
    /// Both in nanoseconds since 1970.
    pub(crate) last_probe: Gauge,
    pub(crate) last_success: Gauge,
    /// In seconds since 1970.
    pub(crate) cert_expiry: Gauge,
    pub(crate) redirects: Gauge,
    pub(crate) body_bytes: Gauge,
    /// The bits of the number.
    pub(crate) http_version: Gauge,
    failures: [AtomicU64; N_REASONS],
    skips: [AtomicU64; SkipReason::COUNT],
    /// Of no reason and of reason `other`, each for unexpected and for expected conflicts.
    conflicts: [[AtomicU64; 2]; 2],
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            probes: AtomicU64::new(0),
            codes: Codes::new(),
            success: Gauge::absent(),
            last_probe: Gauge::absent(),
            last_success: Gauge::absent(),
            cert_expiry: Gauge::absent(),
            redirects: Gauge::absent(),
            body_bytes: Gauge::absent(),
            http_version: Gauge::absent(),
            failures: [const { AtomicU64::new(0) }; N_REASONS],
            skips: [const { AtomicU64::new(0) }; SkipReason::COUNT],
            conflicts: Default::default(),
        }
    }

    pub(crate) fn record(&self, outcome: &Outcome, listed: &ListedConflicts) {
        if let Some(failure) = &outcome.failure {
            self.failures[failure.reason as usize].fetch_add(1, Relaxed);
        }
        self.record_response(outcome.response.as_ref(), listed);
        if let Some(expiry) = outcome.cert_expiry {
            self.cert_expiry.set(expiry);
        }
        let finished = nanoseconds_since_1970(outcome.finished());
        let success = outcome.verdict() == Verdict::Success;
        if success {
            self.last_success.set(finished);
        }
        self.success.set(i64::from(success));
        self.last_probe.set(finished);
        self.probes.fetch_add(1, Relaxed);
    }

    fn record_response(&self, response: Option<&Response>, listed: &ListedConflicts) {
        let Some(response) = response else {
            self.redirects.clear();
            self.body_bytes.clear();
            self.http_version.clear();
            return;
        };
        self.codes.count(response.code);
        if let Some(conflict) = response.conflict {
            self.conflict_cell(conflict, listed).fetch_add(1, Relaxed);
        }
        self.redirects.set(i64::from(response.redirects));
        self.body_bytes
            .set(i64::try_from(response.body_bytes).unwrap_or(i64::MAX));
        self.http_version
            .set(response.version.number().to_bits().cast_signed());
    }

    pub(crate) fn skip(&self, reason: SkipReason, count: u64) {
        self.skips[reason as usize].fetch_add(count, Relaxed);
    }

    pub(crate) fn failures(&self, reason: Reason) -> u64 {
        self.failures[reason as usize].load(Relaxed)
    }

    pub(crate) fn skips(&self, reason: SkipReason) -> u64 {
        self.skips[reason as usize].load(Relaxed)
    }

    pub(crate) fn conflicts(&self, conflict: Conflict, listed: &ListedConflicts) -> u64 {
        self.conflict_cell(conflict, listed).load(Relaxed)
    }

    fn conflict_cell<'a>(
        &'a self,
        conflict: Conflict,
        listed: &'a ListedConflicts,
    ) -> &'a AtomicU64 {
        let [unspecified, other] = &self.conflicts;
        let built_in = match conflict.reason {
            ConflictReason::Unspecified => unspecified,
            ConflictReason::Other => other,
            ConflictReason::Listed(place) => match listed.cell(place, conflict.expected) {
                Some(cell) => return cell,
                None => other,
            },
        };
        &built_in[usize::from(conflict.expected)]
    }
}

/// A clock that stands before 1970 reads 0: such a machine has worse troubles.
fn nanoseconds_since_1970(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |duration| {
        i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
    })
}
