//! Figures: percentiles, and tables in Markdown.

use std::fmt::Display;
use std::fs;
use std::time::Duration;

/// The value below which `share` of them lie, the least if there are few.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    let last = sorted.len().saturating_sub(1);
    let value = sorted.get(index.saturating_sub(1).min(last));
    value.copied().unwrap_or_default()
}

/// Milliseconds with two places.
pub fn ms(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}

/// Prints the head of a table.
pub fn head(cells: &[&str]) {
    println!("\n| {} |", cells.join(" | "));
    println!("|{}", "---|".repeat(cells.len()));
}

/// Prints a row of a table.
pub fn row(cells: &[&dyn Display]) {
    let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
    println!("| {} |", cells.join(" | "));
}

/// A row of a table of goals.
pub fn judge(what: &str, figure: impl Display, wanted: &str, reached: bool) {
    let reached = if reached { "yes" } else { "**no**" };
    row(&[&what, &figure, &wanted, &reached]);
}

/// How many descriptors this process has open.
pub fn n_descriptors() -> usize {
    // One of them is that of the folder itself.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// A line of this process's status in kB.
pub fn memory_kb(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then(|| value.trim().trim_end_matches(" kB").to_owned())
    });
    line.unwrap().parse().unwrap()
}

/// How busy the machine was in the last minute, as far as it tells: what others did while something was
/// measured belongs beside the figures.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// How long the host of this machine kept its cores from it so far, in milliseconds, 0 if it does not
/// tell: nobody here can do anything about that.
pub fn stolen_ms() -> u64 {
    const MS_A_TICK: u64 = 10;
    let all = fs::read_to_string("/proc/stat").unwrap();
    let of_all_cores = all.lines().next().unwrap_or_default();
    let ticks = of_all_cores.split_whitespace().nth(8);
    ticks.map_or(0, |ticks| ticks.parse::<u64>().unwrap() * MS_A_TICK)
}
