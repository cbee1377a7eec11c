//! A process that may open few files: clients leave some for probes, and it comes back when all are
//! gone.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::doors::{Folder, get};
use crate::support::exporter::program;
use crate::support::real_parts;

const PATIENCE: Duration = Duration::from_secs(30);

/// An exporter that may open `n_files` and no more.
struct Limited {
    child: Child,
    address: SocketAddr,
    folder: Folder,
}

impl Limited {
    fn start(n_files: u32, config: &str) -> Self {
        let folder = Folder::new();
        folder.write("httpcycle.yml", config);
        let address = real_parts::free_address();
        let log = fs::File::create(folder.at("log")).unwrap();
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -n {n_files}; exec \"$0\" \"$@\""))
            .arg(program().get_program())
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.at(""))
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Self {
            child,
            address,
            folder,
        };
        started.wait_for("level=info message=listening");
        started
    }

    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(self.folder.at("log"))
            .unwrap()
            .contains(text)
        {
            assert!(Instant::now() < deadline, "the log never said {text:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn value(&self, series: &str) -> Option<f64> {
        let page = get(self.address, "/metrics", "").ok()?;
        let line = page.lines().find(|line| line.starts_with(series))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn clients_leave_files_for_probes() {
    let peer = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let target = peer.local_addr().unwrap();
    thread::spawn(move || {
        for stream in peer.incoming() {
            let mut stream = stream.unwrap();
            let n_read = stream.read(&mut [0; 4096]);
            // A probe that was cut reads no answer.
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            n_read.and_then(|_| stream.write_all(answer)).ok();
        }
    });
    let exporter = Limited::start(
        64,
        &format!("targets: [{{name: a, url: 'http://{target}/', interval: 50ms}}]"),
    );
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(exporter.address).unwrap();
        // Whoever is not taken in may be gone by now.
        write!(stream, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").ok();
        if stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
            held.push(stream);
        }
    }
    assert_eq!(held.len(), 16, "a quarter of the files");
    exporter.wait_for("there are too many connections");
    thread::sleep(Duration::from_millis(500));
    held.truncate(10);
    let deadline = Instant::now() + PATIENCE;
    while exporter.value("httpcycle_probes_total{target=\"a\"") <= Some(5.0) {
        assert!(Instant::now() < deadline, "no probes");
        thread::sleep(Duration::from_millis(20));
    }
    let skipped = "httpcycle_probes_skipped_total{target=\"a\",reason=\"fd_limit\"}";
    assert_eq!(exporter.value(skipped), Some(0.0));
}

#[test]
fn a_process_without_files_accepts_again_when_it_has_some() {
    if !real_parts::is_installed("prlimit", Command::new("prlimit").arg("--version")) {
        return;
    }
    let exporter = Limited::start(200, "");
    assert!(get(exporter.address, "/-/healthy", "").is_ok());
    let pid = exporter.child.id();
    let allow = |n_files: usize| {
        let set = Command::new("prlimit")
            .arg(format!("--pid={pid}"))
            .arg(format!("--nofile={n_files}:"))
            .status();
        assert!(set.unwrap().success());
    };
    let n_open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    allow(n_open.saturating_sub(5));
    // It is taken in by the kernel, and waits for the process.
    let waiting = thread::spawn({
        let address = exporter.address;
        move || get(address, "/-/healthy", "").unwrap()
    });
    exporter.wait_for("no connection can be accepted");
    assert!(!waiting.is_finished());
    allow(200);
    assert!(waiting.join().unwrap().contains("Healthy"));
    exporter.wait_for("connections are accepted again");
}
