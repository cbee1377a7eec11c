//! The drawings of a row as SVG: the cycle of a probe, and the strip of the last ones. Each says in
//! words what it shows.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use askama::filters::HtmlSafe;

use crate::history::glance::Mark;
use crate::history::glance::Marks;
use crate::history::glance::N_MARKS;
use crate::history::record::Probe;
use crate::outcome::phase::Phase;
use crate::server::status::words;

/// How wide the drawing of a cycle is, and how far its lanes are apart.
const WIDTH: u32 = 160;
const LANE: u32 = 4;

/// How far the marks of a strip are apart.
const STEP: u32 = 6;

/// A drawing, made of nothing but numbers and words of the exporter's own.
#[derive(Clone, Debug)]
pub struct Svg(String);

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Svg {}

/// The cycle of a probe: each phase in a lane of its own, one below the other as in the legend.
pub fn waterfall(probe: &Probe) -> Svg {
    let height = LANE * (Phase::Transfer as u32 + 1);
    let mut svg = format!(
        "<svg class=\"waterfall\" viewBox=\"0 0 {WIDTH} {height}\" \
         preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        told(probe)
    );
    let width = f64::from(WIDTH);
    let whole = probe.duration.as_secs_f64();
    let place = |time: Duration| match whole > 0.0 {
        true => (time.as_secs_f64() / whole).min(1.0) * width,
        false => 0.0,
    };
    for span in &probe.spans {
        // Whatever ran is seen, however short it was.
        let drawn = (place(span.end) - place(span.start)).max(1.5);
        let (x, y) = (
            place(span.start).min(width - drawn),
            LANE * span.phase as u32,
        );
        write!(
            svg,
            "<rect class=\"phase-{}\" x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{LANE}\"/>",
            span.phase.label(),
            Tenths(x),
            Tenths(drawn)
        )
        .expect("a String takes whatever is written");
    }
    svg.push_str("</svg>");
    Svg(svg)
}

/// The phases of a probe in words.
fn told(probe: &Probe) -> String {
    let mut told = String::new();
    let mut hop = 0;
    for span in &probe.spans {
        if span.hop != hop {
            hop = span.hop;
            write!(told, "redirect {hop}: ").expect("a String takes whatever is written");
        }
        let (phase, time) = (span.phase.label(), words::measured(span.duration()));
        write!(told, "{phase} {time}, ").expect("a String takes whatever is written");
    }
    told + "in all " + &words::measured(probe.duration)
}

/// The marks of the last probes, the newest at the right.
pub fn strip(marks: Marks) -> Svg {
    const HEIGHT: u32 = 20;
    let width = STEP * N_MARKS;
    let mut svg = format!(
        "<svg class=\"strip\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        counted(marks)
    );
    for (place, mark) in (marks.n_free()..).zip(marks.iter()) {
        let x = STEP * place;
        // By height as well as by colour.
        let height = match mark {
            Mark::Ok | Mark::Expected => 8,
            Mark::Failure => 14,
            Mark::Conflict => HEIGHT,
        };
        let y = HEIGHT - height;
        let class = class(mark);
        write!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"5\" height=\"{height}\"/>"
        )
        .expect("a String takes whatever is written");
    }
    svg.push_str("</svg>");
    Svg(svg)
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Ok => "probe-ok",
        Mark::Expected => "probe-expected",
        Mark::Failure => "probe-failure",
        Mark::Conflict => "probe-conflict",
    }
}

/// The marks in words.
fn counted(marks: Marks) -> String {
    let n_marks = marks.iter().count();
    let mut counted = match n_marks {
        0 => return "no probe yet".to_owned(),
        1 => "the last probe: ".to_owned(),
        n => format!("the last {n} probes: "),
    };
    let kinds = [
        (Mark::Conflict, "in conflict"),
        (Mark::Failure, "failed"),
        (Mark::Expected, "in expected conflict"),
        (Mark::Ok, "ok"),
    ];
    let kinds = kinds.map(|(kind, name)| {
        let count = marks.iter().filter(|mark| *mark == kind).count();
        (count > 0).then(|| format!("{count} {name}"))
    });
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    counted += &kinds.join(", ");
    counted
}

/// A length with a decimal where it needs one.
struct Tenths(f64);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.1}", self.0);
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::outcome::Verdict;
    use crate::outcome::timeline::Span;

    fn probe(spans: &[(Phase, u64, u64, u8)], duration: u64) -> Probe {
        let us = Duration::from_micros;
        let spans = spans.iter().map(|&(phase, start, end, hop)| Span {
            hop,
            ..Span::new(phase, us(start), us(end))
        });
        Probe {
            verdict: Verdict::Success,
            number: 0,
            intended: UNIX_EPOCH,
            started: UNIX_EPOCH,
            duration: us(duration),
            connection: None,
            code: None,
            conflict: None,
            spans: spans.collect(),
            failure: None,
        }
    }

    #[test]
    fn a_cycle_is_drawn_to_scale() {
        let drawn = waterfall(&probe(
            &[
                (Phase::Connect, 0, 1_000, 0),
                (Phase::Send, 1_000, 1_000, 0),
                (Phase::FirstByte, 1_000, 7_500, 0),
                (Phase::Connect, 8_000, 10_000, 1),
            ],
            10_000,
        ));
        let expected = "<svg class=\"waterfall\" viewBox=\"0 0 160 24\" \
             preserveAspectRatio=\"none\" role=\"img\" aria-label=\"connect 1.0 ms, send 0 ms, first_byte 6.5 ms, \
             redirect 1: connect 2.0 ms, in all 10 ms\">\
             <rect class=\"phase-connect\" x=\"0\" y=\"4\" width=\"16\" height=\"4\"/>\
             <rect class=\"phase-send\" x=\"16\" y=\"12\" width=\"1.5\" height=\"4\"/>\
             <rect class=\"phase-first_byte\" x=\"16\" y=\"16\" width=\"104\" height=\"4\"/>\
             <rect class=\"phase-connect\" x=\"128\" y=\"4\" width=\"32\" height=\"4\"/></svg>";
        assert_eq!(drawn.to_string(), expected);
    }

    #[test]
    fn a_cycle_of_nothing_is_within_its_drawing() {
        let drawn = waterfall(&probe(&[(Phase::Transfer, 0, 0, 0)], 0)).to_string();
        assert!(drawn.contains("x=\"0\" y=\"20\" width=\"1.5\""), "{drawn}");
        let drawn = waterfall(&probe(&[(Phase::Transfer, 9, 9, 0)], 9)).to_string();
        assert!(drawn.contains("x=\"158.5\""), "{drawn}");
    }

    #[test]
    fn a_strip_ends_with_the_newest() {
        let marks = [Mark::Ok, Mark::Conflict, Mark::Failure, Mark::Expected];
        let expected = "<svg class=\"strip\" viewBox=\"0 0 120 20\" role=\"img\" \
             aria-label=\"the last 4 probes: 1 in conflict, 1 failed, 1 in expected conflict, \
             1 ok\">\
             <rect class=\"probe-ok\" x=\"96\" y=\"12\" width=\"5\" height=\"8\"/>\
             <rect class=\"probe-conflict\" x=\"102\" y=\"0\" width=\"5\" height=\"20\"/>\
             <rect class=\"probe-failure\" x=\"108\" y=\"6\" width=\"5\" height=\"14\"/>\
             <rect class=\"probe-expected\" x=\"114\" y=\"12\" width=\"5\" height=\"8\"/></svg>";
        assert_eq!(strip(marks.into_iter().collect()).to_string(), expected);
        assert!(strip(Marks::default()).to_string().contains("no probe yet"));
    }
}
