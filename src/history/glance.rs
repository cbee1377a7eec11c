//! What shows of a target at a glance: a few words that a probe sets without a lock, and that are there
//! even if no probe is kept.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::history::record::nanoseconds;
use crate::history::unprobed::Unprobed;
use crate::outcome::Outcome;
use crate::outcome::Verdict;
use crate::outcome::reason::Reason;

/// How many of the last probes leave a mark.
pub const N_MARKS: u32 = 20;

/// How many minutes are counted, the one that runs included.
pub const N_MINUTES: usize = 5;

/// How many bits a mark takes.
const MARK_BITS: u32 = 3;

/// What a probe leaves in the strip of its target.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Mark {
    /// A success.
    Ok,
    /// A success that is a conflict, which the module expects.
    Expected,
    /// A failure other than an unexpected conflict.
    Failure,
    /// An unexpected conflict.
    Conflict,
}

impl Mark {
    /// All marks; `Self::ALL[m as usize] == m`.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Expected, Self::Failure, Self::Conflict];

    /// The mark of a probe with this verdict, whose response was a conflict or not.
    pub fn new(verdict: Verdict, is_conflict: bool) -> Self {
        match verdict {
            Verdict::Success if is_conflict => Self::Expected,
            Verdict::Success => Self::Ok,
            Verdict::Failure => Self::Failure,
            Verdict::Conflict => Self::Conflict,
        }
    }

    /// What stands for it in a word, where 0 stands for none.
    fn bits(self) -> u64 {
        self as u64 + 1
    }

    fn of_bits(bits: u64) -> Option<Self> {
        let index = usize::try_from(bits & 0b111).ok()?.checked_sub(1)?;
        Self::ALL.get(index).copied()
    }
}

/// The last probe in short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Last {
    /// How it ended.
    pub mark: Mark,
    /// The status code as sent, `None` without a response.
    pub code: Option<u16>,
    /// How long the whole probe took.
    pub duration: Duration,
}

/// The last failure in short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastFailure {
    /// When its probe started, to the millisecond.
    pub at: SystemTime,
    /// Where and why.
    pub reason: Reason,
    /// Whether it was an unexpected conflict.
    pub is_conflict: bool,
}

/// What there is to see at a glance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Glance {
    /// The last probe, `None` before the first has ended.
    pub last: Option<Last>,
    /// Why the exporter does not probe it any more, if so.
    pub unprobed: Option<Unprobed>,
    /// The marks of the last probes, the oldest first.
    pub marks: Marks,
    /// The last failure, an unexpected conflict included.
    pub failure: Option<LastFailure>,
    /// How many responses came in the last minutes.
    pub responses: u64,
    /// How many of them were unexpected conflicts.
    pub conflicts: u64,
    /// When the first certificate of the chain that was presented last expires, in seconds since 1970.
    pub cert_expiry: Option<i64>,
    /// When the next probe is meant to start, `None` before that is known.
    pub next_probe: Option<SystemTime>,
}

/// The marks of the last probes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Marks(u64);

impl Marks {
    /// The marks, the oldest first.
    pub fn iter(self) -> impl Iterator<Item = Mark> {
        let places = (0..N_MARKS).rev();
        places.filter_map(move |place| Mark::of_bits(self.0 >> (MARK_BITS * place)))
    }

    /// How many places no probe has taken yet.
    pub fn n_free(self) -> u32 {
        self.0
            .leading_zeros()
            .saturating_sub(u64::BITS - MARK_BITS * N_MARKS)
            / MARK_BITS
    }

    fn with(self, mark: Mark) -> Self {
        let all = (1 << (MARK_BITS * N_MARKS)) - 1;
        Self((self.0 << MARK_BITS | mark.bits()) & all)
    }
}

impl FromIterator<Mark> for Marks {
    fn from_iter<I: IntoIterator<Item = Mark>>(marks: I) -> Self {
        marks.into_iter().fold(Self::default(), Self::with)
    }
}

/// The words that hold it. Each is whole in itself, so that a reader between two of them sees at worst
/// the last of one probe beside the marks of the next.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Mark, code and nanoseconds, 0 for none.
    last: AtomicU64,
    marks: AtomicU64,
    /// Milliseconds since 1970, reason and whether it is a conflict, 0 for none.
    failure: AtomicU64,
    /// 0 for unknown.
    cert_expiry: AtomicI64,
    /// Minute, responses and unexpected conflicts of it.
    minutes: [AtomicU64; N_MINUTES],
}

