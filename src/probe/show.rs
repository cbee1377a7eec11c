//! A probe for somebody who watches it, and who may have enough before it is over.

use std::time::Duration;

use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::outcome::Attempt;
use crate::outcome::detail::Detail;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Place;
use crate::probe::Prober;
use crate::probe::detail;
use crate::probe::walk::Walk;

/// A probe that was ended before it was over.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished {
    /// What ran, `None` between two phases.
    pub phase: Option<Phase>,
    /// For how long the probe had been under way.
    pub age: Duration,
}

impl Prober {
    /// Like [`Self::probe_in_detail_until`], with the headers that people look at first; ended where it
    /// stands when `enough` is over.
    pub async fn probe_to_show(
        &self,
        enough: impl Future<Output = ()>,
    ) -> Result<(Attempt, Box<Detail>), Unfinished> {
        let bounds = self.bounds_until(Instant::now() + self.target.timeout);
        let mut walk = Walk::start(bounds.started, self.wall_clock);
        walk.detail = Some(Box::new(Detail {
            headers: Some(Vec::new()),
            ..Detail::default()
        }));
        let walking = timeout_at(bounds.deadline, self.walk(None, &mut walk));
        let walked = tokio::select! {
            biased;
            walked = walking => Some(walked),
            () = enough => None,
        };
        let ended = Instant::now();
        let Some(walked) = walked else {
            let place = walk.timeout_reason().map(|reason| reason.place());
            return Err(Unfinished {
                phase: match place {
                    Some(Place::During(phase)) => Some(phase),
                    Some(Place::Redirect | Place::Validate) | None => None,
                },
                age: ended.saturating_duration_since(bounds.started),
            });
        };
        let mut detail = walk.detail.take().unwrap_or_default();
        for (_, value) in detail.headers.iter_mut().flatten() {
            *value = detail::shown(value, |text| self.masked(text));
        }
        Ok((self.attempt(bounds, walk, walked, ended), detail))
    }
}
