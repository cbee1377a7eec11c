//! The JSON pages of the built program: what was probed last, in full.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::exporter::Exporter;
use crate::support::peer::{self, Then};
use crate::support::pki;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CONFLICT: &[u8] = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n";
const ALL: &str = "/api/v1/targets";

/// The head and the JSON of a page. HTTP/1.0 has no chunks, so that what follows the head is it.
fn get(exporter: &Exporter, path: &str) -> (String, Value) {
    let mut stream = TcpStream::connect(exporter.address).unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let json = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    (head.to_owned(), json)
}

/// Asks for `path` until it is as wanted.
fn wait_for(exporter: &Exporter, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, page) = get(exporter, path);
        if wanted(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{path} stays {page:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("a list and not {value}"))
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("text and not {value}"))
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a number and not {value}"))
}

fn names(page: &Value) -> Vec<&str> {
    let targets = list(&page["targets"]).iter();
    targets.map(|target| text(&target["name"])).collect()
}

/// The probes of the only target of a page.
fn probes(page: &Value) -> &[Value] {
    assert_eq!(list(&page["targets"]).len(), 1);
    list(&page["targets"][0]["probes"])
}

fn assert_keys(value: &Value, expected: &[&str]) {
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, expected);
}

fn assert_time(value: &Value) {
    let shape: String = text(value)
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000000Z");
}

/// Checks a probe by what is true of every one.
fn assert_probe(probe: &Value) {
    assert_keys(
        probe,
        &[
            "intended",
            "start",
            "duration_ns",
            "overhead_ns",
            "local",
            "remote",
            "phases",
            "code",
            "outcome",
            "conflict_reason",
            "failure",
        ],
    );
    assert_time(&probe["intended"]);
    assert_time(&probe["start"]);
    assert!(text(&probe["intended"]) <= text(&probe["start"]));
    let duration = number(&probe["duration_ns"]);
    let (mut sum, mut end) = (number(&probe["overhead_ns"]), 0);
    for phase in list(&probe["phases"]) {
        assert_keys(phase, &["phase", "start_ns", "end_ns", "clock", "hop"]);
        assert!(number(&phase["start_ns"]) >= end, "{probe:#}");
        end = number(&phase["end_ns"]);
        sum += end - number(&phase["start_ns"]);
        assert!(end <= duration, "{probe:#}");
        assert!(["kernel", "user"].contains(&text(&phase["clock"])));
        assert_eq!(phase["hop"], 0);
    }
    assert_eq!(sum, duration, "{probe:#}");
    if !probe["failure"].is_null() {
        assert_keys(&probe["failure"], &["phase", "reason", "detail"]);
    }
    let refused = probe["failure"]["reason"] == "refused";
    assert!(
        !probe["remote"].is_null(),
        "told even if it was not reached"
    );
    assert_eq!(probe["local"].is_null(), refused, "{probe:#}");
}

