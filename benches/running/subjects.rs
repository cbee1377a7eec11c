//! The programs whose cost is measured, each started fresh and with the same work to do.

use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::time::Instant;

use crate::BARE_LOOP;
use crate::children::Running;
use crate::http;
use crate::http::KeepAlive;
use crate::write;

/// The headers of a request besides `Host`.
pub const REQUEST_HEADERS: &str = "user-agent: bench\r\naccept-encoding: identity\r\n";

/// The module `bench`, understood by this exporter and blackbox_exporter alike.
pub fn module(tls_config: &str) -> String {
    format!(
        "modules:\n  bench:\n    prober: http\n    timeout: 1s\n    http:\n      \
         preferred_ip_protocol: ip4\n      headers:\n        User-Agent: bench\n        \
         Accept-Encoding: identity\n      tls_config: {tls_config}\n"
    )
}

/// This exporter.
pub struct Exporter {
    /// The process.
    pub process: Running,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Exporter {
    /// Starts it with a configuration and waits until it probes.
    pub fn start(folder: &Path, config: &str) -> Self {
        Self::start_with(folder, config, &[])
    }

    /// The same with more flags.
    pub fn start_with(folder: &Path, config: &str, flags: &[&str]) -> Self {
        let file = write(folder, "httpcycle.yml", config);
        let process = Running::start(
            Command::new(env!("CARGO_BIN_EXE_httpcycle_exporter"))
                .arg(format!("--config.file={}", file.display()))
                .arg("--web.listen-address=127.0.0.1:0")
                .args(flags)
                .stdin(Stdio::null())
                .stderr(Stdio::piped()),
        );
        let log = process.child().stderr.take().unwrap();
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let address = lines.by_ref().find_map(|line| {
            eprintln!("{line}");
            let (_, address) = line.split_once("message=listening address=")?;
            address.split(" ").next()?.parse().ok()
        });
        let address = address.expect("the exporter says where it listens");
        // Read on, so that the pipe does not fill; which targets fail is counted elsewhere.
        thread::spawn(move || lines.for_each(drop));
        wait_for(address, "/-/ready");
        Self { process, address }
    }

    /// The page of its metrics.
    pub fn metrics(&self) -> String {
        self.page("/metrics")
    }

    /// One of its pages.
    pub fn page(&self, path: &str) -> String {
        let page = http::get(self.address, path, "").unwrap();
        String::from_utf8(http::body_of(&page).to_vec()).unwrap()
    }
}

/// The sum of all samples of a family.
pub fn total(page: &str, family: &str) -> f64 {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(family)?;
        let is_sample = rest.starts_with('{') || rest.starts_with(' ');
        is_sample.then(|| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
    });
    values.sum()
}

/// Starts the bare loop against `address`, so many times a second or, with zero, without a pause.
pub fn bare_loop(address: SocketAddr, rate: u32) -> Running {
    let program = env::current_exe().unwrap();
    let arguments = [BARE_LOOP, &address.to_string(), &rate.to_string()];
    Running::start(Command::new(program).args(arguments))
}

/// A program that probes on request, with clients that ask it to, on connections that stay open.
pub struct Asked {
    /// The process.
    pub process: Running,
    clients: Vec<JoinHandle<()>>,
}

impl Asked {
    const N_CLIENTS: u32 = 8;

    /// Starts clients that ask the program at `address` for `rate` probes of `url` a second.
    pub fn start(process: Running, address: SocketAddr, url: &str, rate: u32) -> Self {
        let path = format!("/probe?target={url}&module=bench");
        let start = Instant::now();
        let clients = (0..Self::N_CLIENTS).map(|index| {
            let path = path.clone();
            let mut due = start + Duration::from_secs(1) / rate * index;
            thread::spawn(move || {
                let mut connection = KeepAlive::connect(address);
                while let Some(page) = connection.get(&path) {
                    assert!(page.contains("\nprobe_success 1\n"), "{page}");
                    due += Duration::from_secs(1) / rate * Self::N_CLIENTS;
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                }
            })
        });
        Self {
            clients: clients.collect(),
            process,
        }
    }

    /// Ends it; fails if a probe did.
    pub fn stop(self) {
        drop(self.process);
        for client in self.clients {
            client.join().unwrap();
        }
    }
}

/// blackbox_exporter.
pub struct Blackbox;

impl Blackbox {
    const PROGRAMS: [&str; 2] = ["prometheus-blackbox-exporter", "blackbox_exporter"];

    /// The program, if this machine has it.
    pub fn program() -> Option<&'static str> {
        Self::PROGRAMS.into_iter().find(|program| {
            let version = Command::new(program).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        })
    }

    /// Starts it with a configuration, and says where it serves; nobody asks it for anything.
    pub fn launch(program: &str, folder: &Path, config: &str) -> (Running, SocketAddr) {
        let file = write(folder, "blackbox.yml", config);
        // It cannot tell which port it got, so it gets one that was free just now.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let process = Running::start(
            Command::new(program)
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--log.level=error")
                .stdin(Stdio::null()),
        );
        wait_for(address, "/-/healthy");
        (process, address)
    }
}

/// Waits until a page answers with 200.
fn wait_for(address: SocketAddr, path: &str) {
    let started = Instant::now();
    while !http::get(address, path, "").is_some_and(|page| page[8..].starts_with(b" 200")) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{address} does not get ready"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
