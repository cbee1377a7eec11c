//! Sockets that somebody else opened, as systemd hands them over.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
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

#[test]
fn sockets_of_systemd_are_listened_on() {
    if !real_parts::is_installed("python3", Command::new("python3").arg("--version")) {
        return;
    }
    let folder = Folder::new();
    folder.write("httpcycle.yml", "");
    let mut child = Command::new("python3")
        .args(["-c", SYSTEMD])
        .arg(program().get_program())
        .arg("--web.systemd-socket")
        .current_dir(folder.at(""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let deadline = Instant::now() + Duration::from_secs(30);
    for address in said.take(2) {
        let address = address.unwrap().parse().unwrap();
        while !get(address, "/-/healthy", "").is_ok_and(|answer| answer.contains("Healthy")) {
            assert!(Instant::now() < deadline, "{address} is not served");
            thread::sleep(Duration::from_millis(20));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_a_socket_it_does_not_run() {
    let folder = Folder::new();
    folder.write("httpcycle.yml", "");
    for (arguments, status, part) in [
        (&["--web.systemd-socket"][..], 1, "it handed none over"),
        (
            &["--web.systemd-socket", "--web.listen-address=127.0.0.1:0"],
            2,
            "cannot be used with",
        ),
    ] {
        let output = program()
            .args(arguments)
            .current_dir(folder.at(""))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(part), "{said}");
    }
}
