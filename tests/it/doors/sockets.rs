//! Sockets that somebody else opened, as systemd hands them over.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::doors::{Folder, get};
use crate::support::exporter::program;
use crate::support::real_parts;

/// Opens two sockets, says where, and becomes the program with both.
const SYSTEMD: &str = "
import os, socket, sys
sockets = []
for number in (3, 4):
    one = socket.socket()
    one.bind(('127.0.0.1', 0))
    one.listen()
    sockets.append(one)
    print('%s:%d' % one.getsockname(), flush=True)
kept = [os.dup(one.fileno()) for one in sockets]
kept = [os.dup2(os.dup(fd), 10 + n) for n, fd in enumerate(kept)]
for n, fd in enumerate(kept):
    os.dup2(fd, 3 + n, inheritable=True)
os.environ.update(LISTEN_FDS='2', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
";

/// A process that ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn sockets_of_systemd_are_listened_on() {
    if !real_parts::is_installed("python3", Command::new("python3").arg("--version")) {
        return;
    }
    let folder = Folder::new();
    folder.write("httpcycle.yml", "");
    let mut running = Running(
        Command::new("python3")
            .args(["-c", SYSTEMD])
            .arg(program().get_program())
            .arg("--web.systemd-socket")
            // It does not count beside sockets.
            .arg("--web.listen-address=127.0.0.1:1")
            .current_dir(folder.at(""))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let said = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let deadline = Instant::now() + Duration::from_secs(30);
    for address in said.take(2) {
        let address = address.unwrap().parse().unwrap();
        while !get(address, "/-/healthy", "").is_ok_and(|answer| answer.contains("Healthy")) {
            assert!(Instant::now() < deadline, "{address} is not served");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn without_a_socket_it_does_not_run() {
    let folder = Folder::new();
    folder.write("httpcycle.yml", "");
    for arguments in [
        &["--web.systemd-socket"][..],
        &["--web.systemd-socket", "--web.listen-address=127.0.0.1:0"],
    ] {
        let output = program()
            .args(arguments)
            .current_dir(folder.at(""))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("it handed none over"), "{said}");
    }
}
