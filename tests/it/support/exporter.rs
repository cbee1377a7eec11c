//! The built program under test: started, scraped, signalled, and gone when the test is.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use tempfile::TempDir;

/// How long the slowest of shared machines may take for what ought to happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program without arguments.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_httpcycle_exporter"))
}

/// A running exporter on a port of its own.
pub struct Exporter {
    child: Child,
    folder: TempDir,
    log: Receiver<String>,
    pub address: SocketAddr,
}

impl Exporter {
    /// Starts it with a configuration and waits until it listens.
    pub fn start(config: &str) -> Self {
        Self::start_with(config, &[])
    }

    /// Starts it with a configuration and further arguments and waits until it listens.
    pub fn start_with(config: &str, arguments: &[&str]) -> Self {
        Self::start_by(program(), config, arguments)
    }

    /// Starts it by a command that becomes the exporter when arguments of it are added.
    pub fn start_by(mut command: Command, config: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // For whichever user the command takes.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("httpcycle.yml"), config).unwrap();
        let mut child = command
            .arg("--web.listen-address=127.0.0.1:0")
            .args(arguments)
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // The test may have ended and with it its interest in the log.
                sender.send(line).ok();
            }
        });
        let mut exporter = Self {
            child,
            folder,
            log,
            address: ([127, 0, 0, 1], 0).into(),
        };
        let line = exporter.wait_for_log("listening");
        // In both formats of the log.
        let (_, port) = line.split_once("127.0.0.1:").unwrap();
        let digits = port.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        exporter.address.set_port(digits.parse().unwrap());
        exporter
    }

    /// The next line of the log that holds `text`.
    pub fn wait_for_log(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("the log never said {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The lines of the log that nobody has waited for.
    pub fn rest_of_log(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// The lines of the log that nobody has waited for, up to the end of the process.
    pub fn log_to_the_end(&self) -> Vec<String> {
        self.log.iter().collect()
    }

    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("httpcycle.yml")
    }

    /// Replaces the configuration file and has it read.
    pub fn reload(&self, config: &str) {
        fs::write(self.config_path(), config).unwrap();
        self.signal("HUP");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the exporter does not end");
    }

    /// The body of a page, with its head before it.
    pub fn get(&self, request_line: &str, headers: &str) -> Vec<u8> {
        get(self.address, request_line, headers)
    }

    pub fn get_text(&self, request_line: &str) -> String {
        String::from_utf8(self.get(request_line, "")).unwrap()
    }

    /// The value of the first sample that begins with `series`, as in `name{target="a"`.
    pub fn value(&self, series: &str) -> Option<f64> {
        let page = self.get_text("GET /metrics");
        let line = page.lines().find(|line| line.starts_with(series))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// The sum of all samples that begin with `series`.
    pub fn sum(&self, series: &str) -> f64 {
        let page = self.get_text("GET /metrics");
        let lines = page.lines().filter(|line| line.starts_with(series));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum()
    }

    /// Scrapes until the value of `series` is as wanted.
    pub fn wait_for(&self, series: &str, wanted: impl Fn(Option<f64>) -> bool) -> Option<f64> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.value(series);
            if wanted(value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{series} stays at {value:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The body of a page at an address, with its head before it.
pub fn get(address: SocketAddr, request_line: &str, headers: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    response
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
