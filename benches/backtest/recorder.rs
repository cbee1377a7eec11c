//! What rules record, as a block.

use std::collections::BTreeMap;
use std::io::Result;
use std::path::Path;

use crate::plan::Query;
use crate::prometheus::Series;
use crate::prometheus::Steps;
use crate::time::ORIGIN;
use crate::tsdb::Block;
use crate::tsdb::Labels;
use crate::tsdb::STALE;

/// A block that takes the answers to the queries of a pass.
pub struct Recorder {
    block: Block,
    /// The last sample of each series of the rule at hand.
    last: BTreeMap<usize, i64>,
}

impl Recorder {
    /// An empty one.
    pub fn new(data: &Path, number: usize) -> Result<Self> {
        Ok(Self {
            block: Block::new(data, number)?,
            last: BTreeMap::new(),
        })
    }

    /// Adds a part of the answer to a query.
    pub fn add(&mut self, query: &Query, steps: Steps, part: Vec<Series>) -> Result<()> {
        // Series that differ by name alone, as those of `a or b` may, are one once they are recorded.
        let mut merged: BTreeMap<usize, BTreeMap<i64, f64>> = BTreeMap::new();
        for series in part {
            let number = self.block.series(labels(query, series.labels));
            merged.entry(number).or_default().extend(series.points);
        }
        for (number, points) in merged {
            for (time, value) in points {
                self.mark_gap(number, time, steps)?;
                self.block.append(number, ORIGIN + time, value)?;
                self.last.insert(number, time);
            }
        }
        Ok(())
    }

    /// Says that a series was gone, at the first evaluation without it, as Prometheus does.
    fn mark_gap(&mut self, number: usize, time: i64, steps: Steps) -> Result<()> {
        match self.last.get(&number) {
            Some(last) if time > last + steps.step => {
                self.block.append(number, ORIGIN + last + steps.step, STALE)
            }
            _ => Ok(()),
        }
    }

    /// Says that all of a query is there.
    pub fn end(&mut self, steps: Steps) -> Result<()> {
        let numbers: Vec<usize> = self.last.keys().copied().collect();
        for number in numbers {
            self.mark_gap(number, steps.end + steps.step, steps)?;
        }
        self.last.clear();
        Ok(())
    }

    /// Completes the block.
    pub fn finish(self) -> Result<()> {
        self.block.finish()
    }
}

/// The labels of what a rule records, its own on top.
fn labels(query: &Query, mut labels: Labels) -> Labels {
    labels.extend(query.labels.clone());
    labels.insert("__name__".to_owned(), query.name.clone());
    labels
}
