//! Points in time and lengths of time, in whole milliseconds as Prometheus keeps them.

/// A second.
pub const SECOND: i64 = 1000;
/// A minute.
pub const MINUTE: i64 = 60 * SECOND;
/// An hour.
pub const HOUR: i64 = 60 * MINUTE;
/// A day.
pub const DAY: i64 = 24 * HOUR;
/// What is counted as a month.
pub const MONTH: i64 = 30 * DAY;

/// Where all histories begin, so that one seed gives one table: 2025-01-01.
pub const ORIGIN: i64 = 1_735_689_600 * SECOND;

/// Milliseconds of the seconds that Prometheus tells.
#[allow(
    clippy::cast_possible_truncation,
    reason = "they come from milliseconds"
)]
pub fn from_seconds(seconds: f64) -> i64 {
    (seconds * SECOND as f64).round() as i64
}

/// Seconds as Prometheus reads them.
pub fn in_seconds(time: i64) -> String {
    format!("{}.{:03}", time / SECOND, time % SECOND)
}
