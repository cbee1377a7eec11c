//! Tables in Markdown, and figures as they stand in them.

/// Prints a table.
pub fn print(head: &[&str], rows: &[Vec<String>]) {
    println!("| {} |", head.join(" | "));
    println!("|{}", " --- |".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}

/// A share as percentage with the number that it is of, such as `99.2 % (512)`.
pub fn share(n: usize, of: usize) -> String {
    if of == 0 {
        return "-".to_owned();
    }
    format!("{:.1} % ({of})", 100.0 * n as f64 / of as f64)
}

/// The value below which this part of the values lies.
pub fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n_below = sorted.len() as f64 * part;
    let at = (0_usize..).take(sorted.len());
    at.take_while(|at| *at as f64 <= n_below)
        .last()
        .map(|at| sorted[at])
}

/// The median and the ninth decile, such as `4.1 / 9.0`.
pub fn spread(values: &[f64]) -> String {
    match (quantile(values, 0.5), quantile(values, 0.9)) {
        (Some(median), Some(late)) => format!("{median:.1} / {late:.1}"),
        _ => "-".to_owned(),
    }
}
