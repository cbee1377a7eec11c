//! How long a probe may take, from what the scraper says of its own patience.

use std::time::Duration;

/// What a scraper that does not say has, in seconds.
const DEFAULT: f64 = 120.0;

/// What one that says more has.
const MAX: f64 = 3_600.0;

/// The header in which Prometheus says how long it waits.
pub const HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// The timeout of a probe: what the scraper has, less `offset` for the way, or the timeout of the
/// module if that is shorter or nothing would be left. The error follows the value.
///
/// blackbox_exporter probes without any time where a number is negative, infinite or none, or the
/// offset takes all; such a probe tells nothing of the target, so the value counts as not given and
/// the offset is not taken.
pub fn of(header: Option<&str>, module: Option<Duration>, offset: f64) -> Result<Duration, String> {
    let given = match header.filter(|text| !text.is_empty()) {
        Some(text) => number(text)?,
        None => 0.0,
    };
    let patience = match given {
        given if given > 0.0 && given.is_finite() => given.min(MAX),
        _ => DEFAULT,
    };
    let left = patience - offset;
    let module = module.filter(|timeout| !timeout.is_zero());
    let seconds = match module.map(|timeout| timeout.as_secs_f64()) {
        Some(module) if module < left || left <= 0.0 => module,
        None if left <= 0.0 => patience,
        _ => left,
    };
    // A nanosecond is the least that is not nothing.
    Ok(Duration::try_from_secs_f64(seconds.min(MAX))
        .unwrap_or_default()
        .max(Duration::from_nanos(1)))
}

fn number(text: &str) -> Result<f64, String> {
    let is_written_infinite = || text.to_ascii_lowercase().contains("inf");
    match text.parse::<f64>() {
        Ok(number) if number.is_infinite() && !is_written_infinite() => {
            Err(format!("parsing {text:?}: value out of range"))
        }
        Ok(number) => Ok(number),
        Err(_) => Err(format!("parsing {text:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_those_of_the_scraper_unless_hostile() {
        let s = Duration::from_secs_f64;
        for (header, module, offset, expected) in [
            (None, None, 0.5, 119.5),
            (None, Some(5.0), 0.5, 5.0),
            (Some(""), Some(5.0), 0.5, 5.0),
            (Some("10"), None, 0.5, 9.5),
            (Some("10.000000"), Some(9.5), 0.5, 9.5),
            (Some("10"), Some(60.0), 0.5, 9.5),
            (Some("1e1"), Some(2.0), 0.5, 2.0),
            (Some("10"), None, 0.0, 10.0),
            (Some("300"), None, 0.5, 299.5),
            // Nothing is left.
            (Some("0.5"), Some(2.0), 0.5, 2.0),
            (Some("0.3"), Some(2.0), 0.5, 2.0),
            (Some("0.3"), None, 0.5, 0.3),
            (None, None, 1e300, 120.0),
            // Hostile.
            (Some("0"), None, 0.5, 119.5),
            (Some("-0"), None, 0.5, 119.5),
            (Some("-1"), None, 0.5, 119.5),
            (Some("-1"), Some(2.0), 0.5, 2.0),
            (Some("NaN"), None, 0.5, 119.5),
            (Some("NaN"), Some(2.0), 0.5, 2.0),
            (Some("+Inf"), Some(2.0), 0.5, 2.0),
            (Some("-Infinity"), None, 0.5, 119.5),
            (Some("1e308"), None, 0.5, 3599.5),
            (Some("1e308"), Some(2.0), 0.5, 2.0),
            (Some("1e-300"), None, 0.0, 1e-9),
            (None, Some(1e9), -1e18, 3600.0),
        ] {
            let found = of(header, module.map(s), offset);
            assert_eq!(found, Ok(s(expected)), "{header:?} {module:?} {offset}");
        }
        for (header, error) in [
            ("ten", "parsing \"ten\": invalid syntax"),
            (" 10", "parsing \" 10\": invalid syntax"),
            ("10s", "parsing \"10s\": invalid syntax"),
            ("1e309", "parsing \"1e309\": value out of range"),
            ("-1e400", "parsing \"-1e400\": value out of range"),
        ] {
            assert_eq!(of(Some(header), None, 0.5), Err(error.to_owned()));
        }
    }
}
