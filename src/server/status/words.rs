//! Times in words, short enough for a table.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use humantime::format_rfc3339_millis;
use humantime::format_rfc3339_seconds;

/// A duration that was measured, in three figures.
pub fn measured(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        _ if duration.is_zero() => "0 ms".to_owned(),
        ..0.995 => format!("{ms:.2} ms"),
        ..9.95 => format!("{ms:.1} ms"),
        ..999.5 => format!("{ms:.0} ms"),
        ..9_995.0 => format!("{:.2} s", ms / 1e3),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

/// A duration as somebody wrote it.
pub fn exactly(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds if duration.subsec_nanos() > 0 || seconds < 120 => {
            format!("{} s", duration.as_secs_f64())
        }
        seconds if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// A length of time that nobody needs exactly.
pub fn about(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// How long ago something was.
pub fn ago(then: SystemTime, now: SystemTime) -> String {
    // A clock that was set back has nothing in the future.
    let age = now.duration_since(then).unwrap_or_default();
    format!("{} ago", about(age))
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// In how long something will be, to the nearest second. What should be over by now is due.
pub fn until(then: SystemTime, now: SystemTime) -> String {
    match then.duration_since(now) {
        Ok(left) if left < HALF_A_SECOND => "now".to_owned(),
        Ok(left) => format!("in {}", about(left + HALF_A_SECOND)),
        Err(_) => "due".to_owned(),
    }
}

/// The time of day, in UTC.
pub fn clock(time: SystemTime) -> String {
    let text = format_rfc3339_seconds(time).to_string();
    let time_of_day = text.split(['T', 'Z']).nth(1);
    time_of_day.unwrap_or_default().to_owned()
}

/// Day and time to the millisecond, in UTC.
pub fn stamp(time: SystemTime) -> String {
    let text = format_rfc3339_millis(time).to_string();
    text.trim_end_matches('Z').replace('T', " ")
}

/// The same for machines.
pub fn machine_stamp(time: SystemTime) -> String {
    format_rfc3339_millis(time).to_string()
}

/// The day of a number of seconds since 1970; `None` for those that no calendar has.
pub fn day(seconds: i64) -> Option<String> {
    let seconds = u64::try_from(seconds).ok()?;
    // What is beyond the year 9999 cannot be written.
    const LAST: u64 = 253_402_300_799;
    let time = UNIX_EPOCH + Duration::from_secs(Some(seconds).filter(|seconds| *seconds <= LAST)?);
    let text = format_rfc3339_seconds(time).to_string();
    text.split('T').next().map(str::to_owned)
}

/// A share of a whole in percent, in two or three figures.
pub fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "both are counts of a few minutes"
    )]
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        ..0.1 => "< 0.1 %".to_owned(),
        ..9.95 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_has_three_figures() {
        for (nanoseconds, words) in [
            (0, "0 ms"),
            (1, "0.00 ms"),
            (214_400, "0.21 ms"),
            (999_999, "1.0 ms"),
            (9_940_000, "9.9 ms"),
            (12_345_678, "12 ms"),
            (999_600_000, "1.00 s"),
            (12_345_678_901, "12.3 s"),
        ] {
            assert_eq!(measured(Duration::from_nanos(nanoseconds)), words);
        }
    }

    #[test]
    fn what_was_written_is_told_as_it_was() {
        for (milliseconds, words) in [
            (250, "250 ms"),
            (1_000, "1 s"),
            (2_500, "2.5 s"),
            (90_000, "90 s"),
            (180_000, "3 min"),
            (181_000, "181 s"),
            (7_200_000, "2 h"),
        ] {
            assert_eq!(exactly(Duration::from_millis(milliseconds)), words);
        }
    }

    #[test]
    fn other_times_are_told_from_now() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let second = Duration::from_secs(1);
        for (seconds, words) in [
            (0, "0 s ago"),
            (59, "59 s ago"),
            (61, "1 min ago"),
            (7_300, "2 h ago"),
            (300_000, "3 d ago"),
        ] {
            assert_eq!(ago(now - second * seconds, now), words);
        }
        assert_eq!(ago(now + second, now), "0 s ago");
        assert_eq!(until(now + second * 3, now), "in 3 s");
        assert_eq!(until(now + second / 4, now), "now");
        assert_eq!(until(now - second, now), "due");
        assert_eq!(clock(now), "08:00:00");
        assert_eq!(stamp(now), "2027-01-15 08:00:00.000");
        assert_eq!(day(1_800_000_000).as_deref(), Some("2027-01-15"));
        assert_eq!(day(-1), None);
        assert_eq!(day(i64::MAX), None);
    }

    #[test]
    fn shares_are_in_percent() {
        for (part, whole, words) in [
            (0, 0, "0 %"),
            (0, 9, "0 %"),
            (1, 1_000_000, "< 0.1 %"),
            (4, 125, "3.2 %"),
            (1, 3, "33 %"),
            (7, 7, "100 %"),
        ] {
            assert_eq!(percent(part, whole), words);
        }
    }
}
