//! HTTP/3: what is sent and taken, what a server can do wrong, and what is left behind.

mod answers;
mod control;
mod failures;
mod fields;
mod handshakes;
mod phases;
mod program;

use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::{HttpVersion, Outcome};
use httpcycle_exporter::target::module::Module;

use crate::support::http3::Server;
use crate::support::{http3, probing};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Probes a server once, with a module that is changed.
async fn probe_with(
    server: &Server,
    timeout: Duration,
    change: impl FnOnce(&mut Module),
) -> Outcome {
    let mut module = http3::module(server);
    change(&mut module);
    probing::probe(&probing::prober(&http3::url(server), module, timeout)).await
}

async fn probe(server: &Server) -> Outcome {
    probe_with(server, PATIENCE, |_| {}).await
}

fn reason(outcome: &Outcome) -> Option<Reason> {
    outcome.failure.as_ref().map(|failure| failure.reason)
}

/// A server that answers with a code that is the path, and a short body.
fn by_path() -> Server {
    http3::answering(|request, mut stream| async move {
        let code: u16 = request.uri().path()[1..].parse().unwrap_or(200);
        let head = Response::builder().status(code).body(()).unwrap();
        stream.send_response(head).await.unwrap();
        let body = Bytes::from_static(b"18 bytes of a body");
        stream.send_data(body).await.unwrap();
        stream.finish().await.unwrap();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_is_read_to_its_end() {
    let server = by_path();
    for code in [200, 409, 204] {
        let url = format!("{}{code}", http3::url(&server));
        let prober = probing::prober(&url, http3::module(&server), PATIENCE);
        let outcome = probing::probe(&prober).await;
        let failure = (code == 409).then_some(Reason::ValidateStatus);
        assert_eq!(reason(&outcome), failure, "{:?}", outcome.failure);
        let response = outcome.response.expect("a response");
        assert_eq!(
            (response.code, response.version),
            (code, HttpVersion::Http3)
        );
        assert_eq!(response.body_bytes, 18);
        assert_eq!(response.conflict.is_some(), code == 409);
        assert!(response.over_tls && outcome.cert_expiry.is_some());
        let ends = outcome.connection.expect("both ends");
        assert_eq!(ends.remote, server.address);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_what_a_request_of_http2_has() {
    let seen = Arc::new(Mutex::new(None));
    let noted = seen.clone();
    let server = http3::answering(move |request, mut stream| {
        let noted = noted.clone();
        async move {
            let mut body = Vec::new();
            while let Ok(Some(mut piece)) = stream.recv_data().await {
                let length = bytes::Buf::remaining(&piece);
                body.extend_from_slice(&bytes::Buf::copy_to_bytes(&mut piece, length));
            }
            *noted.lock().unwrap() = Some((request, body));
            let head = Response::builder().status(200).body(()).unwrap();
            stream.send_response(head).await.unwrap();
            stream.finish().await.unwrap();
        }
    });
    let body = vec![b'x'; 100_000];
    let outcome = probe_with(&server, PATIENCE, |module| {
        module.method = Method::PUT;
        module.body = Bytes::from(body.clone()).into();
        let keep_alive = http::HeaderValue::from_static("keep-alive");
        module.headers = vec![(http::header::CONNECTION, keep_alive.into())];
    })
    .await;
    assert_eq!(outcome.failure, None);
    let (request, arrived) = seen.lock().unwrap().take().unwrap();
    assert_eq!(arrived, body);
    assert_eq!(request.method(), Method::PUT);
    let authority = request.uri().authority().unwrap().to_string();
    assert_eq!(authority, server.address.to_string());
    let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "user-agent"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_lead_over_http3_alone() {
    let last = by_path();
    let to = format!("https://{}/200", last.address);
    for (location, expected) in [
        (to, None),
        (
            "http://127.0.0.1:1/".to_owned(),
            Some(Reason::RedirectScheme),
        ),
    ] {
        let first = http3::answering(move |_, mut stream| {
            let location = location.clone();
            async move {
                let head = Response::builder().status(307).header("location", location);
                stream.send_response(head.body(()).unwrap()).await.unwrap();
                stream.finish().await.unwrap();
            }
        });
        let outcome = probe_with(&first, PATIENCE, |module| {
            let authorities = module.tls.authorities.as_mut().unwrap();
            authorities.push(last.authority.certificate());
            // The second host is another by its port, and is asked for by its own name.
            module.tls.verify = false;
        })
        .await;
        assert_eq!(reason(&outcome), expected, "{:?}", outcome.failure);
        let response = outcome.response.expect("a response");
        let code = if expected.is_none() { 200 } else { 307 };
        assert_eq!(response.code, code);
        let hops = outcome.timeline.spans().iter().map(|span| span.hop).max();
        assert_eq!(hops, Some(u8::from(expected.is_none())));
    }
}

/// How many UDP sockets of this system lead to a port of loopback.
fn sockets_to(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/self/net/udp").unwrap();
    let remote = format!("0100007F:{port:04X}");
    let of_remote = |line: &&str| line.split_whitespace().nth(2) == Some(remote.as_str());
    table.lines().filter(of_remote).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_behind() {
    let server = by_path();
    let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (silent, address))
        .unwrap();
    let silent_url = format!("https://{}/", silent.1);
    let whole = probing::prober(&http3::url(&server), http3::module(&server), PATIENCE);
    let brief = Duration::from_millis(50);
    let cut = probing::prober(&silent_url, http3::module(&server), brief);
    probing::probe(&whole).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let is_over = || server.n_connections() == 0;
    wait_until("the server was told of the end", is_over).await;
    let n_tasks = metrics.num_alive_tasks();
    for round in 0..50 {
        whole.probe().await;
        cut.probe().await;
        // Cut from without, somewhere on the way.
        let after = Duration::from_micros(100 * round);
        tokio::time::timeout(after, whole.probe()).await.ok();
        // What a probe had is closed with it.
        let left = [server.address, silent.1].map(|address| sockets_to(address.port()));
        assert_eq!(left, [0, 0], "in round {round}");
    }
    wait_until("the server was told of every end", is_over).await;
    let is_idle = || metrics.num_alive_tasks() <= n_tasks;
    wait_until("no task is left", is_idle).await;
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}
