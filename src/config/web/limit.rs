//! The section `rate_limit`: how often may be asked.

use std::time::Duration;

use crate::config::duration;
use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::Report;
use crate::config::web::schema;

/// One request an interval, and so many at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateLimit {
    /// The time between two requests, not 0.
    pub interval: Duration,
    /// How many may come at once after a pause, at least 1.
    pub burst: u32,
}

/// Reads the section; an interval of 0 is no limit.
pub fn read(field: Field<'_>, report: &mut Report) -> Option<RateLimit> {
    let mut fields = Fields::open(field.node, &schema::RATE_LIMIT, report)?;
    let interval = fields.take("interval");
    let burst = fields.take("burst");
    fields.finish(report);
    let burst_of = |field: Field<'_>, report: &mut Report| match field.text(report)?.parse::<u32>()
    {
        Ok(burst) => Some(burst),
        Err(_) => field.expected("a whole number of requests", "", report),
    };
    let n = burst.map(|field| burst_of(field, report));
    let parsed = interval.map(|field| field.duration(duration::parse_timeout, report));
    let interval = parsed??;
    if interval.is_zero() {
        return None;
    }
    match n {
        Some(None) => None,
        Some(Some(burst)) if burst > 0 => Some(RateLimit { interval, burst }),
        Some(Some(_)) | None => {
            let message = "needs a burst of at least 1: with 0 no request would ever be answered";
            field.mistake(message, report)
        }
    }
}
