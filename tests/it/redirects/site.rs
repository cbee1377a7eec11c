//! Four origins on loopback that redirect as a script says, and tell what they were asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::TlsSettings;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::peer::{self, Peer};
use crate::support::{pki, probing};

/// Longer than any probe takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands at `ORIGIN PATH`: a status and more lines of the head, in which `{a}` is where an
/// origin is. What is not listed answers 200.
pub type Script<'a> = &'a [(&'a str, &'a str)];

/// One request: the letter of the origin that it reached, then its head as it was sent.
pub type Requests = Arc<Mutex<Vec<(char, String)>>>;

/// Origins `a` and `b` on two ports of one address, `c` on the port of `a` at another address, and
/// `s` with TLS.
pub struct Site {
    addresses: HashMap<char, SocketAddr>,
    answers: Arc<Mutex<HashMap<String, String>>>,
    requests: Requests,
    tls: TlsSettings,
    _peers: Vec<Peer>,
}

impl Site {
    pub async fn start() -> Self {
        let authority = pki::Authority::new();
        let acceptor = authority.server("127.0.0.1");
        let (a, c) = two_hosts_on_one_port().await;
        let b = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let s = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut site = Self {
            addresses: HashMap::new(),
            answers: Arc::default(),
            requests: Arc::default(),
            tls: authority.trusted(),
            _peers: Vec::new(),
        };
        for (origin, listener) in [('a', a), ('b', b), ('c', c), ('s', s)] {
            let address = listener.local_addr().unwrap();
            site.addresses.insert(origin, address);
            let tls = (origin == 's').then(|| acceptor.clone());
            let answers = site.answers.clone();
            let requests = site.requests.clone();
            site._peers
                .push(peer::serve_on(listener, Duration::ZERO, move |stream| {
                    serve(
                        stream,
                        origin,
                        tls.clone(),
                        answers.clone(),
                        requests.clone(),
                    )
                }));
        }
        site
    }

    /// `text` with the addresses of the origins in it.
    pub fn fill(&self, text: &str) -> String {
        self.addresses
            .iter()
            .fold(text.to_owned(), |text, (origin, address)| {
                let scheme = if *origin == 's' { "https" } else { "http" };
                text.replace(&format!("{{{origin}}}"), &format!("{scheme}://{address}"))
                    .replace(&format!("{{{origin}:}}"), &address.to_string())
            })
    }

    /// Probes `url` once with these keys under `http`, and tells what was asked for.
    pub async fn probe(
        &self,
        url: &str,
        http: &str,
        script: Script<'_>,
    ) -> (Outcome, Vec<(char, String)>) {
        *self.answers.lock().unwrap() = script
            .iter()
            .map(|(place, answer)| ((*place).to_owned(), self.fill(answer)))
            .collect();
        let text = format!(
            "modules: {{m: {{prober: http, http: {{{}}}}}}}\n",
            self.fill(http)
        );
        let config = config::parse("f.yml", Path::new("tests/config/files"), &text, &|_| Ok(()));
        let config = config.unwrap_or_else(|problems| panic!("{text}{problems}"));
        let module = Module {
            tls: self.tls.clone(),
            ..Module::clone(&config.modules["m"].module)
        };
        let prober = probing::prober(&self.fill(url), module, PATIENCE);
        self.requests.lock().unwrap().clear();
        let outcome = probing::probe(&prober).await;
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        (outcome, requests)
    }
}

/// A pair of listeners that differ in nothing but their address.
async fn two_hosts_on_one_port() -> (TcpListener, TcpListener) {
    for _ in 0..100 {
        let a = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = a.local_addr().unwrap().port();
        if let Ok(c) = TcpListener::bind(("127.0.0.2", port)).await {
            return (a, c);
        }
    }
    panic!("no port is free on both addresses");
}

async fn serve(
    stream: tokio::net::TcpStream,
    origin: char,
    tls: Option<TlsAcceptor>,
    answers: Arc<Mutex<HashMap<String, String>>>,
    requests: Requests,
) {
    match tls {
        None => answer(stream, origin, answers, requests).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, origin, answers, requests).await;
            }
        }
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    origin: char,
    answers: Arc<Mutex<HashMap<String, String>>>,
    requests: Requests,
) {
    let head = peer::read_request(&mut stream).await;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let answer = answers
        .lock()
        .unwrap()
        .get(&format!("{origin} {path}"))
        .cloned();
    requests.lock().unwrap().push((origin, head));
    let answer = answer.unwrap_or_else(|| "200 OK".to_owned());
    let text = format!("HTTP/1.1 {answer}\r\nContent-Length: 3\r\n\r\nend");
    stream.write_all(text.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

/// The values of a header in a head.
pub fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}
