//! What stands around the probes: canaries on what is denied, and on what is allowed a server that
//! redirects and a proxy.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::outcome::{Attempt, Outcome};
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::target::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::reach::names::{self, ALLOWED, Names};
use crate::support::peer::{self, Peer};
use crate::support::probing;

/// A hosts file that leads to what is denied.
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n127.0.0.2 hosts.test\n\
                     ::ffff:127.0.0.1 hosts6.test\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

pub struct Scene {
    /// The port on which all canaries listen.
    pub port: u16,
    /// Whether there is IPv6.
    pub has_v6: bool,
    canaries: Vec<SocketAddr>,
    n_caught: Arc<AtomicU64>,
    location: Arc<Mutex<String>>,
    redirecting: Peer,
    n_proxied: Arc<AtomicU64>,
    proxy: Peer,
    names: Names,
    _peers: Vec<Peer>,
}

impl Scene {
    /// With canaries on the loopback addresses that are denied, or on all that this machine has.
    pub async fn new(everywhere: bool) -> Self {
        let n_caught = Arc::new(AtomicU64::new(0));
        let (listeners, has_v6) = listeners(everywhere).await;
        let canaries = listeners.iter().map(|one| one.local_addr().unwrap());
        let canaries: Vec<_> = canaries.collect();
        let peers = listeners.into_iter().map(|listener| {
            let n_caught = n_caught.clone();
            peer::serve_on(listener, Duration::ZERO, move |stream| {
                n_caught.fetch_add(1, Ordering::SeqCst);
                answer(stream, ANSWER.to_vec())
            })
        });
        let peers = peers.collect();
        let location: Arc<Mutex<String>> = Arc::default();
        let redirect = location.clone();
        let redirecting = peer::serve_on(allowed().await, Duration::ZERO, move |stream| {
            let location = redirect.lock().unwrap().clone();
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n"
            );
            answer(stream, head.into_bytes())
        });
        let n_proxied = Arc::new(AtomicU64::new(0));
        let counter = n_proxied.clone();
        let proxy = peer::serve_on(allowed().await, Duration::ZERO, move |stream| {
            counter.fetch_add(1, Ordering::SeqCst);
            answer(stream, ANSWER.to_vec())
        });
        Self {
            port: canaries[0].port(),
            has_v6,
            canaries,
            n_caught,
            location,
            redirecting,
            n_proxied,
            proxy,
            names: names::serve().await,
            _peers: peers,
        }
    }

    /// How many connections the canaries have had since this was last asked.
    pub async fn n_caught(&self) -> u64 {
        // Connections are taken in their order, so that one more shows all that came before.
        let mut n_own = 0;
        for canary in &self.canaries {
            let own = match canary.ip() {
                ip if ip.is_unspecified() => (IpAddr::from([127, 0, 0, 1]), canary.port()).into(),
                _ => *canary,
            };
            let mut stream = TcpStream::connect(own).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, ANSWER);
            n_own += 1;
        }
        self.n_caught.swap(0, Ordering::SeqCst) - n_own
    }

    /// How many connections the proxy has had since this was last asked.
    pub async fn n_proxied(&self) -> u64 {
        let mut stream = TcpStream::connect(self.proxy.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        self.n_proxied.swap(0, Ordering::SeqCst) - 1
    }

    /// `text` with the ports of this scene.
    pub fn fill(&self, text: &str) -> String {
        text.replace("PORT", &self.port.to_string())
            .replace("REDIRECTING", &self.redirecting.address.to_string())
            .replace("PROXY", &self.proxy.address.to_string())
            .replace("NAMES", &self.names.address.to_string())
    }

    /// Has the redirecting server lead to `location` from now on.
    pub fn redirect_to(&self, location: &str) {
        *self.location.lock().unwrap() = self.fill(location);
    }

    /// A target at `url` with these keys in the whole file and under `http`, if it loads.
    pub fn target(&self, url: &str, everywhere: &str, http: &str) -> Result<Target, String> {
        let url = serde_json::to_string(&self.fill(url)).unwrap();
        let http = self.fill(http);
        let text = format!(
            "{everywhere}\nmodules:\n  m: {{prober: http, http: {{resolver: '{}', \
             tls_config: {{insecure_skip_verify: true}}, {http}}}}}\n\
             targets: [{{name: t, url: {url}, module: m}}]\n",
            self.names.address
        );
        let config = config::parse("f.yml", Path::new(""), &text, &|_| Ok(()));
        let config = config.map_err(|problems| problems.to_string())?;
        Ok(config.targets.into_iter().next().unwrap())
    }

    /// Probes such a target once, if there can be one.
    pub async fn probe(&self, url: &str, everywhere: &str, http: &str) -> Option<Outcome> {
        let target = self.target(url, everywhere, http).ok()?;
        Some(probing::probe(&prober(target)).await)
    }

    /// The same where nothing is denied, so that it gets as far as it can.
    pub async fn probe_freely(&self, url: &str, everywhere: &str, http: &str) -> bool {
        let target = self.target(url, everywhere, http);
        match target {
            Ok(target) => {
                freely(&prober(target)).await;
                true
            }
            Err(_) => false,
        }
    }
}

/// The prober of a target, with the hosts file of the scene.
pub fn prober(target: Target) -> Prober {
    probing::prober_with_hosts(target, HOSTS)
}

/// Probes once, though there may be no way to the target.
pub async fn freely(prober: &Prober) {
    for _ in 0..10 {
        match prober.probe().await {
            Attempt::Skipped(SkipReason::Overload) => {}
            Attempt::Finished(_) | Attempt::Skipped(SkipReason::NoRoute) => return,
            Attempt::Skipped(reason) => panic!("skipped: {reason:?}"),
        }
    }
    panic!("the machine is too busy to probe");
}

async fn answer(mut stream: TcpStream, bytes: Vec<u8>) {
    // The request may be the greeting of SOCKS, which has no end.
    stream.read_u8().await.ok();
    stream.write_all(&bytes).await.ok();
    peer::finish(stream, peer::Then::Close).await;
}

async fn allowed() -> TcpListener {
    TcpListener::bind((ALLOWED, 0)).await.unwrap()
}

/// Listeners on one port, and whether there are some for IPv6.
async fn listeners(everywhere: bool) -> (Vec<TcpListener>, bool) {
    if everywhere {
        // Takes what comes for IPv4 as well.
        if let Ok(all) = TcpListener::bind("[::]:0").await {
            return (vec![all], true);
        }
        return (vec![TcpListener::bind("0.0.0.0:0").await.unwrap()], false);
    }
    let has_v6 = TcpListener::bind("[::1]:0").await.is_ok();
    let others: &[&str] = if has_v6 {
        &["127.0.0.2", "::1"]
    } else {
        &["127.0.0.2"]
    };
    'ports: for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut all = vec![first];
        for other in others {
            match TcpListener::bind((*other, port)).await {
                Ok(listener) => all.push(listener),
                Err(_) => continue 'ports,
            }
        }
        return (all, has_v6);
    }
    panic!("no port is free on all addresses");
}
