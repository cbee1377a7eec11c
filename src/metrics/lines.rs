//! How lines of the exposition are written: the only place that knows the grammar.

use std::io::Write;

use crate::metrics::catalogue::Family;
use crate::metrics::catalogue::Kind;
use crate::metrics::format::Format;

const NANOSECONDS: u64 = 1_000_000_000;

/// The value of a sample.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Count(u64),
    Whole(i64),
    /// Written as seconds, to the last digit.
    Nanoseconds(u64),
    Float(f64),
}

impl Value {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Count(value) => {
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            Self::Whole(value) => {
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            Self::Nanoseconds(value) => {
                Self::Count(value / NANOSECONDS).write(out);
                let fraction = value % NANOSECONDS;
                if fraction > 0 {
                    // The leading 1 becomes the point, so that the zeros after it stay.
                    let point = out.len();
                    Self::Count(fraction + NANOSECONDS).write(out);
                    out[point] = b'.';
                    while out.last() == Some(&b'0') {
                        out.pop();
                    }
                }
            }
            Self::Float(value) if value.is_nan() => out.extend_from_slice(b"NaN"),
            Self::Float(f64::INFINITY) => out.extend_from_slice(b"+Inf"),
            Self::Float(f64::NEG_INFINITY) => out.extend_from_slice(b"-Inf"),
            Self::Float(value) => {
                write!(out, "{value}").expect("a Vec takes whatever is written");
            }
        }
    }
}

