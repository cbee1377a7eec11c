//! What may become of a behaviour when the deadline is too short for it.

use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::{Place, Reason};
use httpcycle_exporter::outcome::skip::SkipReason;

/// Whether `attempt` may come of a peer that with enough time leads to `expected`: that, or the end of
/// the time in a phase that comes no later than its place, or than the last phase that has a time. A
/// busy machine may also not get to it.
pub fn may_be(expected: Option<Reason>, last: Option<Phase>, attempt: &Attempt) -> bool {
    let last = last.map(Place::During);
    let outcome = match attempt {
        Attempt::Finished(outcome) => outcome,
        Attempt::Skipped(reason) => return *reason == SkipReason::Overload,
    };
    let found = outcome.failure.as_ref().map(|failure| failure.reason);
    let comes_earlier = |found: Reason| match expected {
        Some(expected) => Some(found.place()) <= last.max(Some(expected.place())),
        None => true,
    };
    found == expected || found.is_some_and(|found| is_of_time(found) && comes_earlier(found))
}

fn is_of_time(reason: Reason) -> bool {
    reason.label().ends_with("timeout") || reason == Reason::TransferH2Stalled
}
