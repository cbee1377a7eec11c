//! One probe of each kind of target, in a pipe and on a terminal.

use std::fs;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use rcgen::DnType;
use serde_json::Value;
use tempfile::TempDir;

use crate::probe_command::expected::difference;
use crate::probe_command::{answering, command, on_terminal, run, run_on_terminal, url, words};
use crate::support::dns::{self, NameServer, Script};
use crate::support::peer::{self, Peer};
use crate::support::pki::{self, Authority};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\
    ETag: \"7\"\r\nSet-Cookie: a=b\r\n\r\nok\n";

const STALE: &str = "HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\n\
    Content-Length: 16\r\nRetry-After: 5\r\n\r\n{\"type\":\"stale\"}";

/// A server may send what steers terminals.
const STEERING: &str =
    "HTTP/1.1 200 OK\r\nServer: a\u{9b}31m\u{202e}b\r\nContent-Length: 0\r\n\r\n";

const MODULES: &str = "modules:
  update:
    prober: http
    http:
      method: PUT
      conflict: {reason: {json: /type, values: {stale: stale_version}}}
  unlisted:
    prober: http
    http: {conflict: {reason: {json: /type, values: {locked: locked}}}}
  expecting:
    prober: http
    http: {valid_status_codes: [200, 409]}
  elsewhere:
    prober: http
    http: {source_ip_address: 192.0.2.1}
";

/// What a case leaves to be done: the arguments, and what answers as long as this lives.
struct Case {
    name: &'static str,
    module: &'static str,
    url: String,
    status: i32,
    _peers: Vec<Peer>,
    _name_server: Option<NameServer>,
}

fn case(name: &'static str, module: &'static str, url: String, status: i32) -> Case {
    Case {
        name,
        module,
        url,
        status,
        _peers: Vec::new(),
        _name_server: None,
    }
}

async fn answered(
    name: &'static str,
    module: &'static str,
    delay: Duration,
    answer: &str,
    status: i32,
) -> Case {
    let peer = answering(delay, &[answer]).await;
    Case {
        _peers: vec![peer],
        ..case(name, module, String::new(), status)
    }
    .at("/orders/7")
}

impl Case {
    fn at(mut self, path: &str) -> Self {
        self.url = url(self._peers[0].address, path);
        self
    }

    fn arguments(&self) -> Vec<String> {
        let module = format!("--module={}", self.module);
        words(&["probe", &self.url, &module, "--config.file=modules.yml"])
    }
}

/// The cases and the folder with their configuration.
async fn cases() -> (Vec<Case>, TempDir) {
    let now = Duration::ZERO;
    let mut cases = vec![
        answered("good", "http_2xx", now, OK, 0).await,
        answered("slow", "http_2xx", Duration::from_secs(1), OK, 0).await,
        answered("conflict", "update", now, STALE, 1).await,
        answered("conflict_unlisted", "unlisted", now, STALE, 1).await,
        answered("conflict_expected", "expecting", now, STALE, 0).await,
        answered("steering", "http_2xx", now, STEERING, 0).await,
        answered(
            "reset_in_body",
            "http_2xx",
            now,
            &OK.replace(": 3", ": 4"),
            1,
        )
        .await,
        case(
            "refused",
            "http_2xx",
            url(([127, 0, 0, 1], 1).into(), "/"),
            1,
        ),
        case(
            "blocked",
            "http_2xx",
            "http://169.254.169.254/".to_owned(),
            1,
        ),
    ];
    let from_nowhere = answered("skipped", "elsewhere", now, OK, 1).await;
    cases.push(from_nowhere);
    cases.push(redirected().await);
    let mut modules = MODULES.to_owned();
    let name_server = dns::serve(Script::Code(ResponseCode::NXDomain)).await;
    let resolver = name_server.address;
    modules.push_str(&format!(
        "  asking:\n    prober: http\n    http: {{resolver: \"{resolver}\"}}\n"
    ));
    cases.push(Case {
        _name_server: Some(name_server),
        ..case("unresolvable", "asking", "no.such.test/".to_owned(), 1)
    });
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::with(|params| {
        let name = "authority\u{1b}[31m";
        params.distinguished_name.push(DnType::CommonName, name);
    });
    let ca = pki::pem("CERTIFICATE", &authority.certificate());
    fs::write(folder.path().join("ca.pem"), ca).unwrap();
    modules.push_str(
        "  trusting:\n    prober: http\n    http: {tls_config: {ca_file: ca.pem, server_name: shop.test}}\n",
    );
    for (name, year, status) in [("certificate", 2035, 0), ("expired", 2020, 1)] {
        let (certificate, key) = authority.issue("shop.test", |params| {
            params.not_after = rcgen::date_time_ymd(year, 2, 3);
            params.distinguished_name.push(DnType::CommonName, "shop");
        });
        let acceptor = pki::acceptor(certificate, key);
        let peer = peer::slow_in(None, now, acceptor).await;
        let url = format!("https://{}/", peer.address);
        cases.push(Case {
            _peers: vec![peer],
            ..case(name, "trusting", url, status)
        });
    }
    cases.push(intermediate(&authority).await);
    fs::write(folder.path().join("modules.yml"), modules).unwrap();
    (cases, folder)
}

