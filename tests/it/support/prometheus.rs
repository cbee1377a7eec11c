//! A real Prometheus that scrapes one exporter every second.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::real_parts;

/// Whether there is one on this machine.
pub fn is_installed() -> bool {
    real_parts::is_installed("prometheus", Command::new("prometheus").arg("--version"))
}

/// A Prometheus that ends with the test.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Prometheus {
    /// Starts one that scrapes `exporter` as job httpcycle and follows the rules in the files
    /// `rules`, of which each has its name and its text.
    pub fn start(exporter: SocketAddr, rules: &[(String, String)]) -> Self {
        Self::start_with(exporter, rules, "")
    }

    /// Starts one that tells its alerts to `alertmanager` besides.
    pub fn start_alerting(
        exporter: SocketAddr,
        rules: &[(String, String)],
        alertmanager: SocketAddr,
    ) -> Self {
        let alerting = format!(
            "alerting:\n  alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]\n"
        );
        Self::start_with(exporter, rules, &alerting)
    }

    /// Starts one that scrapes `exporter` as `scraping` says, further lines of its job.
    pub fn start_scraping(exporter: SocketAddr, scraping: &str) -> Self {
        Self::start_with(exporter, &[], scraping)
    }

    fn start_with(exporter: SocketAddr, rules: &[(String, String)], more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let here = folder.path();
        for (name, text) in rules {
            fs::write(here.join(name), text).unwrap();
        }
        let names: Vec<&String> = rules.iter().map(|(name, _)| name).collect();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: {names:?}\n\
             scrape_configs:\n- job_name: httpcycle\n  static_configs: [{{targets: ['{exporter}']}}]\n{more}"
        );
        fs::write(here.join("prometheus.yml"), config).unwrap();
        Self::run(&here.join("prometheus.yml"), folder)
    }

    /// Starts one by a configuration that stands elsewhere.
    pub fn start_by(config: &Path) -> Self {
        Self::run(config, TempDir::new().unwrap())
    }

    fn run(config: &Path, folder: TempDir) -> Self {
        let address = real_parts::free_address();
        Self {
            child: start(config, folder.path(), address),
            address,
            _folder: folder,
        }
    }

    /// The value of a query that has one.
    pub fn value(&self, promql: &str) -> Option<f64> {
        let data = self.ask("query", &[("query", promql)])?;
        data["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// What an endpoint of its API says, absent while it does not answer yet.
    ///
    /// # Panics
    ///
    /// If it refuses what it was asked.
    pub fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Option<Value> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let request = format!("GET /api/v1/{path}?{query} HTTP/1.0\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n")?;
        if head.contains(" 503 ") {
            return None;
        }
        let said: Value = serde_json::from_str(body).unwrap();
        assert_eq!(said["status"], "success", "{parameters:?}: {body}");
        Some(said["data"].clone())
    }
}

fn start(config: &Path, folder: &Path, address: SocketAddr) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("tsdb").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}
