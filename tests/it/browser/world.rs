//! What the exporters probe that the scenarios look at.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer, Then};
use crate::support::pki;

/// How the scenarios have the page of an exporter.
pub fn url(exporter: &Exporter) -> String {
    format!("http://{}/", exporter.address)
}

/// Three dozen targets at an address, so that there is something to sort, to search and to scroll.
pub fn steady(address: &str) -> String {
    let mut targets = "targets:\n".to_owned();
    for n in 0..36 {
        let team = ["alpha", "beta", "gamma"][n % 3];
        writeln!(
            targets,
            "- {{name: {team}-{n:02}, url: 'http://{address}/{n}', interval: 1s, labels: {{team: {team}}}}}"
        )
        .unwrap();
    }
    targets
}

const MODULES: &str = "modules:
  orders:
    prober: http
    http: {conflict: {reason: {json: /type, values: {'https://orders.example/stale': stale}}}}
  secure:
    prober: http
    http: {tls_config: {insecure_skip_verify: true}}
";

/// An exporter whose targets answer, except `nobody`, and of which `orders` can be turned.
pub struct World {
    pub exporter: Exporter,
    pub orders: Turning,
    _steady: Turning,
    _secure: Peer,
    _runtime: Runtime,
}

impl World {
    pub fn start() -> Self {
        let (orders, steady_peer) = (Turning::start(), Turning::start());
        let runtime = Runtime::new().unwrap();
        let acceptor = pki::Authority::new().server("127.0.0.1");
        let secure = runtime.block_on(peer::slow_in(None, Duration::ZERO, acceptor));
        let config = format!(
            "{MODULES}{}\
             - {{name: orders, url: 'http://{}/', module: orders, interval: 1s}}\n\
             - {{name: secure, url: 'https://{}/', module: secure, interval: 1s}}\n\
             - {{name: nobody, url: 'http://127.0.0.1:1/', interval: 1s}}\n",
            steady(&steady_peer.address.to_string()),
            orders.address,
            secure.address,
        );
        Self {
            exporter: Exporter::start(&config),
            orders,
            _steady: steady_peer,
            _secure: secure,
            _runtime: runtime,
        }
    }

    /// Has `orders` conflict, and waits until that and the answers of the others are known.
    pub fn conflict(&mut self) {
        self.orders.turn_to("409 Conflict");
        for (series, least) in [
            (
                "httpcycle_conflicts_total{target=\"orders\",expected=\"false\",reason=\"stale\"",
                2.0,
            ),
            ("httpcycle_probe_failures_total{target=\"nobody\"", 1.0),
            (
                "httpcycle_responses_total{target=\"secure\",code=\"200\"",
                1.0,
            ),
        ] {
            self.exporter.wait_for(series, |value| value >= Some(least));
        }
    }

    /// Waits for more probes than come between two looks of a page.
    pub fn let_probes_pass(&self) {
        let series = "httpcycle_probes_total{target=\"orders\"";
        let enough = self.exporter.value(series).unwrap_or(0.0) + 5.0;
        self.exporter
            .wait_for(series, |value| value >= Some(enough));
    }
}

/// A server that answers with what was said last, or does not listen.
pub struct Turning {
    pub address: SocketAddr,
    response: Arc<Mutex<Vec<u8>>>,
    peer: Option<Peer>,
    _runtime: Runtime,
}

impl Turning {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        let response = Arc::new(Mutex::new(response_of("200 OK")));
        let shared = response.clone();
        let peer = {
            let _inside = runtime.enter();
            peer::serve_on(listener, Duration::ZERO, move |mut stream| {
                let response = shared.clone();
                async move {
                    peer::read_request(&mut stream).await;
                    let response = response.lock().unwrap().clone();
                    peer::write(&mut stream, &response).await;
                    peer::finish(stream, Then::Close).await;
                }
            })
        };
        Self {
            address,
            response,
            peer: Some(peer),
            _runtime: runtime,
        }
    }

    /// Answers with a status from now on; `refuse` is no answer at all, and for good.
    pub fn turn_to(&mut self, status: &str) {
        if status == "refuse" {
            self.peer = None;
        } else {
            *self.response.lock().unwrap() = response_of(status);
        }
    }
}

fn response_of(status: &str) -> Vec<u8> {
    let body = r#"{"type":"https://orders.example/stale"}"#;
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Names that would like to be more than text, or to lead elsewhere.
pub fn hostile() -> Vec<String> {
    let long = "long ".repeat(80);
    [
        "<img src=x onerror=\"hit=1\">",
        "\"><script>hit=1</script>",
        "</script></title></table><b>bold</b>",
        "' onmouseover='hit=1",
        "javascript:hit=1",
        "{{7*7}} ${7*7} &lt;i&gt; &amp;",
        "\u{202e}gnisrever \u{200f}right to left",
        "שלום",
        "emoji 🦀👩‍👩‍👧",
        "..",
        ".",
        "/",
        "//elsewhere.example/",
        "a/../b",
        "%2F",
        "%",
        "100% sure?#part",
        "a+b c&q=d",
        "\\back\\slash",
        "unbreakable-".repeat(30).as_str(),
        long.trim(),
    ]
    .map(str::to_owned)
    .to_vec()
}
