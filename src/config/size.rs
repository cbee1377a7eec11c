//! Sizes in bytes as blackbox_exporter's file has them: `512KiB`, `1.5MB`, `1MB512KB`. K is 1024
//! with and without an i.

/// The units, each 1024 times the one before.
const PREFIXES: [&str; 6] = ["K", "M", "G", "T", "P", "E"];

/// Reads a size. A negative one means none, as there. The error is a hint to follow what was found.
pub fn parse(text: &str) -> Result<Option<u64>, &'static str> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Ok(None);
    }
    // Those with an i and those without do not go together.
    let bytes = sum(unsigned, "iB").or_else(|_| sum(unsigned, "B"))?;
    if bytes >= i64::MAX as f64 {
        return Err(" that does not fit");
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive and fits, and parts of bytes do not count"
    )]
    let bytes = bytes as u64;
    Ok((!is_negative && bytes > 0).then_some(bytes))
}

fn sum(text: &str, suffix: &str) -> Result<f64, &'static str> {
    let mut rest = text;
    let mut sum = 0.0;
    let is_digit = |c: char| c == '.' || c.is_ascii_digit();
    while !rest.is_empty() {
        let end = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        let number: f64 = number.parse().map_err(|_| "")?;
        let end = behind.find(is_digit).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        sum += number * scale(unit, suffix)?;
        rest = behind;
    }
    if text.is_empty() { Err("") } else { Ok(sum) }
}

fn scale(unit: &str, suffix: &str) -> Result<f64, &'static str> {
    match unit {
        "" => return Err(" without a unit, such as B or MB"),
        "B" => return Ok(1.0),
        "kB" => return Err("; K is 1024 and large"),
        _ => {}
    }
    let prefix = unit.strip_suffix(suffix).ok_or("")?;
    let power = PREFIXES
        .iter()
        .position(|known| *known == prefix)
        .ok_or("")?;
    Ok((0..=power).fold(1.0, |scale, _| scale * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_go() {
        for (text, bytes) in [
            ("1B", Some(1)),
            ("1MB", Some(1024 * 1024)),
            ("1MiB", Some(1024 * 1024)),
            ("512KiB", Some(512 * 1024)),
            ("1.5KiB", Some(1536)),
            (".5KB", Some(512)),
            ("2.KB", Some(2048)),
            ("1GB", Some(1024 * 1024 * 1024)),
            ("1MB512KB", Some(1536 * 1024)),
            ("1MiB1B", Some(1024 * 1024 + 1)),
            ("+1KB", Some(1024)),
            ("1.9B", Some(1)),
            ("7EB", Some(7 << 60)),
            ("0", None),
            ("-0", None),
            ("0B", None),
            ("-1MB", None),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in [
            "", "-", "1", "1024", "1.5", "1kB", "1K", "1M", "1Mi", "MB", ".MB", "1..5KB", "1 MB",
            " 1MB", "1MiB1KB", "8EB", "1e3B", "1b", "0x1B", "--1B", "nanB", "infB",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
