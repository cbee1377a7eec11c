//! Durations as Prometheus writes them: `250ms`, `5s`, `1m30s`.

use std::time::Duration;

/// Units from large to small, in nanoseconds. The first seven are those of Prometheus.
const UNITS: [(&str, u64); 9] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];
const N_PROMETHEUS_UNITS: usize = 7;

/// Prometheus counts nanoseconds in 63 bits, and so do clocks that deadlines are added to.
const MAX_NANOS: u64 = i64::MAX.unsigned_abs();

/// Parses a duration. The error is a hint that goes behind "found …", empty if there is none.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Err(" without a unit, such as s or ms");
    }
    let mut rest = text;
    let mut units = UNITS.iter().take(N_PROMETHEUS_UNITS);
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (digits, unit, behind) = split(rest).ok_or("")?;
        if !UNITS
            .iter()
            .take(N_PROMETHEUS_UNITS)
            .any(|(name, _)| *name == unit)
        {
            return Err("; the units are y, w, d, h, m, s and ms");
        }
        let (_, nanos) = units
            .find(|(name, _)| *name == unit)
            .ok_or("; units go from large to small, each once")?;
        if digits.contains('.') {
            return Err("; the numbers must be whole, 1500ms instead of 1.5s");
        }
        total = digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*nanos))
            .and_then(|part| part.checked_add(total))
            .filter(|total| *total <= MAX_NANOS)
            .ok_or("; at most 292 years will do")?;
        rest = behind;
    }
    if text.is_empty() {
        Err("")
    } else {
        Ok(Duration::from_nanos(total))
    }
}

/// Parses a duration as [`parse`] does, and else as Go does (`1.5s`, `1h0.5m`, `300us`): that is
/// how blackbox_exporter reads the timeout of a module.
pub fn parse_timeout(text: &str) -> Result<Duration, &'static str> {
    parse(text).or_else(|hint| parse_go(text).ok_or(hint))
}

fn parse_go(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, unit, behind) = split(rest)?;
        let unit_seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit_seconds;
        rest = behind;
    }
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    (!text.is_empty() && duration <= Duration::from_nanos(MAX_NANOS)).then_some(duration)
}

/// Splits off a number and its unit; `None` if either is missing.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let (number, rest) = text.split_at(text.find(|c| !is_number(c))?);
    let (unit, behind) = rest.split_at(rest.find(is_number).unwrap_or(rest.len()));
    (!number.is_empty()).then_some((number, unit, behind))
}

/// Writes a duration so that [`parse`] reads it; below a millisecond with Go's `us` and `ns`.
pub fn format(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    let mut text = String::new();
    // Years and weeks would surprise: 90d is clearer than 12w6d.
    for (unit, size) in UNITS.into_iter().skip(2) {
        let size = u128::from(size);
        if nanos >= size {
            text.push_str(&(nanos / size).to_string());
            text.push_str(unit);
            nanos %= size;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_durations_are_read_and_written() {
        for (text, milliseconds, written) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("250ms", 250, "250ms"),
            ("5s", 5_000, "5s"),
            ("1m30s", 90_000, "1m30s"),
            ("90s", 90_000, "1m30s"),
            ("1s500ms", 1_500, "1s500ms"),
            ("1h1ms", 3_600_001, "1h1ms"),
            ("1d", 86_400_000, "1d"),
            ("2w", 14 * 86_400_000, "14d"),
            ("1y1w1d", 373 * 86_400_000, "373d"),
        ] {
            let duration = parse(text).expect(text);
            assert_eq!(duration, Duration::from_millis(milliseconds), "{text}");
            assert_eq!(format(duration), written, "{text}");
            assert_eq!(parse(written), Ok(duration), "{text}");
        }
        assert_eq!(format(Duration::from_nanos(1_500_001)), "1ms500us1ns");
    }

    #[test]
    fn anything_else_is_refused_with_a_hint() {
        for (text, hint) in [
            ("", ""),
            ("s", ""),
            ("-5s", ""),
            ("+5s", ""),
            (" 5s", ""),
            ("fast", ""),
            ("5", "without a unit"),
            ("1.5", "without a unit"),
            ("5 s", "the units are"),
            ("5S", "the units are"),
            ("5sec", "the units are"),
            ("5us", "the units are"),
            ("5m5", ""),
            ("1.5s", "whole"),
            ("1s1m", "from large to small"),
            ("1s1s", "from large to small"),
            ("293y", "292 years"),
            ("99999999999999999999s", "292 years"),
        ] {
            let found = parse(text).expect_err(text);
            assert!(found.contains(hint), "{text}: {found}");
            assert_eq!(found.is_empty(), hint.is_empty(), "{text}: {found}");
        }
    }

    #[test]
    fn timeouts_are_also_read_as_go_does() {
        for (text, micros) in [
            ("5s", 5_000_000),
            ("1.5s", 1_500_000),
            ("300us", 300),
            ("300µs", 300),
            ("1s1m", 61_000_000),
            (".5s", 500_000),
        ] {
            assert_eq!(
                parse_timeout(text),
                Ok(Duration::from_micros(micros)),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "1.2.3s",
            "-1.5s",
            "1.5d",
            "1e3s",
            "s",
            ".s",
            "9999999.5h",
        ] {
            assert!(parse_timeout(text).is_err(), "{text}");
        }
    }
}
