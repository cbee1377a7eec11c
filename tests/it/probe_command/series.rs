//! Several probes of one target, and how the command ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::probe_command::expected::difference;
use crate::probe_command::{answering, command, hanging_after, run, run_on_terminal, url, words};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const CONFLICT: &str = "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_probes_end_with_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let answers = [OK, CONFLICT, BROKEN, OK];
    let mut wrong = Vec::new();
    let arguments = |address, more: &[&str]| {
        let mut arguments = words(&["probe", &url(address, "/"), "--count=4", "--interval=50ms"]);
        arguments.extend(words(more));
        arguments
    };
    let peer = answering(Duration::ZERO, &answers).await;
    let output = run(folder.path(), &arguments(peer.address, &[])).await;
    let text = String::from_utf8(output.stdout).unwrap();
    wrong.extend(difference("several.txt", &text));
    assert_eq!(output.status.code(), Some(1));
    let peer = answering(Duration::ZERO, &answers).await;
    let arguments_there = arguments(peer.address, &[]);
    let (text, status) = run_on_terminal(folder.path(), &arguments_there, 120).await;
    wrong.extend(difference("several.terminal.txt", &text));
    assert_eq!(status, 1);
    let peer = answering(Duration::ZERO, &answers).await;
    let arguments_there = arguments(peer.address, &[]);
    let (text, _) = run_on_terminal(folder.path(), &arguments_there, 80).await;
    wrong.extend(difference("several.narrow.terminal.txt", &text));
    // What stands there until the next line must not wrap, however narrow the terminal is.
    let peer = answering(Duration::ZERO, &answers).await;
    let arguments_there = arguments(peer.address, &[]);
    let (text, _) = run_on_terminal(folder.path(), &arguments_there, 20).await;
    let so_far: Vec<&str> = text.split("\r\x1b[K").skip(1).collect();
    let so_far = so_far.iter().map(|part| part.lines().last().unwrap());
    let so_far: Vec<&str> = so_far.take(answers.len()).collect();
    assert_eq!(so_far.last(), Some(&"4 sent, 2 ok"), "{text}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // For scripts there is a line a probe and nothing else.
    let peer = answering(Duration::ZERO, &answers).await;
    let output = run(folder.path(), &arguments(peer.address, &["-o", "json"])).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let codes: Vec<u64> = text
        .lines()
        .map(|line| {
            let probe: serde_json::Value = serde_json::from_str(line).unwrap();
            probe["code"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(codes, [200, 409, 503, 200]);
    let peer = answering(Duration::ZERO, &[OK]).await;
    let output = run(folder.path(), &arguments(peer.address, &[])).await;
    assert_eq!(output.status.code(), Some(0));
}

/// Without colours where they are not wanted, and in ASCII where the terminal knows no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_has_its_say() {
    let peer = answering(Duration::ZERO, &[OK]).await;
    let arguments = words(&["probe", &url(peer.address, "/")]);
    for (name, value, coloured, blocks) in [
        ("LC_ALL", "C.UTF-8", true, true),
        ("NO_COLOR", "1", false, true),
        ("LC_ALL", "C", true, false),
        ("TERM", "dumb", false, true),
    ] {
        let mut command = command(std::env::temp_dir().as_path(), &arguments);
        command.env(name, value);
        let run = || {
            let (terminal, mut child) = crate::support::terminal::Terminal::start(command, 60);
            let text = terminal.read_to_the_end();
            child.wait().unwrap();
            text
        };
        let text = spawn_blocking(run).await.unwrap();
        assert_eq!(text.contains('\x1b'), coloured, "{name}={value}: {text}");
        assert_eq!(text.contains(['█', '▏']), blocks, "{name}={value}: {text}");
        let drawn = text.lines().find(|line| line.starts_with("total"));
        assert_eq!(drawn.unwrap().chars().count(), 60, "{text}");
    }
}

/// Ctrl-C ends what is under way, and the summary is of what was found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_series() {
    let folder = tempfile::tempdir().unwrap();
    let interrupted = |arguments: Vec<String>, lines: usize, signal: &'static str| {
        let mut command = command(folder.path(), &arguments);
        spawn_blocking(move || {
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut text = String::new();
            for _ in 0..lines {
                stdout.read_line(&mut text).unwrap();
            }
            let pid = child.id().to_string();
            let sent = Command::new("kill").args(["-s", signal, &pid]).status();
            assert!(sent.unwrap().success());
            stdout.read_to_string(&mut text).unwrap();
            (text, child.wait().unwrap().code())
        })
    };
    let peer = answering(Duration::ZERO, &[OK]).await;
    let url_of = |address| url(address, "/");
    for (flags, signal) in [
        (&["--interval=200ms"][..], "INT"),
        (&["--count=0", "--interval=200ms"], "TERM"),
    ] {
        let mut arguments = words(&["probe", &url_of(peer.address)]);
        arguments.extend(words(flags));
        let (text, status) = interrupted(arguments, 4, signal).await.unwrap();
        assert_eq!(status, Some(0), "{text}");
        let summary = text.lines().find(|line| line.starts_with("probes "));
        assert!(summary.unwrap().ends_with(" ok, 0 failed"), "{text}");
    }
    // One that was asked for and not made is no success.
    let silent = answering(Duration::from_secs(600), &[OK]).await;
    let arguments = words(&["probe", &url_of(silent.address)]);
    let (text, status) = interrupted(arguments, 1, "INT").await.unwrap();
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("\ninterrupted before the probe "), "{text}");
}

