//! What a demo says on a terminal: what to open, and why it does not start.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::demo::ask;
use crate::support::exporter::program;
use crate::support::surroundings::wait_until;

/// A demo whose standard output is read.
struct Said {
    child: Child,
    text: String,
}

impl Said {
    /// Starts one and reads what it says, up to its last line.
    fn by(arguments: &[&str]) -> Self {
        let mut command = program();
        let command = command.args(arguments).stdout(Stdio::piped());
        let mut said = Self {
            child: command.stderr(Stdio::piped()).spawn().unwrap(),
            text: String::new(),
        };
        let lines = BufReader::new(said.child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            said.text.push_str(&line);
            said.text.push('\n');
            if line.starts_with("Ctrl-C ends it") {
                return said;
            }
        }
        panic!("it never said how to end it: {}", said.text);
    }

    /// The URLs in it, with the address and the path of each.
    fn urls(&self) -> Vec<(SocketAddr, String)> {
        let words = self.text.split_whitespace();
        let urls = words.filter_map(|word| word.strip_prefix("http://"));
        urls.map(|url| {
            let (address, path) = url.split_once('/').unwrap();
            (address.parse().unwrap(), format!("/{path}"))
        })
        .collect()
    }

    /// What it says on standard error up to its end after SIGTERM, and its status.
    fn end(mut self) -> (String, Option<i32>) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (log, self.child.wait().unwrap().code())
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn what_it_says_can_be_opened_and_done() {
    let said = Said::by(&[
        "demo",
        "--web.listen-address=127.0.0.1:0",
        "--web.telemetry-path=/m",
    ]);
    let mut urls = said.urls();
    let (api, order) = urls.pop().unwrap();
    let paths: Vec<&str> = urls.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(paths, ["/", "/m", "/api/v1/targets", "/config", "/orders"]);
    for (address, path) in &urls {
        let (status, _, page) = ask(*address, &format!("GET {path}"), "");
        assert_eq!(status, 200, "{path}: {page}");
    }
    // What stands behind -X and what stands behind -d.
    let by_hand = said
        .text
        .lines()
        .find(|line| line.contains("curl"))
        .unwrap();
    let method = by_hand
        .split_whitespace()
        .skip_while(|word| *word != "-X")
        .nth(1)
        .unwrap();
    let body = by_hand.split('\'').nth(1).unwrap();
    let (status, _, problem) = ask(api, &format!("{method} {order}"), body);
    assert_eq!(status, 409, "{problem}");
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert_eq!(
        problem["type"],
        "https://orders.example/problems/stale-version"
    );
    // The log has errors alone, and there is none.
    assert_eq!(said.end(), (String::new(), Some(0)));
}

#[test]
fn a_port_that_is_taken_is_told() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("--web.listen-address={}", taken.local_addr().unwrap());
    let output = program().args(["demo", &address]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let port = taken.local_addr().unwrap().port();
    assert!(
        said.starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")),
        "{said}"
    );
    assert!(said.contains("--web.listen-address"), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn flags_of_files_are_refused() {
    // One that is let through does not run for ever.
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("--web.listen-address={}", taken.local_addr().unwrap());
    for (flags, parts) in [
        (&["--config.file=httpcycle.yml"][..], &["--config.file"][..]),
        (&["--config.check"], &["--config.check"]),
        (
            &["--config.enable-auto-reload"],
            &["--config.enable-auto-reload"],
        ),
        (
            &["--config.auto-reload-interval=1s", "--config.check"],
            &["--config.auto-reload-interval", "--config.check"],
        ),
        (&["--no-such-flag"], &["--no-such-flag"]),
    ] {
        for before in [true, false] {
            let mut command = program();
            command.arg(&address);
            match before {
                true => command.args(flags).arg("demo"),
                false => command.arg("demo").args(flags),
            };
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
            for part in parts {
                assert!(said.contains(part), "{flags:?}: {said}");
            }
            assert!(output.stdout.is_empty(), "{flags:?}");
        }
    }
}

#[test]
fn addresses_on_both_sides_of_a_subcommand_are_refused() {
    let [one, other] = [1, 2].map(|port| format!("--web.listen-address=127.0.0.1:{port}"));
    for subcommand in ["demo", "healthcheck"] {
        let arguments = [&*one, &*other, subcommand, &*other];
        let output = program().args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with("--web.listen-address is before "),
            "{said}"
        );
    }
    let output = program().args(["healthcheck", &one, &other]).output();
    assert_eq!(output.unwrap().status.code(), Some(1));
}

#[test]
fn two_demos_do_not_get_in_each_others_way() {
    let one = Said::by(&["demo", "--web.listen-address=127.0.0.1:0"]);
    let other = Said::by(&["--web.listen-address=127.0.0.1:0", "demo"]);
    let (first, _) = one.urls()[0];
    let (second, _) = other.urls()[0];
    assert_ne!(first, second);
    wait_until("both are ready", || {
        let is_ready = |address| ask(address, "GET /-/ready", "").0 == 200;
        is_ready(first) && is_ready(second)
    });
    for demo in [one, other] {
        assert_eq!(demo.end().1, Some(0));
    }
}
