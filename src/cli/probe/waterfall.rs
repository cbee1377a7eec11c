//! The phases of one probe as bars below each other.

use std::time::Duration;

use crate::cli::probe::look::Colour;
use crate::cli::probe::look::Look;
use crate::outcome::phase::Phase;
use crate::outcome::timeline::Span;
use crate::outcome::timeline::Timeline;

/// How wide the names of phases are, and whatever stands below them.
pub const LABEL: usize = 13;

/// How wide a time is.
const TIME: usize = 13;

/// A cell filled by so many eighths.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Draws a line a phase, then the whole and what of it belongs to no phase. `hops` has where each
/// redirect led, and `cut` the phase in which the probe failed.
pub fn draw(timeline: &Timeline, hops: &[String], cut: Option<Phase>, look: Look) -> String {
    let mut drawn = String::new();
    let (spans, total) = (timeline.spans(), timeline.total());
    let n_cells = look.width.saturating_sub(LABEL + TIME);
    let mut hop = 0;
    for (index, span) in spans.iter().enumerate() {
        if span.hop > hop {
            hop = span.hop;
            let to = hops.get(usize::from(hop) - 1);
            let to = to.map_or("elsewhere", String::as_str);
            let line = format!("redirected to {to}");
            drawn.push_str(&look.paint(Colour::Faint, &line));
            drawn.push('\n');
        }
        let is_cut = index + 1 == spans.len() && cut == Some(span.phase);
        let colour = if is_cut { Colour::Red } else { Colour::Cyan };
        let (before, filled, behind) = match look.unicode {
            true => bar_of_blocks(span, total, n_cells),
            false => bar_of_ascii(span, total, n_cells),
        };
        let bar = format!(
            "{}{}{}",
            " ".repeat(before),
            look.paint(colour, &filled),
            " ".repeat(behind)
        );
        drawn.push_str(&line(span.phase.label(), &bar, span.duration()));
    }
    let blank = " ".repeat(n_cells);
    drawn.push_str(&line("total", &blank, total));
    let overhead = line("overhead", &blank, timeline.overhead());
    drawn.push_str(&look.paint(Colour::Faint, overhead.trim_end_matches('\n')));
    drawn.push('\n');
    drawn
}

fn line(label: &str, bar: &str, took: Duration) -> String {
    format!("{label:<LABEL$}{bar}{:>TIME$}\n", milliseconds(took))
}

/// A bar and how many cells are blank before and behind it. Its end is exact to an eighth of a cell;
/// what takes less than that is a thin line.
fn bar_of_blocks(span: &Span, total: Duration, n_cells: usize) -> (usize, String, usize) {
    let start = place(span.start, total, n_cells).min(n_cells.saturating_sub(1));
    let end = place(span.end, total, n_cells * 8).min(n_cells * 8);
    let n_eighths = end.saturating_sub(start * 8).max(1);
    let mut filled = "█".repeat(n_eighths / 8);
    filled.push_str(EIGHTHS.get(n_eighths % 8).copied().unwrap_or_default());
    (start, filled, n_cells - start - n_eighths.div_ceil(8))
}

/// The same in whole cells.
fn bar_of_ascii(span: &Span, total: Duration, n_cells: usize) -> (usize, String, usize) {
    let start = place(span.start, total, n_cells).min(n_cells.saturating_sub(1));
    let end = place(span.end, total, n_cells).min(n_cells);
    let filled = match end.saturating_sub(start) {
        0 => "|".to_owned(),
        n => "#".repeat(n),
    };
    let behind = n_cells - start - filled.len();
    (start, filled, behind)
}

/// The place nearest to a time among `n` equal ones.
fn place(at: Duration, total: Duration, n: usize) -> usize {
    let doubled = (total.as_nanos() * 2).max(1);
    let scaled = at.as_nanos() * n as u128 * 2 + total.as_nanos();
    usize::try_from(scaled / doubled).unwrap_or(n)
}

/// A duration in milliseconds, to the microsecond.
pub fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(unicode: bool, width: usize) -> Look {
        Look {
            is_live: false,
            colours: false,
            unicode,
            ascii_only: false,
            width,
        }
    }

    fn timeline() -> Timeline {
        let us = Duration::from_micros;
        let mut timeline = Timeline::new();
        timeline.push(Span::new(Phase::Dns, us(0), us(10_000)));
        timeline.push(Span::new(Phase::Connect, us(10_000), us(20_500)));
        timeline.push(Span::new(Phase::Send, us(21_000), us(21_000)));
        timeline.push(Span {
            hop: 1,
            ..Span::new(Phase::Transfer, us(30_000), us(40_000))
        });
        timeline.finish(us(40_000));
        timeline
    }

    #[test]
    fn phases_stand_where_they_ran() {
        let hops = ["http://b/".to_owned()];
        let drawn = draw(&timeline(), &hops, None, look(true, 46));
        let expected = "\
dns          █████                   10.000 ms
connect           █████▎             10.500 ms
send                    ▏             0.000 ms
redirected to http://b/
transfer                    █████    10.000 ms
total                                40.000 ms
overhead                              9.500 ms
";
        assert_eq!(drawn, expected);
        let drawn = draw(&timeline(), &hops, None, look(false, 46));
        let ascii = expected
            .replace("█████▎", "##### ")
            .replace('█', "#")
            .replace('▏', "|");
        assert_eq!(drawn, ascii);
    }

    #[test]
    fn the_phase_that_was_cut_is_red() {
        let look = Look {
            colours: true,
            ..look(false, 40)
        };
        let drawn = draw(&timeline(), &[], Some(Phase::Transfer), look);
        assert!(drawn.contains("\x1b[31m###\x1b[0m    10.000 ms"), "{drawn}");
        assert_eq!(drawn.matches("\x1b[31m").count(), 1, "{drawn}");
        // The phase of another hop is not the one that was cut.
        let drawn = draw(&timeline(), &[], Some(Phase::Connect), look);
        assert!(!drawn.contains("\x1b[31m"), "{drawn}");
    }

    #[test]
    fn a_bar_has_its_width_whatever_it_shows() {
        let ms = Duration::from_millis;
        for (start, end, total) in [
            (0, 0, 7),
            (0, 7, 7),
            (7, 7, 7),
            (6, 7, 7),
            (3, 4, 7),
            (0, 1, 7),
            (0, 0, 0),
            (0, u64::MAX, u64::MAX),
        ] {
            let span = Span::new(Phase::Dns, ms(start), ms(end));
            for bar in [bar_of_blocks, bar_of_ascii] {
                let (before, filled, behind) = bar(&span, ms(total), 40);
                let width = before + filled.chars().count() + behind;
                assert_eq!(width, 40, "{start} to {end} of {total}: {filled:?}");
            }
        }
    }
}
