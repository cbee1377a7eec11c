//! What a line of the overview shows of a target.

use std::time::SystemTime;

use crate::history::History;
use crate::history::glance::Glance;
use crate::history::glance::LastFailure;
use crate::history::glance::Mark;
use crate::history::unprobed::Unprobed;
use crate::outcome::reason::Reason;
use crate::server::status::drawing;
use crate::server::status::drawing::Svg;
use crate::server::status::links;
use crate::server::status::words;

/// How many characters of a name or a URL a table shows.
const MAX_SHOWN: usize = 120;

/// How a target is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// The last probe was an unexpected conflict.
    Conflict,
    /// The last probe failed.
    Failure,
    /// The exporter does not get to probe it.
    Skipped,
    /// No probe has ended yet.
    Waiting,
    /// The last probe succeeded.
    Ok,
}

impl State {
    /// The state of a target of which this is seen.
    pub fn of(glance: &Glance) -> Self {
        match glance.last.map(|last| last.mark) {
            _ if glance.unprobed.is_some() => Self::Skipped,
            None => Self::Waiting,
            Some(mark) => Self::after(mark),
        }
    }

    /// The state after a probe that left this mark.
    pub fn after(mark: Mark) -> Self {
        match mark {
            Mark::Ok | Mark::Expected => Self::Ok,
            Mark::Failure => Self::Failure,
            Mark::Conflict => Self::Conflict,
        }
    }

    /// Its name in pages and queries.
    pub fn label(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
            Self::Ok => "ok",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Failure => "failing",
            Self::Skipped => "not probed",
            Self::Waiting => "waiting",
            Self::Ok => "ok",
        }
    }

    /// The path of the shape that stands beside the word, so that no colour stands alone.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Conflict => "M6 0 12 6 6 12 0 6Z",
            Self::Failure => "M2 0 6 4 10 0 12 2 8 6 12 10 10 12 6 8 2 12 0 10 4 6 0 2Z",
            Self::Skipped => "M2 1H5V11H2ZM7 1H10V11H7Z",
            Self::Waiting => "M1 5H3V7H1ZM5 5H7V7H5ZM9 5H11V7H9Z",
            Self::Ok => "M6 1A5 5 0 0 1 6 11 5 5 0 0 1 6 1Z",
        }
    }
}

/// A code, and whether it was a conflict.
#[derive(Debug)]
pub struct Code {
    /// As it was sent.
    pub number: u16,
    /// Whether it is a conflict that the module does not expect.
    pub is_conflict: bool,
}

/// Why a target is not probed, in words.
#[derive(Debug)]
pub struct SkipWords {
    /// Why, as the metrics have it.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub sentence: &'static str,
    /// How old the last probe is.
    pub last_probe: String,
}

impl SkipWords {
    /// The words for what is seen from now.
    pub fn new(unprobed: &Unprobed, now: SystemTime) -> Self {
        let last_probe = unprobed.last_probe.map(|at| words::ago(at, now));
        Self {
            reason: unprobed.reason.label(),
            sentence: unprobed.reason.sentence(),
            last_probe: last_probe.unwrap_or_else(|| "never".to_owned()),
        }
    }
}

/// A failure in words.
#[derive(Debug)]
pub struct FailureWords {
    /// How long ago.
    pub ago: String,
    /// The time for machines.
    pub at: String,
    /// Where.
    pub phase: &'static str,
    /// Why, as the metrics have it.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub sentence: &'static str,
    /// What usually lies behind it.
    pub usually: &'static str,
}

impl FailureWords {
    /// The words for a failure, seen from now.
    pub fn new(failure: &LastFailure, now: SystemTime) -> Self {
        Self {
            ago: words::ago(failure.at, now),
            at: words::machine_stamp(failure.at),
            phase: failure.reason.place().label(),
            reason: failure.reason.label(),
            sentence: sentence(failure.reason, failure.is_conflict),
            usually: usually(failure.reason, failure.is_conflict),
        }
    }
}

/// What happened, in a sentence.
pub fn sentence(reason: Reason, is_conflict: bool) -> &'static str {
    match is_conflict {
        true => "An unexpected conflict.",
        false => reason.sentence(),
    }
}

/// What usually lies behind it.
pub fn usually(reason: Reason, is_conflict: bool) -> &'static str {
    match is_conflict {
        true => {
            "Another writer was first, or what is asked for is there already; a rule for the reasons of \
             conflicts in the module tells which."
        }
        false => reason.usually(),
    }
}

/// A target in a line.
#[derive(Debug)]
pub struct Row {
    /// The name, which is the identity.
    pub name: String,
    /// As much of it as is shown.
    pub short_name: String,
    /// The way to its page.
    pub link: String,
    /// The URL without what is secret in it.
    pub url: String,
    /// How it is.
    pub state: State,
    /// Why it is not probed, if it is not.
    pub skip: Option<SkipWords>,
    /// The code of the last response, if the last probe had one.
    pub code: Option<Code>,
    /// The last cycle, if it was kept.
    pub waterfall: Option<Svg>,
    /// How long it took.
    pub duration: Option<String>,
    /// The last probes.
    pub strip: Svg,
    /// How many of the responses were unexpected conflicts.
    pub rate: Option<Rate>,
    /// The last failure.
    pub failure: Option<FailureWords>,
    /// When it is probed next.
    pub next: Option<String>,
}

/// How many of the responses of the last minutes were unexpected conflicts.
#[derive(Debug)]
pub struct Rate {
    /// The share.
    pub percent: String,
    /// The conflicts.
    pub conflicts: u64,
    /// The responses.
    pub responses: u64,
}

impl Rate {
    /// The rate, if there was a response.
    pub fn of(glance: &Glance) -> Option<Self> {
        (glance.responses > 0).then(|| Self {
            percent: words::percent(glance.conflicts, glance.responses),
            conflicts: glance.conflicts,
            responses: glance.responses,
        })
    }
}

impl Row {
    /// The line of a target of which this is seen.
    pub fn new(history: &History, glance: &Glance, now: SystemTime) -> Self {
        let target = history.target();
        let newest = history.newest().map(|record| record.probe());
        Self {
            name: target.name.clone(),
            short_name: shortened(&target.name),
            link: links::to_target(&target.name),
            url: shortened(&target.url.to_string()),
            state: State::of(glance),
            skip: glance
                .unprobed
                .as_ref()
                .map(|unprobed| SkipWords::new(unprobed, now)),
            code: glance.last.and_then(|last| {
                let is_conflict = last.mark == Mark::Conflict;
                last.code.map(|number| Code {
                    number,
                    is_conflict,
                })
            }),
            duration: match (&newest, glance.last) {
                (Some(probe), _) => Some(words::measured(probe.duration)),
                (None, last) => last.map(|last| words::measured(last.duration)),
            },
            waterfall: newest.as_ref().map(drawing::waterfall),
            strip: drawing::strip(glance.marks),
            rate: Rate::of(glance),
            failure: glance
                .failure
                .as_ref()
                .map(|failure| FailureWords::new(failure, now)),
            next: glance.next_probe.map(|next| words::until(next, now)),
        }
    }
}

/// As much of a text as a table has room for.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}