fn send(signal: &str, pid: u32) {
    let pid = pid.to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status();
    assert!(sent.unwrap().success());
}

/// A target that hangs is not hidden by whoever has waited long enough for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_signal_cut_off_is_told() {
    for (flags, expected) in [
        (
            &["--count=50", "--interval=100ms"][..],
            "\ninterrupted  1 in first_byte, after ",
        ),
        (
            &["--interval=100ms"],
            "\ninterrupted  1 in first_byte, after ",
        ),
        (
            &["--interval=100ms", "-o", "json"],
            "\ninterrupted before the probe was over: in first_byte, after ",
        ),
    ] {
        let (peer, n_asked) = hanging_after(1, OK).await;
        let mut arguments = words(&["probe", &url(peer.address, "/")]);
        arguments.extend(words(flags));
        let mut command = command(&std::env::temp_dir(), &arguments);
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = piped.spawn().unwrap();
        while n_asked.load(Ordering::Relaxed) < 2 {
            sleep(Duration::from_millis(10)).await;
        }
        // For longer than the interval.
        sleep(Duration::from_millis(300)).await;
        send("INT", child.id());
        let output = spawn_blocking(|| child.wait_with_output().unwrap()).await;
        let output = output.unwrap();
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8_lossy(&all);
        assert_eq!(output.status.code(), Some(1), "{flags:?}: {all}");
        assert!(all.contains(expected), "{flags:?}: {all}");
        if expected.contains("  1 in") {
            assert!(all.contains("1 sent, 1 ok, 0 failed"), "{all}");
            assert!(all.contains(" ms, not counted\n"), "{all}");
        }
    }
}

/// Who is asked to end does not wait for a reader that never reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_what_nobody_reads() {
    for signals in [&["INT"][..], &["TERM", "TERM"]] {
        let (peer, n_asked) = hanging_after(usize::MAX, OK).await;
        let url = url(peer.address, "/");
        let arguments = words(&["probe", &url, "-o", "json", "--count=0", "--interval=10ms"]);
        let mut command = command(&std::env::temp_dir(), &arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut before = 0;
        // The pipe is full when there are no more probes.
        loop {
            sleep(Duration::from_secs(1)).await;
            let n = n_asked.load(Ordering::Relaxed);
            if n > 20 && n == before {
                break;
            }
            before = n;
        }
        for signal in signals {
            send(signal, child.id());
        }
        let status = spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert_eq!(status.code(), Some(1), "{signals:?}");
    }
}

