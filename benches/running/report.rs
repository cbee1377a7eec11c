//! The results, as lines that `scripts/bench` finds again.

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The median with the least and the greatest, such as `57.1 (55.0 to 61.3)`.
pub fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.1} ({least:.1} to {greatest:.1})", median(values))
}

/// A result that has an upper bound.
pub fn judge(what: &str, value: f64, figure: &str, at_most: f64) {
    let reached = if value <= at_most { "yes" } else { "NO" };
    line(what, figure, &format!("<= {at_most}"), reached);
}

/// A result that has no bound.
pub fn tell(what: &str, figure: &str) {
    line(what, figure, "-", "-");
}

/// A result that there is none.
pub fn skip(what: &str, why: &str) {
    line(what, &format!("skipped: {why}"), "-", "-");
}

fn line(what: &str, figure: &str, bound: &str, reached: &str) {
    println!("result|{what}|{figure}|{bound}|{reached}");
}
