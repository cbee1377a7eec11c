//! A Prometheus of its own on loopback, and what it is asked.

use std::fs;
use std::fs::File;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::children::Running;
use crate::http;
use crate::time::ORIGIN;
use crate::time::from_seconds;
use crate::time::in_seconds;
use crate::tsdb::Labels;

/// Prometheus answers no more than 11,000 points at once.
const MAX_POINTS: i64 = 10_000;
/// How long it may take to read its data.
const START_TRIES: u32 = 1200;
const PAUSE: Duration = Duration::from_millis(50);

/// A Prometheus that ends with this value.
pub struct Prometheus {
    address: SocketAddr,
    process: Running,
}

/// The times at which an expression is evaluated, counted from where histories begin.
#[derive(Clone, Copy)]
pub struct Steps {
    /// The first one.
    pub start: i64,
    /// Not after this.
    pub end: i64,
    /// From one to the next.
    pub step: i64,
}

/// A series of an answer, or a part of one.
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Times, counted from where histories begin, and values.
    pub points: Vec<(i64, f64)>,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Matrix {
    result: Vec<ToldSeries>,
}

#[derive(Deserialize)]
struct ToldSeries {
    metric: Labels,
    values: Vec<(f64, String)>,
}

impl Prometheus {
    /// Starts one on the data in `folder`, and waits until it answers.
    pub fn start(folder: &Path, config: &str) -> Self {
        let data = folder.join("data");
        fs::create_dir_all(&data).unwrap();
        let path = folder.join("prometheus.yml");
        fs::write(&path, config).unwrap();
        let log = folder.join("prometheus.log");
        for _ in 0..3 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let process = Running::start(
                Command::new("prometheus")
                    .arg(format!("--config.file={}", path.display()))
                    .arg(format!("--storage.tsdb.path={}", data.display()))
                    .arg(format!("--web.listen-address={address}"))
                    // The histories are as old as they like.
                    .arg("--storage.tsdb.retention.time=100y")
                    .arg("--query.max-samples=2000000000")
                    .arg("--query.timeout=1h")
                    .arg("--log.level=warn")
                    .stdout(Stdio::null())
                    .stderr(File::create(&log).unwrap()),
            );
            let prometheus = Self { address, process };
            if prometheus.wait() {
                return prometheus;
            }
            // Somebody else may have taken the port.
        }
        let said = fs::read_to_string(&log).unwrap_or_default();
        panic!("Prometheus does not start, it says:\n{said}");
    }

    fn wait(&self) -> bool {
        for _ in 0..START_TRIES {
            if let Ok((200, _)) = http::ask(self.address, "/-/ready", "") {
                return true;
            }
            if self.process.child().try_wait().unwrap().is_some() {
                return false;
            }
            sleep(PAUSE);
        }
        false
    }

    /// Asks for the data of an answer.
    pub fn ask<T: DeserializeOwned>(&self, path: &str, form: &str) -> T {
        let (status, body) = http::ask(self.address, path, form)
            .unwrap_or_else(|error| panic!("Prometheus does not answer: {error}"));
        let answer: Answer<T> = serde_json::from_str(&body)
            .unwrap_or_else(|error| panic!("{path} has status {status}, {error}: {body}"));
        let why = answer.error.unwrap_or_default();
        answer
            .data
            .unwrap_or_else(|| panic!("Prometheus refuses {path}: {why}\n{form}"))
    }

    /// Evaluates an expression at all steps, and hands on the parts of the answer in order of time.
    pub fn evaluate(&self, query: &str, steps: Steps, mut take: impl FnMut(Vec<Series>)) {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let mut start = steps.start;
        while start <= steps.end {
            let last = steps.end.min(start + (MAX_POINTS - 1) * steps.step);
            let form = format!(
                "query={query}&start={}&end={}&step={}",
                in_seconds(ORIGIN + start),
                in_seconds(ORIGIN + last),
                in_seconds(steps.step)
            );
            take(series(self.ask("/api/v1/query_range", &form)));
            start += MAX_POINTS * steps.step;
        }
    }
}

fn series(matrix: Matrix) -> Vec<Series> {
    let told = matrix.result.into_iter();
    told.map(|series| Series {
        labels: series.metric,
        points: series
            .values
            .into_iter()
            .map(|(seconds, value)| {
                let value = value.parse().expect("Prometheus writes numbers");
                (from_seconds(seconds) - ORIGIN, value)
            })
            .collect(),
    })
    .collect()
}
