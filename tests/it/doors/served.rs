//! The exporter's server on a thread of its own, with pages as long as a test wants them.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use httpcycle_exporter::history::store::Histories;
use httpcycle_exporter::metrics::bounds::Bounds;
use httpcycle_exporter::metrics::own::Own;
use httpcycle_exporter::metrics::store::Store;
use httpcycle_exporter::server::connections::limits::Limits;
use httpcycle_exporter::server::door::Door;
use httpcycle_exporter::server::external::Prefix;
use httpcycle_exporter::server::{self, Site};
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::labels::Labels;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::shard::Shard;
use tokio::sync::watch;
use tokio::time::Instant;

/// Far more than any wait of these tests, and far less than a minute.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a thread of its own, as the exporter has it, with `n_targets` on its page.
pub struct Served {
    pub address: SocketAddr,
    pub stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub fn start(limits: Limits, n_targets: usize) -> Self {
        Self::behind(Door::open(), limits, n_targets)
    }

    pub fn behind(door: Door, limits: Limits, n_targets: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let site = site(n_targets);
        let (stop, stopped) = watch::channel(false);
        let (_, doors) = watch::channel(Arc::new(door));
        let thread = thread::spawn(move || {
            let serving = tokio::runtime::Builder::new_current_thread();
            let serving = { serving }.enable_all().build().unwrap();
            serving.block_on(server::serve(vec![listener], site, doors, limits, stopped));
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn asking(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        stream
    }

    pub fn stop(&mut self) -> Duration {
        let before = Instant::now();
        self.stop.send_replace(true);
        self.thread.take().unwrap().join().unwrap();
        before.elapsed()
    }
}

pub fn site(n_targets: usize) -> Site {
    let targets: Vec<_> = (0..n_targets)
        .map(|n| {
            Arc::new(Target {
                name: format!("target {n}"),
                url: TargetUrl::parse("http://127.0.0.1/").unwrap(),
                module: Arc::new(Module::http_2xx()),
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(2),
                labels: Labels::default(),
            })
        })
        .collect();
    let store = Store::new();
    store.reconcile(&targets, &Arc::new(Bounds::new(&[0.1, 1.0]).unwrap()));
    Site {
        store: Arc::new(store),
        histories: Arc::new(Histories::new(0)),
        own: Arc::new(Own::new(SystemTime::now())),
        ready: Arc::default(),
        telemetry_path: "/metrics".to_owned(),
        prefix: Prefix::default(),
        config: Arc::default(),
        shard: Shard::WHOLE,
        endpoint: None,
        reload: None,
    }
}

/// Limits that no client of these tests meets, but for those that a test is about.
pub fn generous() -> Limits {
    Limits {
        connections: 1_000,
        handshake: PATIENCE * 10,
        head: PATIENCE * 10,
        idle: PATIENCE * 10,
        response: PATIENCE * 10,
        rate: 1,
        pause: Duration::from_millis(10),
        grace: Duration::from_secs(1),
    }
}
