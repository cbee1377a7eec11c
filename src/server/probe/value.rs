//! Numbers as Go's libraries write them into an exposition.

use std::io::Write as _;

/// Appends a number: in the shortest digits, with an exponent from a million on and below a
/// ten-thousandth.
pub fn write(out: &mut Vec<u8>, value: f64) {
    let magnitude = value.abs();
    let written = if magnitude == 0.0 || (1e-4..1e6).contains(&magnitude) {
        write!(out, "{value}")
    } else {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(out, "{digits}e{sign}{exponent:0>2}")
    };
    written.expect("a Vec takes whatever is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_go() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (409.0, "409"),
            (9.5, "9.5"),
            (0.000_1, "0.0001"),
            (0.000_099, "9.9e-05"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (2_812_370_340.0, "2.81237034e+09"),
            (-62_135_596_800.0, "-6.21355968e+10"),
            (1e100, "1e+100"),
        ] {
            let mut out = Vec::new();
            write(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
