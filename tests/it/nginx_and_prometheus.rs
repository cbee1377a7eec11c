//! The program between the parts that users have: nginx as the target, Prometheus as the scraper.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::exporter::Exporter;
use crate::support::pki;
use crate::support::prometheus::{self, Prometheus};
use crate::support::real_parts;
use crate::support::surroundings::{Running, nginx, wait_until};

fn configuration(nginx: SocketAddr, interval: &str) -> String {
    format!(
        "modules:\n  mkcol: {{prober: http, http: {{method: MKCOL, valid_status_codes: [201, 405]}}}}\n\
         targets:\n\
         - {{name: page, url: 'http://{nginx}/', interval: {interval}}}\n\
         - {{name: nothing, url: 'http://{nginx}/nothing', interval: {interval}}}\n\
         - {{name: orphan, url: 'http://{nginx}/no/parent/', module: mkcol, interval: {interval}}}\n\
         - {{name: late, url: 'http://{nginx}/late/child/', module: mkcol, interval: {interval}}}\n"
    )
}

#[test]
fn nginx_and_the_exporter_count_alike_and_prometheus_sees_the_first_conflict() {
    let nginx_is_installed = real_parts::is_installed("nginx", Command::new("nginx").arg("-v"));
    if !nginx_is_installed || !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let target = real_parts::free_address();
    fs::create_dir_all(folder.path().join("files/late")).unwrap();
    fs::write(folder.path().join("files/index.html"), "hello").unwrap();
    let _nginx = nginx(folder.path(), target, "", "");
    let exporter = Exporter::start(&configuration(target, "500ms"));
    let prometheus = Prometheus::start(exporter.address, &[]);

    // A collection that exists becomes an orphan: the conflict is the first of its target.
    let series = "httpcycle_responses_total{target=\"late\",code=\"409\"}";
    wait_until("the series stands at 0", || {
        prometheus.value(series) == Some(0.0)
    });
    let increase = format!("increase({series}[1m])");
    wait_until("a rate of zero", || {
        prometheus.value(&increase) == Some(0.0)
    });
    fs::remove_dir_all(folder.path().join("files/late")).unwrap();
    wait_until("an increase", || prometheus.value(&increase) > Some(0.0));

    exporter.wait_for("httpcycle_probes_total{target=\"orphan\"", |value| {
        value > Some(10.0)
    });
    exporter.reload(&configuration(target, "1h"));
    exporter.wait_for_log("configuration reloaded");
    let page = at_rest(&exporter);
    let mut counted: HashMap<String, u64> = HashMap::new();
    for line in page.lines() {
        let Some(labels) = line.strip_prefix("httpcycle_responses_total{target=\"") else {
            continue;
        };
        let method = if labels.starts_with("page") || labels.starts_with("nothing") {
            "GET"
        } else {
            "MKCOL"
        };
        let code = labels.split("code=\"").nth(1).unwrap().get(..3).unwrap();
        let count: u64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
        *counted.entry(format!("{method} {code}")).or_default() += count;
    }
    counted.retain(|_, count| *count > 0);
    let mut logged: HashMap<String, u64> = HashMap::new();
    for line in fs::read_to_string(folder.path().join("access.log"))
        .unwrap()
        .lines()
    {
        *logged.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(counted, logged);
    for seen in ["GET 200", "GET 404", "MKCOL 409", "MKCOL 405"] {
        assert!(logged.contains_key(seen), "{seen} is missing in {logged:?}");
    }
}

/// nginx with HTTP/2 over TLS and without, which has a file and logs what it was asked.
struct Http2Servers {
    plain: SocketAddr,
    over_tls: SocketAddr,
    without: SocketAddr,
    _running: Running,
}

fn http2_servers(folder: &Path) -> Http2Servers {
    let here = folder.display();
    let [plain, over_tls, without] = [(); 3].map(|()| real_parts::free_address());
    let authority = pki::Authority::new();
    let (certificate, key) = authority.issue("127.0.0.1", |_| {});
    for (name, label, der) in [
        ("ca.pem", "CERTIFICATE", authority.certificate().to_vec()),
        ("cert.pem", "CERTIFICATE", certificate.to_vec()),
        ("key.pem", "PRIVATE KEY", key.secret_der().to_vec()),
    ] {
        fs::write(folder.join(name), pki::pem(label, &der)).unwrap();
    }
    fs::create_dir_all(folder.join("files/late")).unwrap();
    fs::write(folder.join("files/index.html"), "x".repeat(3_000_000)).unwrap();
    let server = |listen: String, log: &str| {
        format!(
            "server {{ listen {listen} http2; root {here}/files; dav_methods PUT MKCOL; \
             access_log {here}/{log}.log version; ssl_certificate {here}/cert.pem; \
             ssl_certificate_key {here}/key.pem; }}\n"
        )
    };
    let servers = [
        "log_format version '$server_protocol $request_method $status';\n".to_owned(),
        server(format!("{over_tls} ssl"), "tls"),
        server(without.to_string(), "prior"),
    ];
    Http2Servers {
        plain,
        over_tls,
        without,
        _running: nginx(folder, plain, &servers.concat(), ""),
    }
}

#[test]
fn nginx_takes_the_exporters_http2_for_its_own() {
    if !real_parts::is_installed("nginx", Command::new("nginx").arg("-v")) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let servers = http2_servers(folder.path());
    let (plain, over_tls, without) = (servers.plain, servers.over_tls, servers.without);
    let ca_file = folder.path().join("ca.pem");
    let tls = format!("tls_config: {{ca_file: {}}}", ca_file.display());
    let exporter = Exporter::start(&format!(
        "modules:\n\
         \x20 page: {{prober: http, http: {{{tls}}}}}\n\
         \x20 old: {{prober: http, http: {{enable_http2: false, {tls}}}}}\n\
         \x20 orphan: {{prober: http, http: {{method: MKCOL, {tls}}}}}\n\
         \x20 known: {{prober: http, http: {{follow_redirects: false, valid_http_versions: [HTTP/2.0]}}}}\n\
         \x20 upload: {{prober: http, http: {{follow_redirects: false, method: PUT, valid_http_versions: [HTTP/2.0], body: {body}}}}}\n\
         targets:\n\
         - {{name: page, url: 'https://{over_tls}/', module: page, interval: 500ms}}\n\
         - {{name: old, url: 'https://{over_tls}/', module: old, interval: 500ms}}\n\
         - {{name: orphan, url: 'https://{over_tls}/no/parent/', module: orphan, interval: 500ms}}\n\
         - {{name: known, url: 'http://{without}/', module: known, interval: 500ms}}\n\
         - {{name: wrong, url: 'http://{plain}/', module: known, interval: 500ms}}\n\
         - {{name: upload, url: 'http://{without}/late/x', module: upload, interval: 500ms}}\n",
        body = "x".repeat(500_000),
    ));
    for (target, version, code, success) in [
        ("page", 2.0, "200", 1.0),
        ("old", 1.1, "200", 1.0),
        ("orphan", 2.0, "409", 0.0),
        ("known", 2.0, "200", 1.0),
        ("upload", 2.0, "204", 1.0),
    ] {
        let series =
            |name: &str, more: &str| format!("httpcycle_{name}{{target=\"{target}\"{more}");
        let responses = series("responses_total", &format!(",code=\"{code}\""));
        exporter.wait_for(&responses, |value| value > Some(2.0));
        exporter.wait_for(&series("http_version", "}"), |value| value == Some(version));
        exporter.wait_for(&series("probe_success", "}"), |value| {
            value == Some(success)
        });
    }
    let conflicts = "httpcycle_conflicts_total{target=\"orphan\",expected=\"false\"";
    exporter.wait_for(conflicts, |value| value > Some(2.0));
    // Without HTTP/2, nginx takes the preface for a request of HTTP/1.
    let wrong =
        "httpcycle_probe_failures_total{target=\"wrong\",phase=\"transfer\",reason=\"not_http\"}";
    exporter.wait_for(wrong, |value| value > Some(2.0));
    for (log, expected) in [
        ("tls.log", "HTTP/2.0 GET 200"),
        ("tls.log", "HTTP/1.1 GET 200"),
        ("tls.log", "HTTP/2.0 MKCOL 409"),
        ("prior.log", "HTTP/2.0 GET 200"),
        ("prior.log", "HTTP/2.0 PUT 204"),
    ] {
        let logged = fs::read_to_string(folder.path().join(log)).unwrap();
        let is_there = logged.lines().any(|line| line == expected);
        assert!(is_there, "{expected} is missing in {log}");
    }
}

/// A page once no probe runs any more and nothing is counted between two looks.
fn at_rest(exporter: &Exporter) -> String {
    let of_targets = |page: String| -> String {
        let lines = page.lines().filter(|line| line.contains("{target="));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut last = String::new();
    wait_until("the counters rest", || {
        thread::sleep(Duration::from_millis(300));
        let page = of_targets(exporter.get_text("GET /metrics"));
        let rests = page == last;
        last = page;
        rests
    });
    last
}
