//! How long a token lives: when to ask for another, and until when it can be shown.

use std::time::Duration;

use crate::auth::moment::Moment;

/// Nearer to its end than this a token is used no more, as a request takes its time to get there: as in
/// Go, unless its whole life is short.
const SPARE: Duration = Duration::from_secs(10);

/// A token is renewed so long before its end, in which several requests may hang. One that lives less than
/// three times as long leaves a third of its life for that, and one that lives very long a tenth.
const AMPLE: Duration = Duration::from_secs(200);

/// So many requests for another may hang while a token is usable, unless that is over within seconds: a
/// server may take this long to answer.
const REQUESTS: u32 = 3;
const LEAST: Duration = Duration::from_secs(1);

/// The life of a token that ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Life {
    renew_at: Moment,
    usable_until: Moment,
}

impl Life {
    /// A life that is this long from `asked` on.
    pub fn new(asked: Moment, whole: Duration) -> Self {
        let spare = (whole / 10).min(SPARE);
        let early = (whole / 3).min(AMPLE).max(whole / 10);
        let early = early.max(SPARE).min(whole / 2);
        Self {
            renew_at: asked + (whole - early),
            usable_until: asked + (whole - spare),
        }
    }

    /// Whether the token can be shown.
    pub fn is_usable(&self, now: Moment) -> bool {
        !self.usable_until.is_over(now)
    }

    /// When to ask for another.
    pub fn renew_at(&self) -> Moment {
        self.renew_at
    }

    /// How long a request for another may take, so that there can be more while the token is usable;
    /// `None` if it is no more.
    pub fn patience(&self, now: Moment) -> Option<Duration> {
        let left = self.usable_until.left(now);
        (!left.is_zero()).then(|| (left / REQUESTS).max(LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it lives, when it is renewed, when it is used no more, and how long a request may
    /// take when it is renewed.
    #[test]
    fn a_token_is_renewed_before_it_ends() {
        for (whole, renewed, unused, patience) in [
            (
                2_147_483_647,
                1_932_735_282.3,
                2_147_483_637.0,
                71_582_784.9,
            ),
            (7200, 6480.0, 7190.0, 236.666),
            (3600, 3240.0, 3590.0, 116.666),
            (1200, 1000.0, 1190.0, 63.333),
            (300, 200.0, 290.0, 30.0),
            (60, 40.0, 54.0, 4.666),
            (10, 5.0, 9.0, 1.333),
            (1, 0.5, 0.9, 1.0),
        ] {
            let life = of(whole);
            let renew_at = life.renew_at();
            for clock in [at as fn(f64) -> Moment, awake_for] {
                assert!(!renew_at.is_over(clock(renewed - 0.01)), "{whole}");
                assert!(renew_at.is_over(clock(renewed + 0.01)), "{whole}");
                assert!(life.is_usable(clock(unused - 0.01)), "{whole}");
                assert!(!life.is_usable(clock(unused + 0.01)), "{whole}");
            }
            let least = life.patience(at(renewed)).expect("an end");
            let apart = least.as_secs_f64() - patience;
            assert!(apart.abs() < 0.01, "{whole}: {least:?}");
            assert_eq!(life.patience(at(unused + 0.01)), None, "{whole}");
        }
    }

    /// While the system is suspended a token ages, though timers do not run.
    #[test]
    fn a_token_ends_while_nothing_runs() {
        let life = of(3600);
        let renew_at = life.renew_at();
        assert!(!renew_at.is_over(slept_for(3239.0)) && renew_at.is_over(slept_for(3241.0)));
        assert!(life.is_usable(slept_for(3589.0)) && !life.is_usable(slept_for(3591.0)));
    }

    fn of(seconds: u64) -> Life {
        Life::new(at(0.0), Duration::from_secs(seconds))
    }

    /// So many seconds after the request for a life.
    fn at(seconds: f64) -> Moment {
        static ASKED: std::sync::OnceLock<Moment> = std::sync::OnceLock::new();
        *ASKED.get_or_init(Moment::now) + Duration::from_secs_f64(seconds)
    }

    /// The same for a system on which the clock that counts suspension stands still.
    fn awake_for(seconds: f64) -> Moment {
        Moment {
            since_boot: at(0.0).since_boot,
            ..at(seconds)
        }
    }

    /// So many seconds of suspension after the request.
    fn slept_for(seconds: f64) -> Moment {
        Moment {
            timer: at(0.0).timer,
            ..at(seconds)
        }
    }
}
