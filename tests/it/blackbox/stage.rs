//! The servers of one case, each on a port of its own, and what they were asked.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::blackbox::case::{Answer, Case};
use crate::blackbox::servers::{Kind, World};
use crate::support::peer::{Peer, Then, finish, full_listener, read_request_and_body, serve_on};

/// The servers of a case, for as long as it runs.
pub struct Stage {
    /// What stands for each name in braces.
    names: BTreeMap<String, String>,
    shared: Arc<Shared>,
    _peers: Vec<Peer>,
    _sockets: Vec<TcpSocket>,
    _full: Vec<(TcpListener, Vec<TcpStream>)>,
}

struct Shared {
    answers: Vec<(&'static str, Answer)>,
    seen: Mutex<Seen>,
}

/// What one exporter did to the servers of a case.
#[derive(Default)]
struct Seen {
    requests: Vec<Vec<(String, String)>>,
    connections: BTreeMap<String, u32>,
    hellos: Vec<String>,
}

impl Stage {
    /// Starts the servers that the texts of a case name.
    pub async fn set(case: &Case, world: &World, names: &BTreeMap<String, String>) -> Self {
        let mut stage = Self {
            names: names.clone(),
            shared: Arc::new(Shared {
                answers: Vec::new(),
                seen: Mutex::default(),
            }),
            _peers: Vec::new(),
            _sockets: Vec::new(),
            _full: Vec::new(),
        };
        let all: String = case.texts().collect();
        let mut more = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        if all.contains("localhost:") || all.contains("[::1]:") {
            more.push(Ipv6Addr::LOCALHOST.into());
        }
        if all.contains("127.0.0.2:") {
            more.push(Ipv4Addr::new(127, 0, 0, 2).into());
        }
        let mut waiting = Vec::new();
        for name in in_braces(&all) {
            if name == "dir" || stage.names.contains_key(&name) {
                continue;
            }
            if name == "full" {
                let full = full_listener().await;
                stage.name(name, full.0.local_addr().unwrap().port());
                stage._full.push(full);
                continue;
            }
            let kind = world.kind(&name);
            let kind = kind.unwrap_or_else(|| panic!("{}: no server {name:?}", case.name));
            if matches!(kind, Kind::Closed) {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
                stage.name(name, socket.local_addr().unwrap().port());
                stage._sockets.push(socket);
                continue;
            }
            let listeners = listen(&more).await;
            stage.name(name.clone(), listeners[0].local_addr().unwrap().port());
            waiting.push((name, kind, listeners));
        }
        let answers = case.answers.iter().map(|(path, answer)| {
            let head = stage.fill(&answer.head);
            (
                *path,
                Answer {
                    head,
                    ..answer.clone()
                },
            )
        });
        stage.shared = Arc::new(Shared {
            answers: answers.collect(),
            seen: Mutex::default(),
        });
        for (name, kind, listeners) in waiting {
            for listener in listeners {
                let (name, kind, shared) = (name.clone(), kind.clone(), stage.shared.clone());
                let peer = serve_on(listener, Duration::ZERO, move |stream| {
                    connection(stream, name.clone(), kind.clone(), shared.clone())
                });
                stage._peers.push(peer);
            }
        }
        stage
    }

    fn name(&mut self, name: String, port: u16) {
        self.names.insert(name, port.to_string());
    }

