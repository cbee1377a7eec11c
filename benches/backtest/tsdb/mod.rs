//! A block of samples on disk, in the format of Prometheus' storage (its `tsdb/docs/format`).
//!
//! promtool makes blocks of text too, but takes fifty times as long, and text has no word for the
//! mark that a rule leaves where a series ends.

mod check_sum;
mod chunk;
mod index;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::BufWriter;
use std::io::Result;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::tsdb::check_sum::Crc32c;
use crate::tsdb::chunk::Chunk;

/// The labels of a series with its name as `__name__`, in the order that Prometheus wants.
pub type Labels = BTreeMap<String, String>;

/// The value that says that a series has ended.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// What a file of chunks begins with: a magic number and the version.
const CHUNKS_HEAD: [u8; 8] = [0x85, 0xBD, 0x40, 0xDD, 1, 0, 0, 0];
/// The encoding of chunks that all versions of Prometheus read.
const XOR_ENCODING: u8 = 1;

/// A block that is being written.
pub struct Block {
    folder: PathBuf,
    name: String,
    chunks: BufWriter<File>,
    offset: u64,
    series: Vec<Series>,
    numbers: BTreeMap<Labels, usize>,
    n_samples: u64,
}

/// A series of the block.
struct Series {
    labels: Labels,
    written: Vec<Written>,
    open: Chunk,
}

/// A chunk that is on disk.
struct Written {
    start: i64,
    end: i64,
    offset: u64,
}

impl Block {
    /// An empty one among the data of a Prometheus that does not run. Numbers tell blocks apart.
    pub fn new(data: &Path, number: usize) -> Result<Self> {
        // The form of an ULID.
        let name = format!("{number:026}");
        let folder = data.join(&name);
        fs::create_dir_all(folder.join("chunks"))?;
        let mut chunks = BufWriter::new(File::create(folder.join("chunks/000001"))?);
        chunks.write_all(&CHUNKS_HEAD)?;
        Ok(Self {
            folder,
            name,
            chunks,
            offset: CHUNKS_HEAD.len() as u64,
            series: Vec::new(),
            numbers: BTreeMap::new(),
            n_samples: 0,
        })
    }

    /// The number of a series in this block.
    pub fn series(&mut self, labels: Labels) -> usize {
        let next = self.series.len();
        *self.numbers.entry(labels).or_insert_with_key(|labels| {
            self.series.push(Series {
                labels: labels.clone(),
                written: Vec::new(),
                open: Chunk::new(),
            });
            next
        })
    }

    /// Adds a sample, which is later than all others of its series.
    pub fn append(&mut self, series: usize, time: i64, value: f64) -> Result<()> {
        self.n_samples += 1;
        if self.series[series].open.is_full() {
            self.close_chunk(series)?;
        }
        self.series[series].open.append(time, value);
        Ok(())
    }

    fn close_chunk(&mut self, series: usize) -> Result<()> {
        let series = &mut self.series[series];
        let chunk = std::mem::replace(&mut series.open, Chunk::new());
        let (start, end) = chunk.span();
        let mut bytes = Vec::new();
        index::unsigned(&mut bytes, chunk.bytes().len() as u64);
        let sum_from = bytes.len();
        bytes.push(XOR_ENCODING);
        bytes.extend(chunk.bytes());
        let sum = Crc32c::of(&bytes[sum_from..]);
        bytes.extend(sum.to_be_bytes());
        self.chunks.write_all(&bytes)?;
        series.written.push(Written {
            start,
            end,
            offset: self.offset,
        });
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Completes the block; one without samples goes.
    pub fn finish(mut self) -> Result<()> {
        if self.n_samples == 0 {
            return fs::remove_dir_all(&self.folder);
        }
        for number in 0..self.series.len() {
            if !self.series[number].open.is_empty() {
                self.close_chunk(number)?;
            }
        }
        self.chunks.flush()?;
        self.series.retain(|series| !series.written.is_empty());
        self.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        fs::write(self.folder.join("index"), index::index(&self.series))?;
        fs::write(self.folder.join("meta.json"), self.meta())
    }

    fn meta(&self) -> String {
        let chunks = || self.series.iter().flat_map(|series| &series.written);
        let start = chunks().map(|chunk| chunk.start).min().unwrap_or(0);
        let end = chunks().map(|chunk| chunk.end).max().unwrap_or(0);
        format!(
            r#"{{"ulid":"{name}","minTime":{start},"maxTime":{},"stats":{{"numSamples":{},"numSeries":{},"numChunks":{}}},"compaction":{{"level":1,"sources":["{name}"]}},"version":1}}"#,
            end + 1,
            self.n_samples,
            self.series.len(),
            chunks().count(),
            name = self.name,
        )
    }
}