/// A certificate that outlives the one of its issuer.
async fn intermediate(authority: &Authority) -> Case {
    let below = authority.below(|params| {
        params.not_after = rcgen::date_time_ymd(2034, 5, 6);
        params.distinguished_name.push(DnType::CommonName, "below");
    });
    let (certificate, key) = below.issue("shop.test", |params| {
        params.not_after = rcgen::date_time_ymd(2035, 2, 3);
        params.distinguished_name.push(DnType::CommonName, "shop");
    });
    let chain = vec![certificate, below.certificate()];
    let acceptor = pki::acceptor_of_chain(rustls::DEFAULT_VERSIONS, chain, key);
    let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
    let url = format!("https://{}/", peer.address);
    Case {
        _peers: vec![peer],
        ..case("intermediate", "trusting", url, 0)
    }
}

async fn redirected() -> Case {
    let peer = peer::serve(|mut stream| async move {
        let head = peer::read_request(&mut stream).await;
        let to = match head.split(' ').nth(1) {
            Some("/one") => "/two?key=hidden",
            Some("/two?key=hidden") => "/three",
            _ => {
                peer::write(&mut stream, OK.as_bytes()).await;
                return peer::finish(stream, peer::Then::Close).await;
            }
        };
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        peer::write(&mut stream, answer.as_bytes()).await;
        peer::finish(stream, peer::Then::Close).await;
    })
    .await;
    let case = Case {
        _peers: vec![peer],
        ..case("redirected", "http_2xx", String::new(), 0)
    };
    case.at("/one")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_command_prints_what_is_expected() {
    let (cases, folder) = cases().await;
    let mut wrong = Vec::new();
    for case in &cases {
        let arguments = case.arguments();
        let output = run(folder.path(), &arguments).await;
        let text = String::from_utf8(output.stdout).unwrap();
        wrong.extend(difference(&format!("{}.txt", case.name), &text));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", case.name);
        assert_eq!(output.status.code(), Some(case.status), "{}", case.name);
        assert!(!text.contains(['\x1b', '\u{9b}', '\u{202e}']), "{text:?}");
        let (text, status) = run_on_terminal(folder.path(), &arguments, 100).await;
        wrong.extend(difference(&format!("{}.terminal.txt", case.name), &text));
        assert_eq!(status, case.status, "{}", case.name);
        assert!(!text.contains(['\u{9b}', '\u{202e}']), "{text:?}");
    }
    // Bytes of UTF-8 steer terminals of eight bits.
    let steering = cases.iter().find(|case| case.name == "steering").unwrap();
    let mut command = command(folder.path(), &steering.arguments());
    command.env("LC_ALL", "C");
    let (text, _) = on_terminal(command, 100).await;
    assert!(text.is_ascii(), "{text:?}");
    wrong.extend(difference("steering.c.terminal.txt", &text));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_command_tells_the_same_as_json() {
    let (cases, folder) = cases().await;
    for case in &cases {
        let mut arguments = case.arguments();
        arguments.extend(words(&["-o", "json"]));
        let output = run(folder.path(), &arguments).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains(['\x1b', '\u{9b}', '\u{202e}']), "{text:?}");
        assert_eq!(output.status.code(), Some(case.status), "{}", case.name);
        let probe: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(probe["module"], case.module, "{}", case.name);
        told(case, &probe, &text);
    }
}

/// What a case tells besides.
fn told(case: &Case, probe: &Value, text: &str) {
    let phases = probe["phases"].as_array();
    let phase = |name: &str| {
        let phases = phases.into_iter().flatten();
        phases.filter(|phase| phase["phase"] == name).count()
    };
    match case.name {
        "good" => {
            assert_eq!(probe["url"], case.url);
            assert_eq!(
                (&probe["code"], &probe["outcome"]),
                (&200.into(), &"success".into())
            );
            assert_eq!(probe["headers"]["etag"], "\"7\"");
            assert_eq!(probe["headers"].get("set-cookie"), None);
            assert_eq!(probe["http_version"], "HTTP/1.1");
            let spent: u64 = phases
                .unwrap()
                .iter()
                .map(|phase| {
                    phase["end_ns"].as_u64().unwrap() - phase["start_ns"].as_u64().unwrap()
                })
                .sum();
            let overhead = probe["overhead_ns"].as_u64().unwrap();
            assert_eq!(probe["duration_ns"], spent + overhead);
        }
        "slow" => {
            let phases = phases.unwrap();
            let waiting = phases.iter().find(|phase| phase["phase"] == "first_byte");
            let waiting = waiting.unwrap();
            let [start, end] = ["start_ns", "end_ns"].map(|key| waiting[key].as_u64().unwrap());
            assert!(end - start > 900_000_000, "{waiting}");
        }
        "conflict" => {
            assert_eq!(probe["outcome"], "conflict");
            assert_eq!(probe["conflict_reason"], "stale_version");
            assert_eq!(probe["conflict_expected"], false);
            assert_eq!(probe["failure"]["reason"], "status");
        }
        "conflict_expected" => {
            assert_eq!(probe["outcome"], "success");
            assert_eq!(probe["conflict_reason"], "unspecified");
            assert_eq!(probe["conflict_expected"], true);
        }
        "expired" => {
            assert_eq!(probe["failure"]["reason"], "cert_expired");
            assert_eq!(probe["certificate"]["expires"], "2020-02-03T00:00:00Z");
            assert_eq!(
                probe["certificate"]["chain_expires"],
                "2020-02-03T00:00:00Z"
            );
            assert!(probe["certificate"]["days_left"].as_i64() < Some(-2_000));
        }
        "intermediate" => {
            let (own, chain) = ("2035-02-03T00:00:00Z", "2034-05-06T00:00:00Z");
            assert_eq!(probe["certificate"]["expires"], own);
            assert_eq!(probe["certificate"]["chain_expires"], chain);
        }
        "certificate" => {
            assert_eq!(probe["certificate"]["names"], "shop.test");
            assert_eq!((phase("tls"), phase("dns")), (1, 0));
            assert_eq!(probe["tls"]["version"], "TLS 1.3");
        }
        "redirected" => {
            let to = probe["redirected_to"].as_array().unwrap();
            assert_eq!((phase("connect"), to.len()), (3, 2));
            assert!(!text.contains("hidden"), "{text}");
        }
        "skipped" => {
            assert_eq!(probe["skipped"], "no_route");
            assert_eq!(probe.as_object().unwrap().len(), 3);
        }
        "unresolvable" => {
            assert_eq!(probe["url"], "http://no.such.test/");
            assert_eq!(probe["failure"]["phase"], "dns");
            assert_eq!(probe["code"], Value::Null);
        }
        _ => {}
    }
}

/// What the API of the exporter calls things, the command calls them as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_of_the_command_has_the_keys_of_the_api() {
    let contract = [
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
    ];
    let peer = answering(Duration::ZERO, &[STALE]).await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = words(&["probe", &url(peer.address, "/"), "-o", "json"]);
    let output = run(folder.path(), &arguments).await;
    let probe: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<&str> = probe
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let places = contract.map(|key| keys.iter().position(|found| *found == key).unwrap());
    assert!(places.is_sorted(), "{keys:?}");
    let phase = probe["phases"][0].as_object().unwrap();
    let keys: Vec<&str> = phase.keys().map(String::as_str).collect();
    assert_eq!(keys, ["phase", "start_ns", "end_ns", "clock", "hop"]);
}
