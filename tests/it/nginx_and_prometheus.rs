//! The program between the parts that users have: nginx as the target, Prometheus as the scraper.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::exporter::Exporter;
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

/// An address that was free a moment ago, for programs that cannot take port 0.
fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
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

fn prometheus(folder: &Path, address: SocketAddr, scraped: SocketAddr) -> Running {
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n\
         - job_name: httpcycle\n  static_configs: [{{targets: ['{scraped}']}}]\n"
    );
    let path = folder.join("prometheus.yml");
    fs::write(&path, config).unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", path.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("tsdb").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.unwrap())
}

/// The value of a query that has one, asked of Prometheus' HTTP API.
fn query(prometheus: SocketAddr, promql: &str) -> Option<f64> {
    let mut stream = TcpStream::connect(prometheus).ok()?;
    let encoded: String = url::form_urlencoded::byte_serialize(promql.as_bytes()).collect();
    let request = format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (_, value) = response.split_once("\"value\":[")?;
    value.split('"').nth(1)?.parse().ok()
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
    let version = |name: &str, flag| real_parts::is_installed(name, Command::new(name).arg(flag));
    if !version("nginx", "-v") || !version("prometheus", "--version") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let (target, database) = (free_address(), free_address());
    let _nginx = nginx(folder.path(), target);
    let exporter = Exporter::start(&configuration(target, "500ms"));
    let _prometheus = prometheus(folder.path(), database, exporter.address);

    // A collection that exists becomes an orphan: the conflict is the first of its target.
    let series = "httpcycle_responses_total{target=\"late\",code=\"409\"}";
    wait_until("the series stands at 0", || {
        query(database, series) == Some(0.0)
    });
    let increase = format!("increase({series}[1m])");
    wait_until("a rate of zero", || query(database, &increase) == Some(0.0));
    fs::remove_dir_all(folder.path().join("files/late")).unwrap();
    wait_until("an increase", || query(database, &increase) > Some(0.0));

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
