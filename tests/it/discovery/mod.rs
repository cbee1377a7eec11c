//! Targets that files and servers list: what is probed, what stays when they change or fail, and that a
//! real Prometheus finds the same.

mod bounds;
mod churn;
mod files;
mod http;
mod modules;
mod prometheus;
mod rotation;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::exporter::Exporter;

/// A folder with files of targets.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file in place.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Replaces a file as most programs do.
    pub fn replace(&self, name: &str, text: &str) {
        let beside = self.path().join("beside");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, self.path().join(name)).unwrap();
    }

    /// The section that names this pattern.
    pub fn config(&self, pattern: &str) -> String {
        let path = self.path().join(pattern);
        format!("file_sd_configs: [{{files: ['{}']}}]\n", path.display())
    }

    /// The value of `source` of the pattern.
    pub fn failures(&self, pattern: &str) -> String {
        let path = self.path().join(pattern);
        let path = path.display();
        format!("httpcycle_discovery_failures_total{{source=\"{path}\"}}")
    }
}

/// How many targets there are; of a page that may be long only the beginning is read.
pub fn n_targets(exporter: &Exporter) -> Option<f64> {
    let mut stream = TcpStream::connect(exporter.address).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut page = Vec::new();
    stream.take(64 << 10).read_to_end(&mut page).unwrap();
    let page = String::from_utf8_lossy(&page).into_owned();
    let line = page
        .lines()
        .find(|line| line.starts_with("httpcycle_targets "));
    line?.rsplit_once(' ')?.1.parse().ok()
}

/// Waits until there are so many targets.
pub fn wait_for_targets(exporter: &Exporter, count: usize) {
    for _ in 0..9_000 {
        if n_targets(exporter) == Some(count as f64) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("there are {:?} targets, not {count}", n_targets(exporter));
}

/// Groups as JSON, of targets that have the same labels.
pub fn json(targets: &[String], labels: &str) -> String {
    let quoted: Vec<String> = targets.iter().map(|target| format!("{target:?}")).collect();
    format!(
        "[{{\"targets\": [{}], \"labels\": {{{labels}}}}}]",
        quoted.join(", ")
    )
}
