//! When each phase of one probe ran. Whatever time belongs to no phase is the exporter's own.

use std::time::Duration;

use crate::outcome::phase::Phase;

/// One run of one phase, in time since the start of the probe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// The phase that ran.
    pub phase: Phase,
    /// When it began.
    pub start: Duration,
    /// When it ended or was cut short; never before `start`.
    pub end: Duration,
    /// Which request of the probe it belongs to: 0 is the first, each redirect adds one.
    pub hop: u8,
    /// Which clock told the end.
    pub clock: Clock,
}

/// Whose clock told the end of a phase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Clock {
    /// The kernel's, at the arrival of the bytes.
    Kernel,
    /// The exporter's own, where nothing arrived that the kernel could have stamped: the end of a
    /// write, a timeout, a look-up in a file.
    User,
    /// The exporter's own, in place of a stamp of the kernel that could not be had.
    Fallback,
}

impl Clock {
    /// The clock in a word; a fallback is the user's clock as well.
    pub fn label(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::User | Self::Fallback => "user",
        }
    }
}

impl Span {
    /// A phase of the first request, timed by the exporter's own clock.
    pub fn new(phase: Phase, start: Duration, end: Duration) -> Self {
        Self {
            phase,
            start,
            end,
            hop: 0,
            clock: Clock::User,
        }
    }

    /// How long the phase took.
    pub fn duration(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// The phases of one probe: ordered, without overlap, inside the probe.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Timeline {
    spans: Vec<Span>,
    total: Duration,
}

impl Timeline {
    /// Starts an empty timeline.
    pub fn new() -> Self {
        // One hop has at most all phases; redirects are rare enough to grow.
        Self {
            spans: Vec::with_capacity(Phase::COUNT),
            total: Duration::ZERO,
        }
    }

    /// Appends a phase. A clock that reads earlier than the end of the phase before is moved to it,
    /// so that spans stay disjoint whatever clocks they came from.
    pub fn push(&mut self, span: Span) {
        let start = span.start.max(self.end());
        let end = span.end.max(start);
        self.spans.push(Span { start, end, ..span });
        self.total = self.total.max(end);
    }

    /// Ends the probe after `total`; never before its last phase ended.
    pub fn finish(&mut self, total: Duration) {
        self.total = self.end().max(total);
    }

    /// The phases that ran, in order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// When the last phase ended, zero before the first.
    pub fn end(&self) -> Duration {
        self.spans.last().map_or(Duration::ZERO, |span| span.end)
    }

    /// How long the whole probe took.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// How long `phase` took over all hops; `None` if it did not run.
    pub fn phase(&self, phase: Phase) -> Option<Duration> {
        self.spans
            .iter()
            .filter(|span| span.phase == phase)
            .map(Span::duration)
            .reduce(|sum, duration| sum + duration)
    }

    /// The time before the last phase that belongs to no phase: by how much it began late.
    pub fn lost_before_last(&self) -> Duration {
        let Some((last, before)) = self.spans.split_last() else {
            return Duration::ZERO;
        };
        last.start - before.iter().map(Span::duration).sum::<Duration>()
    }

    /// The time inside the probe that belongs to no phase.
    pub fn overhead(&self) -> Duration {
        self.total - self.spans.iter().map(Span::duration).sum::<Duration>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn span(phase: Phase, start: u64, end: u64, hop: u8) -> Span {
        Span {
            hop,
            ..Span::new(phase, ms(start), ms(end))
        }
    }

    #[test]
    fn phases_and_overhead_add_up_to_the_total() {
        let mut timeline = Timeline::new();
        timeline.push(span(Phase::Connect, 1, 4, 0));
        timeline.push(span(Phase::Send, 5, 5, 0));
        timeline.push(span(Phase::FirstByte, 5, 25, 0));
        timeline.finish(ms(30));
        assert_eq!(timeline.phase(Phase::Connect), Some(ms(3)));
        assert_eq!(timeline.phase(Phase::Send), Some(Duration::ZERO));
        assert_eq!(timeline.phase(Phase::Tls), None);
        assert_eq!(timeline.overhead(), ms(30 - 3 - 20));
        assert_eq!(timeline.lost_before_last(), ms(1 + 1));
        assert_eq!(timeline.total(), ms(30));
    }

    #[test]
    fn hops_add_up_and_stay_disjoint_when_clocks_disagree() {
        let mut timeline = Timeline::new();
        timeline.push(span(Phase::Connect, 0, 4, 0));
        timeline.push(span(Phase::Connect, 2, 3, 1));
        timeline.push(span(Phase::Connect, 6, 8, 2));
        timeline.finish(ms(1));
        assert_eq!(timeline.phase(Phase::Connect), Some(ms(6)));
        assert_eq!(timeline.spans()[1].duration(), Duration::ZERO);
        assert_eq!(timeline.total(), ms(8));
        assert_eq!(timeline.overhead(), ms(2));
    }
}
