//! The page that a scrape reads, written in chunks so that nobody ever holds the whole of it.

use std::sync::Arc;

use crate::metrics::format::Format;
use crate::metrics::lines::Lines;
use crate::metrics::lines::write_header;
use crate::metrics::own::Own;
use crate::metrics::samples;
use crate::metrics::series::Series;
use crate::metrics::store::Store;

/// How many bytes a chunk has before it counts as full. It is what a client that does not read makes
/// the exporter hold.
const CHUNK: usize = 16 * 1024;

/// A page on its way out: the exporter's own families, then family by family all targets that were
/// there when it began.
#[derive(Debug)]
pub struct Page {
    format: Format,
    own: Vec<u8>,
    series: Arc<[Arc<Series>]>,
    /// The family and the target that come next.
    family: usize,
    target: usize,
    /// Whether the family has its header: it comes with the first sample, or not at all.
    has_header: bool,
    is_complete: bool,
}

impl Page {
    /// Begins a page.
    pub fn new(format: Format, own: &Own, store: &Store) -> Self {
        let mut families = Vec::new();
        own.write(format, &mut families);
        Self {
            format,
            own: families,
            series: store.shown(),
            family: 0,
            target: 0,
            has_header: false,
            is_complete: false,
        }
    }

    /// Appends the next chunk to `out`, of about 16 KiB; `false` if there was none left.
    pub fn next_chunk(&mut self, out: &mut Vec<u8>) -> bool {
        if self.is_complete {
            return false;
        }
        let full = out.len() + CHUNK;
        // Taken with its memory, which would else be held for as long as the page is.
        out.append(&mut std::mem::take(&mut self.own));
        while let Some(samples) = samples::OF_TARGETS.get(self.family) {
            while let Some(series) = self.series.get(self.target) {
                if out.len() >= full {
                    return true;
                }
                self.write(samples, &Arc::clone(series), out);
                self.target += 1;
            }
            self.family += 1;
            self.target = 0;
            self.has_header = false;
        }
        if self.format == Format::OpenMetrics {
            out.extend_from_slice(b"# EOF\n");
        }
        self.is_complete = true;
        true
    }

    /// Writes the samples of a target, and the header of the family before its first one.
    fn write(&mut self, samples: &samples::Samples, series: &Series, out: &mut Vec<u8>) {
        let start = out.len();
        if !self.has_header {
            write_header(out, samples.family, self.format);
        }
        let first = out.len();
        (samples.write)(series, &mut Lines::new(out, samples.family, &series.labels));
        if out.len() > first {
            self.has_header = true;
        } else {
            out.truncate(start);
        }
    }
}
