//! The bounds of the histograms, shared by all targets.

use std::time::Duration;

/// The upper bounds of the buckets, ascending, with the text that stands in `le`.
#[derive(Debug, Eq, PartialEq)]
pub struct Bounds {
    nanoseconds: Box<[u64]>,
    texts: Box<[Box<str>]>,
}

impl Bounds {
    /// The bounds, in seconds, unless the user sets others.
    pub const DEFAULT: [f64; 14] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];

    /// Takes bounds in seconds. The error says which one is wrong.
    pub fn new(seconds: &[f64]) -> Result<Self, String> {
        let mut nanoseconds: Vec<u64> = Vec::with_capacity(seconds.len());
        let mut texts = Vec::with_capacity(seconds.len() + 1);
        for &bound in seconds {
            let exact = Duration::try_from_secs_f64(bound)
                .ok()
                .and_then(|duration| u64::try_from(duration.as_nanos()).ok())
                .filter(|&nanoseconds| nanoseconds > 0)
                .ok_or_else(|| {
                    format!(
                        "histogram bound {bound} is not a duration in seconds; \
                         write it like 0.25, at least a nanosecond"
                    )
                })?;
            if nanoseconds.last().is_some_and(|&last| exact <= last) {
                return Err(format!(
                    "histogram bound {bound} is not greater than the one before it; sort them"
                ));
            }
            nanoseconds.push(exact);
            texts.push(le(bound).into());
        }
        texts.push(le(f64::INFINITY).into());
        Ok(Self {
            nanoseconds: nanoseconds.into(),
            texts: texts.into(),
        })
    }

    /// How many buckets there are, that without an upper bound among them.
    pub fn n_buckets(&self) -> usize {
        self.texts.len()
    }

    /// Which bucket a value belongs to: the first whose bound is not below it.
    pub(crate) fn bucket(&self, nanoseconds: u64) -> usize {
        self.nanoseconds
            .partition_point(|&bound| bound < nanoseconds)
    }

    /// The values of the label `le`.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(AsRef::as_ref)
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new(&Self::DEFAULT).expect("the default bounds ascend")
    }
}

/// A bound as the value of the label `le`: never with an exponent, always with a decimal point, so
/// that both formats and all versions name the series alike.
pub(crate) fn le(bound: f64) -> String {
    if bound.is_infinite() {
        return "+Inf".to_owned();
    }
    let mut text = bound.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive() {
        let bounds = Bounds::default();
        for (nanoseconds, bucket) in [
            (0, 0),
            (499_999, 0),
            (500_000, 0),
            (500_001, 1),
            (10_000_000_000, 13),
            (10_000_000_001, 14),
            (u64::MAX, 14),
        ] {
            assert_eq!(bounds.bucket(nanoseconds), bucket, "{nanoseconds}");
        }
    }

    #[test]
    fn texts_have_a_decimal_point() {
        let bounds = Bounds::new(&[0.00001, 0.25, 1.0, 60.0]).expect("valid");
        let texts: Vec<_> = bounds.texts().collect();
        assert_eq!(texts, ["0.00001", "0.25", "1.0", "60.0", "+Inf"]);
    }

    #[test]
    fn what_does_not_ascend_is_refused() {
        for (bounds, part) in [
            (&[0.0][..], "bound 0 is not a duration"),
            (&[-1.0], "bound -1 is not a duration"),
            (&[f64::NAN], "bound NaN is not a duration"),
            (&[f64::INFINITY], "bound inf is not a duration"),
            (&[1e300], "is not a duration"),
            (&[1.0, 1.0], "not greater"),
            (&[1.0, 0.5], "not greater"),
        ] {
            let error = Bounds::new(bounds).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(Bounds::new(&[]).expect("one bucket").n_buckets(), 1);
    }
}
