//! The program between the parts that users have: nginx as the target, Prometheus as the scraper.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::exporter::Exporter;
use crate::support::prometheus::{self, Prometheus};
use crate::support::real_parts;

const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is killed at the end of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, so that nginx takes its workers with it.
        let pid = self.0.id().to_string();
        Command::new("kill").arg(&pid).status().ok();
        self.0.wait().ok();
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// nginx with WebDAV over a folder of its own, logging method and status of each request.
fn nginx(folder: &Path, address: SocketAddr) -> Running {
    fs::create_dir_all(folder.join("files/late")).unwrap();
    fs::create_dir(folder.join("tmp")).unwrap();
    fs::write(folder.join("files/index.html"), "hello").unwrap();
    // Run as root, its workers would be another user, who may not write here.
    let user = if is_root() { "user root;" } else { "" };
    let here = folder.display();
    let config = format!(
        "{user}\ndaemon off;\npid {here}/pid;\nerror_log {here}/error.log;\nworker_processes 1;\n\
         events {{}}\nhttp {{\n  log_format counted '$request_method $status';\n  \
         access_log {here}/access.log counted;\n  client_body_temp_path {here}/tmp/body;\n  \
         proxy_temp_path {here}/tmp/proxy;\n  fastcgi_temp_path {here}/tmp/fastcgi;\n  \
         uwsgi_temp_path {here}/tmp/uwsgi;\n  scgi_temp_path {here}/tmp/scgi;\n  \
         server {{ listen {address}; root {here}/files; dav_methods PUT DELETE MKCOL; }}\n}}\n"
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, config).unwrap();
    let child = Command::new("nginx")
        .arg("-c")
        .arg(&path)
        .arg("-p")
        .arg(folder)
        .spawn();
    let running = Running(child.unwrap());
    wait_until("nginx listens", || TcpStream::connect(address).is_ok());
    running
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// The value of a query that has one.
fn query(prometheus: &Prometheus, promql: &str) -> Option<f64> {
    let data = prometheus.ask("query", &[("query", promql)])?;
    data["result"][0]["value"][1].as_str()?.parse().ok()
}

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
    let _nginx = nginx(folder.path(), target);
    let exporter = Exporter::start(&configuration(target, "500ms"));
    let prometheus = Prometheus::start(exporter.address, &[]);

    // A collection that exists becomes an orphan: the conflict is the first of its target.
    let series = "httpcycle_responses_total{target=\"late\",code=\"409\"}";
    wait_until("the series stands at 0", || {
        query(&prometheus, series) == Some(0.0)
    });
    let increase = format!("increase({series}[1m])");
    wait_until("a rate of zero", || {
        query(&prometheus, &increase) == Some(0.0)
    });
    fs::remove_dir_all(folder.path().join("files/late")).unwrap();
    wait_until("an increase", || query(&prometheus, &increase) > Some(0.0));

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
