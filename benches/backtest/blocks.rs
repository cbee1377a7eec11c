//! Series from outside, as blocks of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::fs::File;
use std::io::BufWriter;
use std::io::Result;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::prometheus::Series;
use crate::time::ORIGIN;
use crate::time::in_seconds;

/// A file of OpenMetrics that becomes blocks.
pub struct Import {
    path: PathBuf,
    /// Where series are written to.
    pub file: BufWriter<File>,
}

impl Import {
    /// An empty one in `folder`.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("import.txt");
        let file = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
        Self { path, file }
    }

    /// Adds series under a recorded name, with the labels that the rule adds.
    pub fn record(
        &mut self,
        name: &str,
        added: &BTreeMap<String, String>,
        all: Vec<Series>,
    ) -> Result<()> {
        for mut series in all {
            series.labels.remove("__name__");
            series.labels.extend(added.clone());
            let mut line = format!("{name}{{");
            for (label, value) in &series.labels {
                write!(line, "{label}={value:?},").expect("a text takes what is written to it");
            }
            let line = line.trim_end_matches(',');
            for (time, value) in series.points {
                writeln!(self.file, "{line}}} {value} {}", in_seconds(ORIGIN + time))?;
            }
        }
        Ok(())
    }

    /// Makes blocks of it among the data of a Prometheus that does not run.
    pub fn finish(mut self, data: &Path) {
        self.file.write_all(b"# EOF\n").unwrap();
        self.file.flush().unwrap();
        // One block for all: promtool reads the whole file for each. The flag is not documented.
        let output = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "--quiet"])
            .arg("--max-block-duration=39366h")
            .arg("openmetrics")
            .args([&*self.path, data])
            .output()
            .unwrap_or_else(|error| panic!("promtool cannot be started: {error}"));
        assert!(
            output.status.success(),
            "promtool makes no blocks: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        fs::remove_file(&self.path).unwrap();
    }
}