impl Words {
    /// Takes in a probe that finished.
    pub fn record(&self, outcome: &Outcome) {
        let response = outcome.response.as_ref();
        let is_conflict = response.is_some_and(|response| response.conflict.is_some());
        let mark = Mark::new(outcome.verdict(), is_conflict);
        let code = response.map_or(0, |response| response.code);
        let last = pack_last(mark, code, outcome.timeline.total());
        self.last.store(last, Ordering::Relaxed);
        update(&self.marks, |marks| Marks(marks).with(mark).0);
        let since_1970 = outcome.started.duration_since(UNIX_EPOCH);
        let since_1970 = since_1970.unwrap_or_default();
        if let Some(failure) = &outcome.failure {
            let word = pack_failure(since_1970, failure.reason, mark == Mark::Conflict);
            self.failure.store(word, Ordering::Relaxed);
        }
        if let Some(expiry) = outcome.cert_expiry {
            self.cert_expiry.store(expiry, Ordering::Relaxed);
        }
        if response.is_some() {
            let minute = minute(since_1970);
            let cell = minute % N_MINUTES as u64;
            if let Some(cell) = usize::try_from(cell).ok().and_then(|n| self.minutes.get(n)) {
                update(cell, |word| count(word, minute, mark == Mark::Conflict));
            }
        }
    }

    /// What there is to see at this time.
    pub fn glance(&self, now: SystemTime, next_probe: Option<SystemTime>) -> Glance {
        let this_minute = minute(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        let (mut responses, mut conflicts) = (0, 0);
        for cell in &self.minutes {
            let word = cell.load(Ordering::Relaxed);
            let age = this_minute.wrapping_sub(word >> 40) & MINUTES;
            if age < N_MINUTES as u64 {
                responses += word >> 20 & COUNT;
                conflicts += word & COUNT;
            }
        }
        let expiry = self.cert_expiry.load(Ordering::Relaxed);
        Glance {
            last: unpack_last(self.last.load(Ordering::Relaxed)),
            unprobed: None,
            marks: Marks(self.marks.load(Ordering::Relaxed)),
            failure: unpack_failure(self.failure.load(Ordering::Relaxed)),
            responses,
            conflicts,
            cert_expiry: (expiry != 0).then_some(expiry),
            next_probe,
        }
    }
}

/// The bits of a count, and those of a minute.
const COUNT: u64 = (1 << 20) - 1;
const MINUTES: u64 = (1 << 24) - 1;

fn minute(since_1970: Duration) -> u64 {
    (since_1970.as_secs() / 60) & MINUTES
}

/// Counts a response in the word of its minute, which an older minute leaves to it.
fn count(word: u64, minute: u64, is_conflict: bool) -> u64 {
    let (responses, conflicts) = match word >> 40 == minute {
        true => (word >> 20 & COUNT, word & COUNT),
        false => (0, 0),
    };
    let responses = (responses + 1).min(COUNT);
    let conflicts = (conflicts + u64::from(is_conflict)).min(COUNT);
    minute << 40 | responses << 20 | conflicts
}

fn update(cell: &AtomicU64, change: impl Fn(u64) -> u64) {
    let changed = |word| Some(change(word));
    // A change is always wanted, so that there is no error.
    cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed)
        .ok();
}

fn pack_last(mark: Mark, code: u16, duration: Duration) -> u64 {
    // Nine hours fit, and a probe is over long before.
    let duration = nanoseconds(duration).min((1 << 45) - 1);
    duration << 19 | u64::from(code) << 3 | mark.bits()
}

fn unpack_last(word: u64) -> Option<Last> {
    Some(Last {
        mark: Mark::of_bits(word)?,
        code: u16::try_from(word >> 3 & 0xffff)
            .ok()
            .filter(|code| *code != 0),
        duration: Duration::from_nanos(word >> 19),
    })
}

fn pack_failure(since_1970: Duration, reason: Reason, is_conflict: bool) -> u64 {
    let milliseconds = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
    milliseconds.min((1 << 48) - 1) << 16 | (reason as u64 + 1) << 1 | u64::from(is_conflict)
}