/// Checks a target, which was probed, by what is true of every one.
fn assert_target(target: &Value) {
    assert_keys(
        target,
        &[
            "name",
            "url",
            "module",
            "interval_seconds",
            "labels",
            "next_probe",
            "probes",
        ],
    );
    assert_time(&target["next_probe"]);
    let probes = list(&target["probes"]);
    assert!(text(&target["next_probe"]) > text(&probes[0]["intended"]));
    for probe in probes {
        assert_probe(probe);
    }
    for pair in probes.windows(2) {
        assert!(text(&pair[0]["start"]) > text(&pair[1]["start"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_has_the_shape_that_was_promised() {
    let ok = peer::slow_in(
        None,
        Duration::ZERO,
        pki::Authority::new().server("localhost"),
    )
    .await;
    let conflict = peer::answering(CONFLICT.to_vec(), Then::Close).await;
    let exporter = Exporter::start(&format!(
        "modules: {{m: {{prober: http, http: {{preferred_ip_protocol: ip4, \
         tls_config: {{insecure_skip_verify: true}}}}}}}}\n\
         targets:\n\
         - {{name: ok, url: 'https://u:hunter2@localhost:{}/a?token=hunter2', module: m, interval: 1s, labels: {{team: a}}}}\n\
         - {{name: clash, url: 'http://{}/', interval: 500ms}}\n\
         - {{name: closed, url: 'http://127.0.0.1:1/', interval: 1500ms}}\n",
        ok.address.port(),
        conflict.address
    ));
    let page = wait_for(&exporter, ALL, |page| {
        let targets = list(&page["targets"]).iter();
        targets
            .map(|target| list(&target["probes"]).len())
            .all(|n_probes| n_probes > 1)
    });
    assert!(!page.to_string().contains("hunter2"));
    assert_keys(&page, &["targets"]);
    assert_eq!(names(&page), ["clash", "closed", "ok"]);
    let targets = list(&page["targets"]);
    for (target, interval, module) in [
        (&targets[0], 0.5, "http_2xx"),
        (&targets[1], 1.5, "http_2xx"),
        (&targets[2], 1.0, "m"),
    ] {
        assert_eq!(target["interval_seconds"].as_f64(), Some(interval));
        assert_eq!(target["module"], module);
        assert_target(target);
    }
    let (clash, closed, ok) = (&targets[0], &targets[1], &targets[2]);
    assert_eq!(ok["labels"], serde_json::json!({"team": "a"}));
    assert_eq!(clash["labels"], serde_json::json!({}));
    let of = |target: &Value| list(&target["probes"])[0].clone();
    let phases = |probe: &Value| -> Vec<String> {
        let phases = list(&probe["phases"]).iter();
        phases
            .map(|phase| text(&phase["phase"]).to_owned())
            .collect()
    };
    let (clash, closed, ok) = (of(clash), of(closed), of(ok));
    assert_eq!(
        phases(&ok),
        ["dns", "connect", "tls", "send", "first_byte", "transfer"]
    );
    assert_eq!(ok["code"], 200);
    assert_eq!(ok["outcome"], "success");
    assert!(ok["failure"].is_null() && ok["conflict_reason"].is_null());
    assert_eq!(clash["remote"], conflict.address.to_string());
    assert!(text(&clash["local"]).starts_with("127.0.0.1:"));
    assert_eq!(clash["code"], 409);
    assert_eq!(clash["outcome"], "conflict");
    assert_eq!(clash["conflict_reason"], "unspecified");
    assert_eq!(clash["failure"]["phase"], "validate");
    assert_eq!(clash["failure"]["reason"], "status");
    assert_eq!(phases(&closed), ["connect"]);
    assert!(closed["code"].is_null() && closed["local"].is_null());
    assert_eq!(closed["outcome"], "failure");
    assert_eq!(closed["failure"]["phase"], "connect");
    assert_eq!(closed["failure"]["reason"], "refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_still_there_after_many_successes() {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    let peer = peer::serve(move |mut stream| {
        let response = match count.fetch_add(1, Ordering::Relaxed) {
            1 => CONFLICT,
            _ => OK,
        };
        async move {
            peer::read_request(&mut stream).await;
            tokio::io::AsyncWriteExt::write_all(&mut stream, response)
                .await
                .ok();
        }
    })
    .await;
    let config = format!(
        "targets: [{{name: a, url: 'http://{}/', interval: 50ms}}]",
        peer.address
    );
    let exporter = Exporter::start(&config);
    exporter.wait_for("httpcycle_probes_total", |value| value > Some(35.0));
    let (_, page) = get(&exporter, ALL);
    let probes = probes(&page);
    assert_eq!(probes.len(), 20);
    assert_eq!(probes[19]["outcome"], "conflict", "{page:#}");
    let few = Exporter::start_with(&config, &["--history.limit=3"]);
    few.wait_for("httpcycle_probes_total", |value| value > Some(5.0));
    assert_eq!(list(&get(&few, ALL).1["targets"][0]["probes"]).len(), 3);
    let none = Exporter::start_with(&config, &["--history.limit=0"]);
    none.wait_for("httpcycle_probes_total", |value| value > Some(5.0));
    let (_, page) = get(&none, ALL);
    assert_eq!(page["targets"][0]["probes"], serde_json::json!([]));
    assert_time(&page["targets"][0]["next_probe"]);
}

#[test]
fn every_name_finds_its_target() {
    // As YAML has them in double quotes, as they are, and as a path of a URL.
    let cases = [
        ("plain", "plain", "plain"),
        ("shop/orders/42", "shop/orders/42", "shop/orders/42"),
        ("/x//y/", "/x//y/", "/x//y/"),
        ("a%2Fb", "a%2Fb", "a%252Fb"),
        (
            "ü \\\"q\\\" \\\\ 'x'",
            "ü \"q\" \\ 'x'",
            "%C3%BC%20%22q%22%20%5C%20%27x%27",
        ),
        ("l1\\nl2\\0", "l1\nl2\0", "l1%0Al2%00"),
        ("</script>?#&", "</script>?#&", "%3C/script%3E%3F%23&"),
        ("{*name}", "{*name}", "{*name}"),
    ];
    let mut config = "targets:\n".to_owned();
    for (in_yaml, _, _) in cases {
        config += &format!(
            "- {{name: \"{in_yaml}\", url: 'http://127.0.0.1:1/', interval: 1h, labels: {{l: \"{in_yaml}\"}}}}\n"
        );
    }
    config += "- {url: 'http://u:p@127.0.0.1:1/?k=v', interval: 1h}\n";
    let exporter = Exporter::start(&config);
    for (_, name, path) in cases {
        let (head, page) = get(&exporter, &format!("{ALL}/{path}"));
        assert_eq!(names(&page), [name]);
        assert_eq!(page["targets"][0]["labels"]["l"], name);
        for line in [
            "200 OK",
            "content-type: application/json",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert!(head.contains(line), "{line} is missing in {head}");
        }
    }
    let unnamed = "http://127.0.0.1:1/?k=xxxxx";
    let (_, page) = get(&exporter, &format!("{ALL}/http://127.0.0.1:1/%3Fk=xxxxx"));
    assert_eq!(names(&page), [unnamed]);
    let (_, page) = get(&exporter, ALL);
    assert!(names(&page).is_sorted());
    assert_eq!(names(&page).len(), cases.len() + 1);
    for path in ["nobody", "plain/", "%FF", "%"] {
        let (head, page) = get(&exporter, &format!("{ALL}/{path}"));
        assert!(head.contains("404 Not Found"), "{path}: {head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert_keys(&page, &["error"]);
    }
    for path in ["/api/v1/targets", "/api/v1/targets/plain"] {
        for method in ["POST", "DELETE"] {
            let answer = exporter.get_text(&format!("{method} {path}"));
            assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
        }
        let answer = exporter.get_text(&format!("HEAD {path}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[test]
fn a_reload_keeps_what_stays_and_drops_what_goes() {
    let target = |name: &str, team: &str| {
        format!(
            "- {{name: {name}, url: 'http://127.0.0.1:1/', interval: 50ms, labels: {{team: {team}}}}}\n"
        )
    };
    // So many that the first is still there at the end.
    let exporter = Exporter::start_with(
        &format!("targets:\n{}{}", target("stays", "a"), target("goes", "a")),
        &["--history.limit=10000"],
    );
    let (stays, goes) = (format!("{ALL}/stays"), format!("{ALL}/goes"));
    let before = wait_for(&exporter, &stays, |page| !probes(page).is_empty());
    let gone = wait_for(&exporter, &goes, |page| !probes(page).is_empty());
    exporter.reload(&format!("targets:\n{}", target("stays", "b")));
    exporter.wait_for_log("configuration reloaded");
    let (_, after) = get(&exporter, &stays);
    assert_eq!(after["targets"][0]["labels"]["team"], "b");
    assert_eq!(probes(&after).last(), probes(&before).last());
    assert!(get(&exporter, &goes).0.contains("404"));
    assert_eq!(names(&get(&exporter, ALL).1), ["stays"]);
    // Who stays goes on, who comes back begins anew.
    exporter.reload(&format!(
        "targets:\n{}{}",
        target("goes", "b"),
        target("stays", "b")
    ));
    exporter.wait_for_log("configuration reloaded");
    let n_probes = probes(&after).len();
    let grown = wait_for(&exporter, &stays, |page| probes(page).len() > n_probes);
    assert_eq!(probes(&grown).last(), probes(&before).last());
    let back = wait_for(&exporter, &goes, |page| !probes(page).is_empty());
    let first = |page: &Value| text(&probes(page).last().unwrap()["start"]).to_owned();
    assert!(first(&back) > first(&gone));
}