/// Who reads may have had enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_gone_ends_the_series() {
    let folder = tempfile::tempdir().unwrap();
    let peer = answering(Duration::ZERO, &[OK]).await;
    for flags in [&["-o", "json"][..], &[]] {
        let mut arguments = words(&["probe", &url(peer.address, "/"), "--interval=20ms"]);
        arguments.extend(words(flags));
        let mut command = command(folder.path(), &arguments);
        let run = move || {
            let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = piped.spawn().unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            stdout.read_line(&mut String::new()).unwrap();
            drop(stdout);
            child.wait_with_output().unwrap()
        };
        let output = spawn_blocking(run).await.unwrap();
        assert!(output.status.code().is_some(), "{:?}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::too_many_lines, reason = "it is a table")]
async fn the_probe_command_reads_files_only_where_they_have_a_say() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "httpcycle.yml",
        "modules: {a: {prober: http, http: {methd: GET}}}\n",
    );
    write("denying.yml", "deny_addresses: [127.0.0.0/8]\n");
    write(
        "other.yml",
        "modules: {a: {prober: http, http: {valid_status_codes: [204]}}, b: {prober: tcp}}\n",
    );
    let peer = answering(Duration::ZERO, &[OK]).await;
    let url = &*url(peer.address, "/");
    let bare = url.strip_prefix("http://").unwrap();
    for (arguments, status, said) in [
        (&["probe", url][..], 0, "200 OK"),
        (&["probe", bare], 0, "200 OK"),
        (&["probe", url, "--module=http_2xx"], 0, "200 OK"),
        (
            &["probe", url, "--module=a"],
            2,
            "httpcycle.yml:1:36: unknown key \"methd\"",
        ),
        (
            &["probe", url, "--config.file=httpcycle.yml"],
            2,
            "unknown key \"methd\"",
        ),
        (&["--config.file=other.yml", "probe", url], 0, "200 OK"),
        (
            &["probe", url, "--config.file=other.yml", "--module=a"],
            1,
            "validate/status",
        ),
        (
            &["--config.file=other.yml", "probe", "--module", "a", url],
            1,
            "validate/status",
        ),
        (
            &["probe", url, "--config.file=other.yml", "--module=b"],
            2,
            "it has a, http_2xx",
        ),
        (
            &["probe", url, "--config.file=denying.yml"],
            1,
            "connect/blocked",
        ),
        (
            &["probe", url, "--config.file=nothing.yml"],
            2,
            "nothing.yml",
        ),
        (&["probe", url, "--config.check"], 2, "--config.check"),
        (
            &["probe", url, "--log.level=debug", "--web.enable-lifecycle"],
            2,
            "--log.level has no effect on probe",
        ),
        (
            &["--web.enable-lifecycle", "probe", url],
            2,
            "--web.enable-lifecycle has no effect on probe",
        ),
        (
            &["--config.enable-auto-reload", "probe", url],
            2,
            "--config.enable-auto-reload has no effect",
        ),
        (&["probe"], 2, "<URL>"),
        (
            &["probe", "ftp://a.test/"],
            2,
            "scheme \"ftp\" is not probed",
        ),
        (&["probe", url, "--count=-1"], 2, "--count"),
        (&["probe", url, "--interval=1ms"], 2, "write 10ms or more"),
        (&["probe", url, "--interval=5"], 2, "without a unit"),
        (&["probe", url, "-o", "yaml"], 2, "text, json"),
        (&["probe", url, "--count=1", "--interval=1s"], 0, "200 OK"),
    ] {
        let output = run(folder.path(), &words(arguments)).await;
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8_lossy(&all);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {all}");
        assert!(all.contains(said), "{arguments:?}: {all}");
    }
}
