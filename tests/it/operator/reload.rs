//! Who has the configuration read again, and what comes of it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::operator::{ask, rest, targets};
use crate::support::exporter::Exporter;

const SUCCESSFUL: &str = "httpcycle_config_last_reload_successful";
const TIMESTAMP: &str = "httpcycle_config_last_reload_success_timestamp_seconds";
const TARGETS: &str = "httpcycle_targets";
const LOOKING: [&str; 2] = [
    "--config.enable-auto-reload",
    "--config.auto-reload-interval=100ms",
];

/// A configuration that is told from others by the number of its targets.
fn configuration(n_targets: usize) -> String {
    targets(n_targets, |_| {
        "url: 'http://127.0.0.1:1/', interval: 1h".to_owned()
    })
}

/// What the log says up to the line that holds `text`.
fn log_until(exporter: &Exporter, text: &str) -> Vec<String> {
    let mut log = Vec::new();
    while !log.last().is_some_and(|line: &String| line.contains(text)) {
        log.push(exporter.wait_for_log(""));
    }
    log
}

fn count(log: &[String], what: &str) -> usize {
    log.iter().filter(|line| line.contains(what)).count()
}

#[test]
fn a_request_is_answered_when_its_reload_is_over() {
    let exporter = Exporter::start_with(&configuration(1), &["--web.enable-lifecycle"]);
    for (request, status) in [
        ("GET /-/reload", "405"),
        ("PUT /-/reload", "405"),
        ("DELETE /-/reload", "405"),
    ] {
        let answer = exporter.get_text(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    exporter.wait_for(SUCCESSFUL, |value| value == Some(1.0));
    let mistakes = "targets:\n- {url: 'ftp://x/'}\n- {url: 'http://x/', intervall: 5s}\n";
    let not_utf8 = b"targets: []\n# \xff\n";
    for (content, n_targets, status, parts) in [
        (Some(configuration(2).into_bytes()), 2.0, "200", &[][..]),
        (
            Some(mistakes.into()),
            2.0,
            "500",
            &["httpcycle.yml:2:9: ", "httpcycle.yml:3:22: ", "intervall"],
        ),
        (Some(not_utf8.to_vec()), 2.0, "500", &[":2:3: ", "UTF-8"]),
        (None, 2.0, "500", &["cannot read", "httpcycle.yml"]),
        (Some(configuration(3).into_bytes()), 3.0, "200", &[]),
        (Some(Vec::new()), 0.0, "200", &[]),
    ] {
        let before = exporter.value(TIMESTAMP);
        match content {
            Some(content) => fs::write(exporter.config_path(), content).unwrap(),
            None => fs::remove_file(exporter.config_path()).unwrap(),
        }
        let answer = exporter.get_text("POST /-/reload");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        for part in parts {
            assert!(answer.contains(part), "{part:?}: {answer}");
        }
        let is_fine = status == "200";
        assert_eq!(exporter.value(TARGETS), Some(n_targets), "{answer}");
        assert_eq!(exporter.value(SUCCESSFUL), Some(is_fine.into()));
        assert_eq!(exporter.value(TIMESTAMP) > before, is_fine);
    }
}

#[test]
fn nobody_reloads_by_request_unless_that_is_on() {
    let exporter = Exporter::start(&configuration(1));
    fs::write(exporter.config_path(), configuration(2)).unwrap();
    for request in ["POST /-/reload", "GET /-/reload"] {
        let answer = exporter.get_text(request);
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    assert_eq!(exporter.value(TARGETS), Some(1.0));
}

#[test]
fn a_storm_of_signals_is_few_reloads_and_the_last_content_wins() {
    let exporter = Exporter::start(&configuration(1));
    let before = exporter.value(TIMESTAMP);
    let storm = format!(
        "i=0; while [ $i -lt 1000 ]; do kill -s HUP {}; i=$((i+1)); done",
        exporter.pid()
    );
    let mut storm = Command::new("sh").args(["-c", &storm]).spawn().unwrap();
    let mut n_targets = 1;
    while storm.try_wait().unwrap().is_none() {
        n_targets += 1;
        let beside = exporter.config_path().with_extension("new");
        fs::write(&beside, configuration(n_targets % 50)).unwrap();
        fs::rename(&beside, exporter.config_path()).unwrap();
    }
    exporter.reload(&configuration(60));
    exporter.wait_for(TARGETS, |value| value == Some(60.0));
    assert!(exporter.value(TIMESTAMP) > before);
    let log = log_until(&exporter, "targets=60");
    let n_reloads = count(&log, "configuration reloaded");
    assert!(n_reloads <= 6, "{n_reloads}");
}

#[test]
fn requests_at_once_share_a_reload() {
    let exporter = Exporter::start_with(&configuration(1), &["--web.enable-lifecycle"]);
    fs::write(exporter.config_path(), configuration(2)).unwrap();
    let asked: Vec<_> = (0..100).map(|_| ask(&exporter, "POST /-/reload")).collect();
    for stream in asked {
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(exporter.value(TARGETS), Some(2.0));
    let n_reloads = count(&exporter.rest_of_log(), "configuration reloaded");
    assert!(n_reloads < 50, "{n_reloads}");
}

/// The reload reads from a pipe, so that the test says when it is over.
#[test]
fn a_signal_that_comes_while_a_reload_reads_leads_to_another() {
    let exporter = Exporter::start(&configuration(1));
    let pipe = exporter.config_path().with_extension("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    // Whoever reads as well need not wait for a reader.
    let both = fs::OpenOptions::new().read(true).write(true).open(&pipe);
    let mut writing = both.unwrap();
    fs::rename(&pipe, exporter.config_path()).unwrap();
    exporter.signal("HUP");
    // More than a pipe holds: it is written once the exporter reads.
    let comment = format!("#{}\n", "-".repeat(1 << 20));
    writing.write_all(comment.as_bytes()).unwrap();
    let beside = exporter.config_path().with_extension("new");
    fs::write(&beside, configuration(3)).unwrap();
    fs::rename(&beside, exporter.config_path()).unwrap();
    exporter.signal("HUP");
    writing.write_all(configuration(2).as_bytes()).unwrap();
    drop(writing);
    let first = exporter.wait_for_log("configuration reloaded");
    let second = exporter.wait_for_log("configuration reloaded");
    assert!(first.contains("targets=2"), "{first}");
    assert!(second.contains("targets=3"), "{second}");
}

/// As Kubernetes does it: the file is a link into a folder that is a link, and that one is moved.
#[test]
fn a_configuration_that_is_swapped_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let publish = |version: &str, content: &str| {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("httpcycle.yml"), content).unwrap();
        symlink(version, at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
    };
    publish("..1", &configuration(1));
    symlink("..data/httpcycle.yml", at("httpcycle.yml")).unwrap();
    let file = format!("--config.file={}", at("httpcycle.yml").display());
    let exporter = Exporter::start_with("", &[&file, LOOKING[0], LOOKING[1]]);
    for n in 2..10 {
        publish(&format!("..{n}"), &configuration(n));
        fs::remove_dir_all(at(&format!("..{}", n - 1))).unwrap();
        exporter.wait_for(TARGETS, |value| value == Some(n as f64));
    }
    let log = exporter.rest_of_log();
    assert_eq!(count(&log, "not reloaded"), 0, "{log:#?}");
}

#[test]
fn a_file_is_read_again_when_its_content_has_changed_and_only_then() {
    let exporter = Exporter::start_with(&configuration(1), &LOOKING);
    let path = exporter.config_path();
    let loaded = exporter.value(TIMESTAMP);
    // The same once more, by another file.
    let beside = path.with_extension("new");
    fs::write(&beside, configuration(1)).unwrap();
    fs::rename(&beside, &path).unwrap();
    // Half of another one: it has a mistake, and stays for several looks.
    let whole = configuration(5);
    let (half, rest) = whole.split_at(whole.len() - 10);
    fs::write(&path, half).unwrap();
    exporter.wait_for(SUCCESSFUL, |value| value == Some(0.0));
    assert_eq!(exporter.value(TIMESTAMP), loaded, "no reload before");
    assert_eq!(exporter.value(TARGETS), Some(1.0));
    fs::write(&path, format!("{half}{rest}")).unwrap();
    exporter.wait_for(TARGETS, |value| value == Some(5.0));
    exporter.wait_for(SUCCESSFUL, |value| value == Some(1.0));
    assert!(exporter.value(TIMESTAMP) > loaded);

    // Gone for a moment, and back as it was.
    fs::rename(&path, &beside).unwrap();
    exporter.wait_for(SUCCESSFUL, |value| value == Some(0.0));
    assert_eq!(exporter.value(TARGETS), Some(5.0));
    fs::rename(&beside, &path).unwrap();
    exporter.wait_for(SUCCESSFUL, |value| value == Some(1.0));
    assert_eq!(exporter.value(TARGETS), Some(5.0));

    // A signal and a look end in the same place.
    exporter.reload("targets: [{url: nonsense}]");
    exporter.wait_for(SUCCESSFUL, |value| value == Some(0.0));
    thread::sleep(Duration::from_millis(500));
    fs::write(&path, configuration(6)).unwrap();
    exporter.wait_for(TARGETS, |value| value == Some(6.0));

    let log = log_until(&exporter, "targets=6");
    // What every look finds again is told once, and what a signal finds as well.
    let n_failures = count(&log, "not reloaded");
    assert!((3..=4).contains(&n_failures), "{log:#?}");
    assert_eq!(count(&log, "configuration reloaded"), 3, "{log:#?}");
}

#[test]
fn what_nobody_looks_at_is_not_read() {
    let exporter =
        Exporter::start_with(&configuration(1), &["--config.auto-reload-interval=100ms"]);
    fs::write(exporter.config_path(), configuration(2)).unwrap();
    thread::sleep(Duration::from_millis(500));
    assert_eq!(exporter.value(TARGETS), Some(1.0));
}

/// A file that the configuration names comes later than it, as when two volumes are mounted.
#[test]
fn a_mistake_that_lies_in_another_file_is_looked_at_again() {
    let exporter = Exporter::start_with(&configuration(1), &LOOKING);
    let late = exporter.config_path().with_file_name("late");
    let module = "modules: {m: {prober: http, http: {bearer_token_file: late}}}\n";
    fs::write(
        exporter.config_path(),
        format!("{module}{}", configuration(2)),
    )
    .unwrap();
    let line = exporter.wait_for_log("not reloaded");
    assert!(line.contains("late"), "{line}");
    fs::write(late, "secret").unwrap();
    exporter.wait_for(TARGETS, |value| value == Some(2.0));
}