    /// A text with what stands for the names in it.
    pub fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.names {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// What the servers have seen since they were asked the last time, with the names of ports for
    /// the ports.
    pub fn seen(&self) -> Vec<(String, String)> {
        let seen = std::mem::take(&mut *self.shared.seen.lock().unwrap());
        let mut readings = Vec::new();
        for (name, count) in seen.connections {
            readings.push((format!("connections to {name}"), count.to_string()));
        }
        for (number, hello) in seen.hellos.into_iter().enumerate() {
            readings.push((format!("hello {}", number + 1), hello));
        }
        for (number, request) in seen.requests.into_iter().enumerate() {
            for (what, value) in request {
                let what = format!("request {} {what}", number + 1);
                readings.push((what.trim_end().to_owned(), self.unfill(&value)));
            }
        }
        readings
    }

    fn unfill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.names {
            text = text.replace(&format!(":{value}"), &format!(":{{{name}}}"));
        }
        text
    }
}

/// Listeners of one port on all of these addresses; what the machine lacks besides the first is
/// left out.
async fn listen(addresses: &[IpAddr]) -> Vec<TcpListener> {
    'ports: for _ in 0..20 {
        let first = TcpListener::bind((addresses[0], 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        for address in &addresses[1..] {
            match TcpListener::bind((*address, port)).await {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => continue 'ports,
                Err(_) => {}
            }
        }
        return listeners;
    }
    panic!("no port is free on {addresses:?}");
}

/// The names in braces, each once.
fn in_braces(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
        .filter(|name| name.chars().next().is_some_and(char::is_alphabetic))
        .collect();
    names.sort();
    names.dedup();
    names
}

async fn connection(stream: TcpStream, name: String, kind: Kind, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    *shared
        .seen
        .lock()
        .unwrap()
        .connections
        .entry(name.clone())
        .or_default() += 1;
    match kind {
        Kind::Plain => {
            let mut stream = stream;
            let mut first = [0];
            if stream.peek(&mut first).await.is_ok() && !first[0].is_ascii_alphabetic() {
                // It shakes hands. Servers say so and close.
                answer_with(&mut stream, "400 Bad Request").await;
                return finish(stream, Then::Close).await;
            }
            if let Some(then) = exchange(&mut stream, &name, &shared).await {
                finish(stream, then).await;
            }
        }
        Kind::Tls(acceptor) => {
            if let Some(mut stream) = shake_hands(stream, &acceptor, &name, &shared).await
                && exchange(&mut stream, &name, &shared).await.is_some()
            {
                stream.shutdown().await.ok();
                drain(&mut stream).await;
            }
        }
        Kind::Proxy { denies } => proxy(stream, denies, &name, &shared).await,
        Kind::ProxyTls(acceptor) => {
            if let Some(stream) = shake_hands(stream, &acceptor, &name, &shared).await {
                proxy(stream, false, &name, &shared).await;
            }
        }
        Kind::Silent => std::future::pending().await,
        Kind::HangsUp => drop(stream),
        Kind::Resets => finish(stream, Then::Reset).await,
        Kind::Closed => {}
    }
}

async fn answer_with(stream: &mut (impl AsyncWrite + Unpin), line: &str) {
    let answer = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.ok();
}

async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    tokio::io::copy(stream, &mut tokio::io::sink()).await.ok();
}

async fn shake_hands(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    name: &str,
    shared: &Shared,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let lazy = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
    let start = lazy.await.ok()?;
    let hello = start.client_hello();
    let wanted = hello.server_name().unwrap_or("nobody");
    let protocols: Vec<String> = hello
        .alpn()
        .map(|names| {
            names
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect()
        })
        .unwrap_or_default();
    let text = format!("to {name}, for {wanted}, protocols {protocols:?}");
    shared.seen.lock().unwrap().hellos.push(text);
    start.into_stream(acceptor.config().clone()).await.ok()
}

/// Reads a request and answers it as the case says.
async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    name: &str,
    shared: &Shared,
) -> Option<Then> {
    let (head, body) = read_request_and_body(stream).await;
    if head.is_empty() {
        return None;
    }
    note(&head, &body, name, shared);
    answer(stream, &head, shared).await
}

async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    head: &str,
    shared: &Shared,
) -> Option<Then> {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let answers = &shared.answers;
    let found = answers.iter().find(|(at, _)| *at == path);
    let missing = crate::blackbox::case::status("404 Not Found");
    let answer = found.map_or(&missing, |(_, answer)| answer);
    sleep(answer.delay).await;
    let mut bytes = answer.head.clone().into_bytes();
    if !head.starts_with("HEAD ") {
        bytes.extend_from_slice(&answer.body);
    }
    stream.write_all(&bytes).await.ok()?;
    stream.flush().await.ok()?;
    Some(answer.then)
}

/// Keeps what a request said.
fn note(head: &str, body: &[u8], name: &str, shared: &Shared) {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let mut request = vec![(String::new(), format!("to {name}: {first}"))];
    for line in lines.filter(|line| !line.is_empty()) {
        let (field, value) = line.split_once(':').unwrap();
        let (field, value) = (field.to_ascii_lowercase(), value.trim());
        match request.iter_mut().find(|(known, _)| *known == field) {
            Some((_, values)) => *values = format!("{values} | {value}"),
            None => request.push((field, value.to_owned())),
        }
    }
    let body = String::from_utf8_lossy(body).into_owned();
    request.push(("body".to_owned(), body));
    shared.seen.lock().unwrap().requests.push(request);
}

/// Opens a tunnel, or answers in the place of the target.
async fn proxy(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    denies: bool,
    name: &str,
    shared: &Shared,
) {
    let (head, body) = read_request_and_body(&mut stream).await;
    if head.is_empty() {
        return;
    }
    note(&head, &body, name, shared);
    if denies {
        let denied = "HTTP/1.1 407 Proxy Authentication Required\r\n\
                      Proxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(denied.as_bytes()).await.ok();
    } else if let Some(rest) = head.strip_prefix("CONNECT ") {
        let port = rest.split(' ').next().and_then(|to| to.rsplit_once(':'));
        // Whatever name the client gave: nothing leaves this machine.
        let port: u16 = port.unwrap().1.parse().unwrap();
        let Ok(mut target) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
            return answer_with(&mut stream, "502 Bad Gateway").await;
        };
        let open = b"HTTP/1.1 200 Connection established\r\n\r\n";
        if stream.write_all(open).await.is_ok() && stream.flush().await.is_ok() {
            copy_bidirectional(&mut stream, &mut target).await.ok();
        }
    } else {
        answer(&mut stream, &head, shared).await;
    }
    stream.shutdown().await.ok();
    drain(&mut stream).await;
}