/// Writes the samples of one family that share their first labels.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    out: &'a mut Vec<u8>,
    name: &'static str,
    labels: &'a str,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, family: &Family, labels: &'a str) -> Self {
        Self {
            out,
            name: family.name,
            labels,
        }
    }

    /// Writes a sample. The pieces of `tail` make the text of its further labels.
    pub(crate) fn sample(&mut self, tail: &[&str], value: Value) {
        self.line("", tail, value);
    }

    /// Writes the samples of a histogram, whose last cumulative count is that of the whole.
    pub(crate) fn histogram<'b>(
        &mut self,
        tail: &[&str],
        bounds: impl Iterator<Item = &'b str>,
        cumulative: impl Iterator<Item = u64>,
        sum: Value,
    ) {
        let start = self.out.len();
        let labelled = self.head("_bucket", tail);
        self.push(if labelled { ",le=\"" } else { "{le=\"" });
        let head = start..self.out.len();
        let mut total = 0;
        for (index, (bound, count)) in bounds.zip(cumulative).enumerate() {
            if index > 0 {
                self.out.extend_from_within(head.clone());
            }
            self.push(bound);
            self.push("\"} ");
            Value::Count(count).write(self.out);
            self.push("\n");
            total = count;
        }
        self.line("_sum", tail, sum);
        self.line("_count", tail, Value::Count(total));
    }

    fn line(&mut self, suffix: &str, tail: &[&str], value: Value) {
        let labelled = self.head(suffix, tail);
        self.push(if labelled { "} " } else { " " });
        value.write(self.out);
        self.push("\n");
    }

    /// Writes the name and the labels but for the closing brace, and tells whether there are any.
    fn head(&mut self, suffix: &str, tail: &[&str]) -> bool {
        self.push(self.name);
        self.push(suffix);
        if self.labels.is_empty() && tail.is_empty() {
            return false;
        }
        self.push("{");
        self.push(self.labels);
        if !self.labels.is_empty() && !tail.is_empty() {
            self.push(",");
        }
        for piece in tail {
            self.push(piece);
        }
        true
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Writes what stands before the samples of a family. OpenMetrics names counters without their
/// suffix there, and quotes need escaping.
pub(crate) fn write_header(out: &mut Vec<u8>, family: &Family, format: Format) {
    let (name, unit) = match format {
        Format::Text => (family.name, None),
        Format::OpenMetrics if family.kind == Kind::Counter => {
            (family.name.trim_end_matches("_total"), family.unit)
        }
        Format::OpenMetrics => (family.name, family.unit),
    };
    let mut push = |pieces: &[&str]| {
        for piece in pieces {
            out.extend_from_slice(piece.as_bytes());
        }
    };
    push(&["# HELP ", name, " "]);
    for character in family.help.chars() {
        match (character, format) {
            ('\\', _) => push(&["\\\\"]),
            ('\n', _) => push(&["\\n"]),
            ('"', Format::OpenMetrics) => push(&["\\\""]),
            (other, _) => push(&[other.encode_utf8(&mut [0; 4])]),
        }
    }
    push(&["\n# TYPE ", name, " ", family.kind.label(), "\n"]);
    if let Some(unit) = unit {
        push(&["# UNIT ", name, " ", unit.label(), "\n"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalogue::Unit;

    const FAMILY: Family = Family {
        name: "x_seconds_total",
        kind: Kind::Counter,
        unit: Some(Unit::Seconds),
        help: "A \"b\" \\ c\nd.",
    };

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn values_are_exact() {
        for (value, written) in [
            (Value::Count(u64::MAX), "18446744073709551615"),
            (Value::Whole(-5), "-5"),
            (Value::Nanoseconds(0), "0"),
            (Value::Nanoseconds(1), "0.000000001"),
            (Value::Nanoseconds(12_345_678), "0.012345678"),
            (Value::Nanoseconds(100_000_000), "0.1"),
            (Value::Nanoseconds(5_000_000_000), "5"),
            (
                Value::Nanoseconds(1_700_000_000_123_456_789),
                "1700000000.123456789",
            ),
            (Value::Nanoseconds(u64::MAX), "18446744073.709551615"),
            (Value::Float(1.1), "1.1"),
            (Value::Float(-0.25), "-0.25"),
            (Value::Float(1e-9), "0.000000001"),
            (Value::Float(3e21), "3000000000000000000000"),
            (Value::Float(f64::NAN), "NaN"),
            (Value::Float(-f64::NAN), "NaN"),
            (Value::Float(f64::INFINITY), "+Inf"),
            (Value::Float(f64::NEG_INFINITY), "-Inf"),
        ] {
            assert_eq!(text(|out| value.write(out)), written);
        }
    }

    #[test]
    fn labels_are_joined_whatever_is_there() {
        for (labels, tail, line) in [
            ("", &[][..], "x_seconds_total 1\n"),
            ("a=\"b\"", &[], "x_seconds_total{a=\"b\"} 1\n"),
            ("", &["c=\"", "d", "\""], "x_seconds_total{c=\"d\"} 1\n"),
            (
                "a=\"b\"",
                &["c=\"d\""],
                "x_seconds_total{a=\"b\",c=\"d\"} 1\n",
            ),
        ] {
            let written =
                text(|out| Lines::new(out, &FAMILY, labels).sample(tail, Value::Count(1)));
            assert_eq!(written, line);
        }
    }

    #[test]
    fn histograms_end_with_their_count() {
        let write = |labels: &str, tail: &[&str]| {
            text(|out| {
                Lines::new(out, &FAMILY, labels).histogram(
                    tail,
                    ["0.5", "+Inf"].into_iter(),
                    [1, 3].into_iter(),
                    Value::Nanoseconds(2_500_000_000),
                );
            })
            .replace("x_seconds_total", "x")
        };
        assert_eq!(
            write("", &[]),
            "x_bucket{le=\"0.5\"} 1\nx_bucket{le=\"+Inf\"} 3\nx_sum 2.5\nx_count 3\n"
        );
        assert_eq!(
            write("a=\"b\"", &["c=\"d\""]),
            "x_bucket{a=\"b\",c=\"d\",le=\"0.5\"} 1\nx_bucket{a=\"b\",c=\"d\",le=\"+Inf\"} 3\n\
             x_sum{a=\"b\",c=\"d\"} 2.5\nx_count{a=\"b\",c=\"d\"} 3\n"
        );
    }

    #[test]
    fn headers_differ_by_format() {
        assert_eq!(
            text(|out| write_header(out, &FAMILY, Format::Text)),
            "# HELP x_seconds_total A \"b\" \\\\ c\\nd.\n# TYPE x_seconds_total counter\n"
        );
        assert_eq!(
            text(|out| write_header(out, &FAMILY, Format::OpenMetrics)),
            "# HELP x_seconds A \\\"b\\\" \\\\ c\\nd.\n# TYPE x_seconds counter\n\
             # UNIT x_seconds seconds\n"
        );
    }
}
