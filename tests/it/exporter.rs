//! The built program: configuration in, pages out, signals, exit status.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::exporter::{Exporter, program};

/// A server in a thread that answers every request with `status`, for as long as the test runs.
fn answering(status: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            if stream.read(&mut request).unwrap_or(0) > 0 {
                let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                // A probe that was cut reads no answer.
                stream.write_all(response.as_bytes()).ok();
            }
        }
    });
    format!("http://{address}/")
}

/// A server that accepts and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn a_probe_comes_out_as_series() {
    let (ok, conflict) = (answering("200 OK"), answering("409 Conflict"));
    let exporter = Exporter::start(&format!(
        "targets:\n- {{name: ok, url: '{ok}', interval: 50ms, labels: {{team: a}}}}\n\
         - {{name: clash, url: '{conflict}', interval: 50ms}}\n"
    ));
    exporter.wait_for("httpcycle_probe_success{target=\"ok\",team=\"a\"", |v| {
        v == Some(1.0)
    });
    exporter.wait_for(
        "httpcycle_responses_total{target=\"clash\",code=\"409\"",
        |v| v > Some(1.0),
    );
    for (series, expected) in [
        ("httpcycle_probe_success{target=\"clash\"", Some(0.0)),
        (
            "httpcycle_responses_total{target=\"ok\",team=\"a\",code=\"409\"",
            Some(0.0),
        ),
        (
            "httpcycle_responses_total{target=\"clash\",code=\"200\"",
            Some(0.0),
        ),
        ("httpcycle_targets", Some(2.0)),
        ("httpcycle_config_last_reload_successful", Some(1.0)),
        (
            "httpcycle_phase_duration_seconds_count{target=\"ok\",team=\"a\",phase=\"tls\"",
            None,
        ),
        (
            "httpcycle_last_success_timestamp_seconds{target=\"clash\"",
            None,
        ),
    ] {
        assert_eq!(exporter.value(series), expected, "{series}");
    }
    let validate = "httpcycle_probe_failures_total{target=\"clash\",phase=\"validate\"";
    assert!(exporter.value(validate) > Some(1.0));
    let unexpected = "httpcycle_conflicts_total{target=\"clash\",expected=\"false\"";
    assert!(exporter.value(unexpected) > Some(1.0));
}

#[test]
fn pages_answer_as_exporters_do() {
    let exporter = Exporter::start("");
    for (request, status, part) in [
        ("GET /-/healthy", "200", "Healthy"),
        ("GET /-/ready", "200", "Ready"),
        ("GET /", "200", "href=\"./metrics\""),
        ("GET /metrics", "200", "text/plain; version=0.0.4"),
        ("HEAD /metrics", "200", ""),
        ("POST /metrics", "405", ""),
        ("DELETE /-/healthy", "405", ""),
        ("GET /nothing", "404", ""),
        ("GET /api/v1/targets", "200", "{\"targets\":[]}"),
    ] {
        if request == "GET /-/ready" {
            exporter.wait_for("httpcycle_targets", |value| value == Some(0.0));
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut answer = exporter.get_text(request);
        while answer.contains("503") && Instant::now() < deadline {
            answer = exporter.get_text(request);
        }
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{request}: {answer}"
        );
        assert!(answer.contains(part), "{request}: {answer}");
    }
    let open_metrics = "Accept: application/openmetrics-text;version=1.0.0\r\n";
    let answer = String::from_utf8(exporter.get("GET /metrics", open_metrics)).unwrap();
    assert!(
        answer.contains("application/openmetrics-text; version=1.0.0"),
        "{answer}"
    );
    assert!(
        answer
            .trim_end_matches("0\r\n\r\n")
            .trim_end()
            .ends_with("# EOF"),
        "{answer}"
    );
    let packed = exporter.get("GET /metrics", "Accept-Encoding: gzip\r\n");
    assert!(String::from_utf8_lossy(&packed).contains("content-encoding: gzip"));
    assert!(packed.windows(3).any(|bytes| bytes == b"\x1f\x8b\x08"));
}

