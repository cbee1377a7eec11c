//! The two formats of the exposition, and which of them a scraper wants.

/// A format of the exposition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// The text format 0.0.4, which everything reads.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// What a scraper accepts of a kind of text, from 0 for not at all to 1.
#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    open_metrics: f32,
    text: Option<f32>,
    any_text: Option<f32>,
    anything: Option<f32>,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format for a request with this `Accept` header. OpenMetrics goes only to those who name
    /// it and like it at least as well as text; whoever asks for what we do not have gets text.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let mut wish = Wish::default();
        for range in accept.unwrap_or_default().split(',') {
            wish.read(range);
        }
        let text = wish
            .text
            .or(wish.any_text)
            .or(wish.anything)
            .unwrap_or_default();
        if wish.open_metrics > 0.0 && wish.open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

impl Wish {
    /// Reads one media range with its parameters; what is malformed counts for nothing.
    fn read(&mut self, range: &str) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut quality, mut version) = (1.0, None);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => match value.parse() {
                    Ok(q) if (0.0..=1.0).contains(&q) => quality = q,
                    _ => return,
                },
                "version" => version = Some(value),
                _ => {}
            }
        }
        let best = |slot: Option<f32>| Some(slot.unwrap_or_default().max(quality));
        match (media.as_str(), version) {
            ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) => {
                self.open_metrics = self.open_metrics.max(quality);
            }
            ("text/plain", _) => self.text = best(self.text),
            ("text/*", _) => self.any_text = best(self.any_text),
            ("*/*", _) => self.anything = best(self.anything),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,\
        application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;\
        escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
        text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,\
        */*;q=0.2";
    const PROMETHEUS_3_NATIVE: &str = "application/vnd.google.protobuf;\
        proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
        application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
        application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;\
        escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    const PROMETHEUS_3_TEXT_ONLY: &str = "text/plain;version=0.0.4;q=0.5,*/*;q=0.4";

    #[test]
    fn scrapers_get_what_they_want() {
        use Format::{OpenMetrics, Text};
        for (accept, format) in [
            (PROMETHEUS_2_42, OpenMetrics),
            (PROMETHEUS_3, OpenMetrics),
            (PROMETHEUS_3_NATIVE, OpenMetrics),
            (PROMETHEUS_3_TEXT_ONLY, Text),
            ("", Text),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Text),
            ("application/openmetrics-text", OpenMetrics),
            (
                "APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"",
                OpenMetrics,
            ),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;q=2", Text),
            ("application/openmetrics-text;q=nan", Text),
            ("application/openmetrics-text;q=0.5,text/plain", Text),
            (
                "application/openmetrics-text;q=0.5,text/plain;q=0.5",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;q=0.5,text/plain;q=0.4,*/*",
                OpenMetrics,
            ),
            ("application/openmetrics-text;q=0.5,text/*;q=0.6", Text),
            ("application/openmetrics-text;q=0.5,*/*", Text),
            ("application/json", Text),
            (",;=,;;q", Text),
        ] {
            assert_eq!(Format::negotiate(Some(accept)), format, "{accept}");
        }
        assert_eq!(Format::negotiate(None), Text);
    }
}
