//! Debian's blackbox_exporter, started and ended.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = "prometheus-blackbox-exporter";

/// The version that the expectations are about.
pub const VERSION: &str = "version 0.23";

pub fn is_installed() -> bool {
    crate::support::real_parts::is_installed(PROGRAM, Command::new(PROGRAM).arg("--version"))
}

/// What it says about its version.
pub fn version() -> String {
    let output = Command::new(PROGRAM).arg("--version").output().unwrap();
    // Which of the two depends on its version.
    [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat()
}

/// A running blackbox_exporter.
pub struct Theirs {
    child: Child,
    pub address: SocketAddr,
}

impl Theirs {
    /// Starts it with a file and waits until it listens.
    pub fn start(config: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg(format!("--config.file={}", config.display()))
            .arg("--web.listen-address=127.0.0.1:0")
            // Nothing may lead it off loopback, no proxy in particular.
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let line = log.next().unwrap_or_else(|| panic!("it ended: {said:#?}"));
            let line = line.unwrap();
            if line.contains("Listening on") {
                let (_, address) = line.split_once("address=").unwrap();
                break address.trim().parse().unwrap();
            }
            said.push(line);
        };
        // A full pipe would stop it.
        std::thread::spawn(move || log.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