#[test]
fn a_compressed_page_is_the_page() {
    let exporter = Exporter::start("targets: [{url: 'http://127.0.0.1:1/', interval: 1h}]");
    exporter.wait_for("httpcycle_probes_total", |value| value == Some(1.0));
    // HTTP/1.0 has no chunks, so that what follows the head is the page.
    let body = |headers: &str| {
        let mut stream = TcpStream::connect(exporter.address).unwrap();
        let request = format!("GET /metrics HTTP/1.0\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        let end = response
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .unwrap()
            + 4;
        response.split_off(end)
    };
    let mut unpacked = String::new();
    let packed = body("Accept-Encoding: gzip\r\n");
    flate2::read::GzDecoder::new(&*packed)
        .read_to_string(&mut unpacked)
        .unwrap();
    let of_targets = |page: &str| {
        let lines = page.lines().filter(|line| line.contains("target=\""));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = String::from_utf8(body("")).unwrap();
    assert!(of_targets(&plain).len() > 100);
    assert_eq!(of_targets(&unpacked), of_targets(&plain));
}

#[test]
fn several_addresses_are_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("httpcycle.yml"), "").unwrap();
    let free = || {
        TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
    };
    let (one, other) = (free(), free());
    let mut child = program()
        .arg(format!("--web.listen-address={one}"))
        .arg(format!("--web.listen-address={other}"))
        .arg("--web.telemetry-path=/m")
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    for address in [one, other] {
        let deadline = Instant::now() + Duration::from_secs(10);
        let url = format!("http://{address}/-/healthy");
        let healthy = || {
            program()
                .args(["healthcheck", &url])
                .status()
                .unwrap()
                .success()
        };
        while !healthy() {
            assert!(Instant::now() < deadline, "{address} is not served");
            thread::sleep(Duration::from_millis(20));
        }
        // The flags of the exporter lead its healthcheck to it, before and after the subcommand.
        let flag = format!("--web.listen-address={address}");
        for arguments in [["healthcheck", &flag], [&flag, "healthcheck"]] {
            assert!(program().args(arguments).status().unwrap().success());
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn exit_status_and_messages() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.yml", "");
    write(
        "bad.yml",
        "targets:\n- {url: 'ftp://x/', interval: 5}\n- {nam: x}\n",
    );
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().unwrap();
    let listen = format!("--web.listen-address={taken}");
    for (arguments, status, parts) in [
        (&["--version"][..], 0, &["httpcycle_exporter 0."][..]),
        (&["--help"], 0, &["--config.file"]),
        (&["--nonsense"], 2, &["--nonsense"]),
        (&["--web.listen-address=nonsense"], 2, &["nonsense"]),
        (&["--web.telemetry-path=metrics"], 2, &["metrics"]),
        (&["--web.telemetry-path=/api/v1/targets"], 2, &["/api/"]),
        (&["--history.limit=10001"], 2, &["10000"]),
        (&["--config.auto-reload-interval=30"], 2, &["unit"]),
        (&["--config.auto-reload-interval=50ms"], 2, &["100ms"]),
        (&["--config.file=none.yml"], 2, &["none.yml"]),
        (
            &["--config.file=none.yml", "--config.check"],
            2,
            &["none.yml"],
        ),
        (
            &["--config.file=good.yml", "--config.check"],
            0,
            &["good.yml is fine"],
        ),
        (
            &["--config.file=bad.yml", "--config.check"],
            2,
            &[
                "bad.yml:2:9: ",
                "ftp",
                "bad.yml:2:31: ",
                "bad.yml:3:4: ",
                "did you mean",
            ],
        ),
        (
            &["--config.file=bad.yml"],
            2,
            &["bad.yml:2:9: ", "bad.yml:3:4: "],
        ),
        (
            &["--config.file=good.yml", &listen],
            1,
            &["cannot listen on", &taken.to_string()],
        ),
        (&["healthcheck", "http://127.0.0.1:1/"], 1, &["not healthy"]),
        (&["healthcheck", "nonsense"], 1, &["nonsense"]),
        (&["healthcheck", "--config.check"], 2, &["--config.check"]),
    ] {
        let output = program()
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?} lacks {part:?}: {said}");
        }
    }
}

#[test]
fn termination_lets_probes_end_and_exits_with_0() {
    let (_listener, url) = silent();
    for name in ["TERM", "INT"] {
        let mut exporter = Exporter::start(&format!(
            "modules: {{m: {{prober: http, timeout: 4s}}}}\n\
             targets: [{{url: '{url}', module: m, interval: 1h}}]\n"
        ));
        exporter.wait_for("httpcycle_probes_in_flight", |value| value == Some(1.0));
        let before = Instant::now();
        exporter.signal(name);
        // Its last result can still be scraped while it stops.
        exporter.wait_for_log("stopping");
        assert!(
            exporter
                .get_text("GET /-/ready")
                .starts_with("HTTP/1.1 503")
        );
        assert_eq!(exporter.wait().code(), Some(0), "{name}");
        let took = before.elapsed();
        assert!(
            took > Duration::from_millis(300),
            "the probe was cut after {took:?}"
        );
        exporter.wait_for_log("first_byte");
    }
}

#[test]
fn failures_are_logged_when_the_state_changes() {
    let exporter = Exporter::start("targets: [{url: 'http://127.0.0.1:1/', interval: 20ms}]");
    exporter.wait_for("httpcycle_probes_total", |value| value > Some(20.0));
    let log = exporter.rest_of_log();
    let of_target = log.iter().filter(|line| line.contains("refused")).count();
    assert_eq!(of_target, 1, "{log:#?}");
}
