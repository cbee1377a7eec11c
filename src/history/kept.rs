//! Which probes of a target are kept.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use crate::history::record::ProbeRecord;
use crate::outcome::Verdict;

/// A limited number of probes. Half of the places belong to the newest, whatever came of them. The
/// other half belong to failures older than those, so that what went wrong at night can be read in
/// the morning; successes have what failures leave free.
#[derive(Debug)]
pub struct Kept {
    limit: NonZeroUsize,
    // Each from old to new. They grow with what they hold: most targets never fail.
    newest: VecDeque<ProbeRecord>,
    older_successes: VecDeque<ProbeRecord>,
    older_failures: VecDeque<ProbeRecord>,
}

impl Kept {
    /// Nothing yet, and never more than `limit`.
    pub fn new(limit: NonZeroUsize) -> Self {
        Self {
            limit,
            newest: VecDeque::new(),
            older_successes: VecDeque::new(),
            older_failures: VecDeque::new(),
        }
    }

    /// Keeps the newest probe and returns the one that had to go for it.
    pub fn push(&mut self, record: ProbeRecord) -> Option<ProbeRecord> {
        self.newest.push_back(record);
        if self.newest.len() > self.limit.get().div_ceil(2) {
            let older = self.newest.pop_front()?;
            match older.verdict_and_number().0 {
                Verdict::Success => self.older_successes.push_back(older),
                Verdict::Failure | Verdict::Conflict => self.older_failures.push_back(older),
            }
        }
        if self.len() <= self.limit.get() {
            return None;
        }
        let oldest_success = self.older_successes.pop_front();
        oldest_success.or_else(|| self.older_failures.pop_front())
    }

    /// The newest of them.
    pub fn newest(&self) -> Option<ProbeRecord> {
        self.newest.back().cloned()
    }

    /// All of them, newest first.
    pub fn newest_first(&self) -> Vec<ProbeRecord> {
        let mut records = Vec::with_capacity(self.len());
        records.extend(self.newest.iter().rev().cloned());
        records.extend(self.older_successes.iter().cloned());
        records.extend(self.older_failures.iter().cloned());
        if let Some(newest) = records.first().map(number) {
            // By age and not by number, which begins anew after 2^32 probes.
            records.sort_by_cached_key(|record| newest.wrapping_sub(number(record)));
        }
        records
    }

    fn len(&self) -> usize {
        self.newest.len() + self.older_successes.len() + self.older_failures.len()
    }
}

fn number(record: &ProbeRecord) -> u32 {
    record.verdict_and_number().1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::outcome::Conflict;
    use crate::outcome::ConflictReason;
    use crate::outcome::Failure;
    use crate::outcome::HttpVersion;
    use crate::outcome::Outcome;
    use crate::outcome::Response;
    use crate::outcome::judgement::Judgement;
    use crate::outcome::reason::Reason;
    use crate::outcome::timeline::Timeline;
    use crate::target::module::Module;

    /// `.` is a success, `x` a failure, `c` an unexpected conflict, `e` an expected one.
    fn record(number: u32, kind: char) -> ProbeRecord {
        let conflict = matches!(kind, 'c' | 'e').then_some(Conflict {
            expected: kind == 'e',
            reason: ConflictReason::Unspecified,
        });
        let outcome = Outcome {
            started: UNIX_EPOCH,
            timeline: Timeline::new(),
            connection: None,
            response: conflict.map(|conflict| Response {
                code: 409,
                version: HttpVersion::Http11,
                conflict: Some(conflict),
                body_bytes: 0,
                redirects: 0,
                is_redirect: false,
                left_origin: false,
                over_tls: false,
            }),
            cert_expiry: None,
            judgement: Judgement::default(),
            failure: (kind == 'x').then(|| Failure {
                reason: Reason::ConnectRefused,
                detail: String::new(),
            }),
        };
        ProbeRecord::new(number, &outcome, &Module::http_2xx(), Duration::ZERO)
    }

    /// Pushes the probes of `kinds`, the first with number `first`; what is kept, newest first.
    fn kept(limit: usize, first: u32, kinds: &str) -> Vec<u32> {
        let mut kept = Kept::new(NonZeroUsize::new(limit).unwrap());
        for (index, kind) in (0..).zip(kinds.chars()) {
            let dropped = kept.push(record(first.wrapping_add(index), kind));
            assert_eq!(
                dropped.is_some(),
                index as usize >= limit,
                "{kinds} {index}"
            );
        }
        let records = kept.newest_first();
        records
            .iter()
            .map(|record| number(record).wrapping_sub(first))
            .collect()
    }

    #[test]
    fn failures_are_kept_longer_than_successes() {
        for (limit, kinds, expected) in [
            (4, "", &[][..]),
            (4, "..x", &[2, 1, 0]),
            // Without failures the newest successes, without successes the newest failures.
            (4, ".......", &[6, 5, 4, 3]),
            (4, "xxxxxxx", &[6, 5, 4, 3]),
            // The newest half stays whatever it is, the older half is for failures.
            (4, "xx.....", &[6, 5, 1, 0]),
            (4, "xxx....", &[6, 5, 2, 1]),
            (4, "x......", &[6, 5, 4, 0]),
            (4, "x.x.x..", &[6, 5, 4, 2]),
            (4, "..xxxx.", &[6, 5, 4, 3]),
            // Conflicts are failures unless the module expects them.
            (4, "c.e....", &[6, 5, 4, 0]),
            (5, "xx.....", &[6, 5, 4, 1, 0]),
            (2, "x...", &[3, 0]),
            (1, "x..", &[2]),
        ] {
            assert_eq!(kept(limit, 0, kinds), expected, "{limit} of {kinds:?}");
        }
    }

    #[test]
    fn a_failure_outlives_any_number_of_successes() {
        let kinds = format!("x{}", ".".repeat(1_000));
        assert_eq!(kept(20, 0, &kinds).last(), Some(&0));
    }

    #[test]
    fn numbers_may_begin_anew() {
        assert_eq!(kept(4, u32::MAX - 2, "x......"), [6, 5, 4, 0]);
    }

    #[test]
    fn places_are_taken_as_they_fill() {
        let mut kept = Kept::new(NonZeroUsize::new(10_000).unwrap());
        kept.push(record(0, '.'));
        assert!(kept.newest.capacity() < 10);
        assert_eq!(kept.older_failures.capacity(), 0);
    }
}