fn unpack_failure(word: u64) -> Option<LastFailure> {
    let index = usize::try_from(word >> 1 & 0x7fff).ok()?.checked_sub(1)?;
    Some(LastFailure {
        at: UNIX_EPOCH + Duration::from_millis(word >> 16),
        reason: *Reason::ALL.get(index)?,
        is_conflict: word & 1 == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Conflict;
    use crate::outcome::ConflictReason;
    use crate::outcome::Failure;
    use crate::outcome::HttpVersion;
    use crate::outcome::Response;
    use crate::outcome::judgement::Judgement;
    use crate::outcome::timeline::Timeline;

    /// `.` succeeds, `x` has no response, `c` is an unexpected conflict, and `e` an expected one.
    fn outcome(seconds: u64, kind: char) -> Outcome {
        let conflict = matches!(kind, 'c' | 'e').then_some(Conflict {
            expected: kind == 'e',
            reason: ConflictReason::Unspecified,
        });
        let mut timeline = Timeline::new();
        timeline.finish(Duration::from_nanos(1_234_567));
        Outcome {
            started: UNIX_EPOCH + Duration::from_secs(seconds),
            timeline,
            connection: None,
            response: (kind != 'x').then_some(Response {
                code: if conflict.is_some() { 409 } else { 200 },
                version: HttpVersion::Http11,
                conflict,
                body_bytes: 0,
                redirects: 0,
                is_redirect: false,
                left_origin: false,
                over_tls: false,
            }),
            cert_expiry: (kind == 'e').then_some(77),
            judgement: Judgement::default(),
            failure: matches!(kind, 'x' | 'c').then(|| Failure {
                reason: match kind {
                    'x' => Reason::DnsNxdomain,
                    _ => Reason::ValidateOther,
                },
                detail: String::new(),
            }),
        }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_shows_before_the_first_probe() {
        let glance = Words::default().glance(at(1_800_000_000), None);
        assert_eq!((glance.last, glance.failure), (None, None));
        assert_eq!(glance.marks.iter().count(), 0);
        assert_eq!((glance.responses, glance.conflicts), (0, 0));
        assert_eq!(glance.cert_expiry, None);
    }

    #[test]
    fn the_last_twenty_leave_their_marks() {
        let marks = |kinds: &str| -> String {
            let words = Words::default();
            for kind in kinds.chars() {
                words.record(&outcome(0, kind));
            }
            let marks = words.glance(at(0), None).marks;
            let shown = marks.iter().map(|mark| match mark {
                Mark::Ok => '.',
                Mark::Expected => 'e',
                Mark::Failure => 'x',
                Mark::Conflict => 'c',
            });
            let shown: String = shown.collect();
            assert_eq!(marks.n_free() as usize, 20 - shown.len());
            shown
        };
        for (kinds, expected) in [
            ("", ""),
            ("c", "c"),
            (".xec", ".xec"),
            ("cccccc....................", "...................."),
            ("xxcc....c....e....x....c", "....c....e....x....c"),
        ] {
            assert_eq!(marks(kinds), expected);
        }
    }

    #[test]
    fn the_last_probe_and_the_last_failure_are_told() {
        let words = Words::default();
        let last = |words: &Words| words.glance(at(0), None).last.unwrap();
        let failure = |words: &Words| words.glance(at(0), None).failure.unwrap();
        words.record(&outcome(1_800_000_000, 'x'));
        assert_eq!(
            (last(&words).mark, last(&words).code),
            (Mark::Failure, None)
        );
        assert_eq!(last(&words).duration, Duration::from_nanos(1_234_567));
        words.record(&outcome(1_800_000_001, 'e'));
        assert_eq!(last(&words).code, Some(409));
        assert_eq!(words.glance(at(0), None).cert_expiry, Some(77));
        let expected = LastFailure {
            at: at(1_800_000_000),
            reason: Reason::DnsNxdomain,
            is_conflict: false,
        };
        assert_eq!(failure(&words), expected);
        words.record(&outcome(1_800_000_002, 'c'));
        let expected = LastFailure {
            at: at(1_800_000_002),
            reason: Reason::ValidateOther,
            is_conflict: true,
        };
        assert_eq!(failure(&words), expected);
    }

    #[test]
    fn responses_and_conflicts_are_counted_for_five_minutes() {
        let words = Words::default();
        for (minute, kinds) in [(0, "c"), (1, "..c"), (2, "x"), (4, "e."), (5, "c.")] {
            for kind in kinds.chars() {
                words.record(&outcome(600_000 + minute * 60, kind));
            }
        }
        for (minute, expected) in [
            (5, (7, 2)),
            (6, (4, 1)),
            (8, (4, 1)),
            (9, (2, 1)),
            (10, (0, 0)),
            // The clock was set back behind what was counted.
            (3, (3, 1)),
        ] {
            let glance = words.glance(at(600_000 + minute * 60 + 59), None);
            assert_eq!((glance.responses, glance.conflicts), expected, "{minute}");
        }
    }
}
