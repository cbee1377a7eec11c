//! Where the exporter writes: to standard error, if anybody reads it, and nowhere else.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::operator::alone::is_alone;
use crate::support::exporter::{Exporter, program};
use crate::support::real_parts::free_address;

/// An exporter whose log nobody reads.
struct Unheard {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Unheard {
    /// Starts it with standard error as the shell makes it, and with a limit that the shell sets.
    fn start(limit: &str, redirection: &str, stderr: Stdio) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = "targets: [{name: a, url: 'http://127.0.0.1:1/', interval: 50ms}]";
        fs::write(folder.path().join("httpcycle.yml"), config).unwrap();
        let address = free_address();
        let child = Command::new("sh")
            .args(["-c", &format!(r#"{limit} exec "$0" "$@" {redirection}"#)])
            .arg(program().get_program())
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=debug")
            .current_dir(folder.path())
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self {
            child,
            address,
            folder,
        }
    }

    fn page(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut page = String::new();
        stream.read_to_string(&mut page).ok()?;
        Some(page)
    }

    fn n_probes(&self) -> Option<f64> {
        let page = self.page("/metrics")?;
        let line = page
            .lines()
            .find(|line| line.starts_with("httpcycle_probes_total"))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// Waits until it has probed again.
    fn probes_on(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let before = self.n_probes().unwrap_or(0.0);
        while self.n_probes().is_none_or(|n_probes| n_probes <= before) {
            assert!(Instant::now() < deadline, "it does not probe");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_log_that_cannot_be_written_holds_up_nothing() {
    for (limit, redirection, stderr) in [
        // A pipe that nobody reads.
        ("", "", Stdio::piped()),
        ("", "2>/dev/full", Stdio::inherit()),
        ("", "2>&-", Stdio::inherit()),
        ("", "<&- >&- 2>&-", Stdio::inherit()),
        // As large as files of this process may be, soon.
        ("ulimit -f 1;", "2>log", Stdio::inherit()),
    ] {
        let mut exporter = Unheard::start(limit, redirection, stderr);
        exporter.probes_on();
        // Each of these is told in more than a pipe holds.
        let mistakes = "- {url: nonsense}\n".repeat(5_000);
        let path = exporter.folder.path().join("httpcycle.yml");
        fs::write(path, format!("targets:\n{mistakes}")).unwrap();
        for _ in 0..3 {
            exporter.signal("HUP");
            thread::sleep(Duration::from_millis(100));
            exporter.probes_on();
        }
        exporter.signal("TERM");
        let status = exporter.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{limit:?} {redirection:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_changes_no_status() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.yml"), "").unwrap();
    fs::write(folder.path().join("bad.yml"), "nonsense: 1").unwrap();
    for (arguments, status) in [
        ("--config.check --config.file=good.yml", 0),
        ("--config.check --config.file=bad.yml", 2),
        ("--config.file=bad.yml", 2),
        ("--version", 0),
        ("--nonsense", 2),
        ("healthcheck http://127.0.0.1:1/", 1),
    ] {
        for (limit, redirection) in [
            ("", ">/dev/full 2>/dev/full"),
            ("", ">&- 2>&-"),
            // Nothing can be written to a file.
            ("ulimit -f 0;", ">out 2>&1"),
        ] {
            let run = format!(r#"{limit} exec "$0" {arguments} {redirection}"#);
            let found = Command::new("sh")
                .args(["-c", &run])
                .arg(program().get_program())
                .current_dir(folder.path())
                .status()
                .unwrap();
            assert_eq!(found.code(), Some(status), "{run}");
        }
    }
}

#[test]
fn a_system_that_cannot_be_written_to_is_enough() {
    // Only the configuration has a place, which is the test's to write.
    if !is_alone(
        "files::a_system_that_cannot_be_written_to_is_enough",
        "mount -t tmpfs none /mnt && export TMPDIR=/mnt && mount -o remount,ro,bind / && \
         test ! -w /etc",
    ) {
        return;
    }
    let exporter =
        Exporter::start("targets: [{name: a, url: 'http://127.0.0.1:1/', interval: 50ms}]");
    exporter.wait_for("httpcycle_probes_total", |value| value > Some(2.0));
}
