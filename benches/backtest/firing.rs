//! When alerts fire, from the times at which their expressions are true.
//!
//! Prometheus does the same in `AlertingRule.Eval`, with one state for each set of labels.

use crate::prometheus::Steps;
use crate::rules::Holds;

/// A stretch of time in which an alert fires.
#[derive(Clone, Copy)]
pub struct Episode {
    /// The evaluation that made it fire.
    pub start: i64,
    /// The evaluation that ended it, or the step behind the end of the history.
    pub end: i64,
}

#[derive(Clone, Copy)]
enum State {
    Inactive,
    Pending {
        since: i64,
    },
    Firing {
        start: i64,
        clear_since: Option<i64>,
    },
}

/// The episodes of one element, whose expression is true at the sorted times `holding`.
pub fn episodes(holding: &[i64], steps: Steps, holds: Holds) -> Vec<Episode> {
    let mut episodes = Vec::new();
    let mut state = State::Inactive;
    let mut holding = holding.iter().peekable();
    let mut time = steps.start;
    while time <= steps.end {
        let is_true = holding.next_if(|at| **at == time).is_some();
        state = if is_true {
            match state {
                State::Firing { start, .. } => State::Firing {
                    start,
                    clear_since: None,
                },
                State::Inactive => pending(time, time, holds),
                State::Pending { since } => pending(since, time, holds),
            }
        } else if let State::Firing { start, clear_since } = state {
            let since = clear_since.unwrap_or(time);
            if time - since < holds.after {
                State::Firing {
                    start,
                    clear_since: Some(since),
                }
            } else {
                episodes.push(Episode { start, end: time });
                State::Inactive
            }
        } else {
            State::Inactive
        };
        time += steps.step;
    }
    assert!(holding.next().is_none(), "all answers are for a step");
    if let State::Firing { start, .. } = state {
        episodes.push(Episode {
            start,
            end: steps.end + steps.step,
        });
    }
    episodes
}

const fn pending(since: i64, time: i64, holds: Holds) -> State {
    if time - since >= holds.before {
        State::Firing {
            start: time,
            clear_since: None,
        }
    } else {
        State::Pending { since }
    }
}

/// One list of what fires for a target with any labels.
pub fn joined(mut episodes: Vec<Episode>) -> Vec<Episode> {
    episodes.sort_by_key(|episode| episode.start);
    let mut joined: Vec<Episode> = Vec::new();
    for episode in episodes {
        match joined.last_mut() {
            Some(last) if episode.start <= last.end => last.end = last.end.max(episode.end),
            _ => joined.push(episode),
        }
    }
    joined
}
