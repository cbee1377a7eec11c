//! What holds for probes over HTTP/2: what they send, what they take, what they leave behind.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::target::module::Module;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::support::http2::{
    self, ACK, DATA, END_STREAM, PING, SETTINGS, control, head, on_stream, settings, wide_open,
};
use crate::support::peer::{self, Peer};
use crate::support::{pki, probing};

const PATIENCE: Duration = Duration::from_secs(10);

/// What a real server made of a request: method, URI, fields, body.
type Request = (String, String, HeaderMap, Vec<u8>);

/// A server that answers 204 and tells what it was asked.
async fn telling(sender: mpsc::UnboundedSender<Request>) -> Peer {
    peer::serve(move |stream| {
        let sender = sender.clone();
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let (head, mut body) = request.into_parts();
                    let mut read = Vec::new();
                    while let Some(Ok(piece)) = body.data().await {
                        body.flow_control().release_capacity(piece.len()).unwrap();
                        read.extend_from_slice(&piece);
                    }
                    let (method, uri) = (head.method.to_string(), head.uri.to_string());
                    sender.send((method, uri, head.headers, read)).unwrap();
                    let answer = Response::builder().status(204).body(()).unwrap();
                    respond.send_response(answer, true).unwrap();
                });
            }
        }
    })
    .await
}

/// A URL, a module, and what their request is like: its URI and its fields.
type Row = (String, Module, String, Vec<(&'static str, &'static str)>);

fn requests_of_modules(authority: &str) -> [Row; 4] {
    let header = |name: &str, value: &str| {
        let value: http::HeaderValue = value.parse().unwrap();
        (name.parse().unwrap(), value.into())
    };
    let agent = concat!("httpcycle_exporter/", env!("CARGO_PKG_VERSION"));
    let large = vec![b'x'; 300_000];
    let with = |method: &str, body: Bytes, headers| Module {
        method: method.parse().unwrap(),
        body: body.into(),
        headers,
        ..http2::module()
    };
    [
        (
            format!("http://{authority}"),
            with("GET", Bytes::new(), vec![]),
            format!("http://{authority}/"),
            vec![("user-agent", agent)],
        ),
        (
            format!("http://u:p@{authority}/a%20b?c=d"),
            with(
                "PATCH",
                Bytes::from("{}"),
                vec![
                    header("Host", "orders.test:81"),
                    header("User-Agent", "me"),
                    header("X-A", "1"),
                    header("X-A", "2"),
                    header("Connection", "close"),
                    header("Keep-Alive", "timeout=5"),
                    header("Proxy-Connection", "close"),
                    header("Transfer-Encoding", "chunked"),
                    header("Upgrade", "h2c"),
                    header("TE", "gzip"),
                    header("Content-Length", "7"),
                ],
            ),
            "http://orders.test:81/a%20b?c=d".to_owned(),
            vec![
                ("authorization", "Basic dTpw"),
                ("content-length", "2"),
                ("user-agent", "me"),
                ("x-a", "1"),
                ("x-a", "2"),
            ],
        ),
        (
            format!("http://{authority}/"),
            with(
                "PUT",
                Bytes::new(),
                vec![header("TE", "trailers"), header("Host", "no authority")],
            ),
            format!("http://{authority}/"),
            vec![
                ("content-length", "0"),
                ("host", "no authority"),
                ("te", "trailers"),
                ("user-agent", agent),
            ],
        ),
        (
            format!("http://{authority}/"),
            with("PUT", Bytes::from(large), vec![]),
            format!("http://{authority}/"),
            vec![("content-length", "300000"), ("user-agent", agent)],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_is_as_the_module_says() {
    let (sender, mut requests) = mpsc::unbounded_channel();
    let peer = telling(sender).await;
    let authority = peer.address.to_string();
    for (url, module, uri, fields) in requests_of_modules(&authority) {
        let (method, body) = (module.method.clone(), module.body.clone());
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(outcome.failure, None, "{url}");
        let request = requests.recv().await.unwrap();
        let mut seen: Vec<(&str, &str)> = request
            .2
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        seen.sort_unstable();
        assert_eq!((request.0.as_str(), request.1), (method.as_str(), uri));
        assert_eq!(seen, fields, "{url}");
        assert!(request.3 == *body.expose(), "{url}");
    }
}

/// No window ends a body, however large it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_is_read_whole() {
    const MEGABYTES: usize = 32;
    let peer = peer::serve(|mut stream| async move {
        stream.write_all(&wide_open()).await.unwrap();
        http2::read_request(&mut stream).await;
        // It may send more than by default once it has said that it knows.
        let start = [control(SETTINGS, ACK, &[]), head("200", &[], 0)];
        stream.write_all(&start.concat()).await.unwrap();
        let frames = on_stream(DATA, 0, &[b'x'; 16_384]).repeat(64);
        for _ in 0..MEGABYTES {
            // Nothing is read of the client meanwhile, so that no update of a window is seen.
            stream.write_all(&frames).await.unwrap();
        }
        let end = [
            control(PING, 0, &[0; 8]),
            on_stream(DATA, END_STREAM, b"end"),
        ];
        stream.write_all(&end.concat()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    })
    .await;
    let url = http2::url(peer.address);
    let outcome = probing::probe(&probing::prober(&url, http2::module(), PATIENCE)).await;
    assert_eq!(outcome.failure, None);
    let body_bytes = outcome.response.unwrap().body_bytes;
    assert_eq!(body_bytes, (MEGABYTES << 20) as u64 + 3);
}

/// Neither a connection nor a task is left of a probe that was cut, nor does it run any beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_is_one_task_and_leaves_nothing() {
    let half = [settings(), head("200", &[], 0), on_stream(DATA, 0, b"half")].concat();
    let n_tasks = || Handle::current().metrics().num_alive_tasks();
    // The runtime lets go of a task a moment after its end is known.
    let until = |n| async move {
        let reached = async {
            while n_tasks() != n {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap();
    };
    let none = n_tasks();
    for answer in [vec![], settings(), half] {
        until(none).await;
        let (sender, mut events) = mpsc::unbounded_channel();
        let peer = peer::serve(move |mut stream| {
            let (sender, answer) = (sender.clone(), answer.clone());
            async move {
                http2::read_request(&mut stream).await;
                stream.write_all(&answer).await.unwrap();
                sender.send("asked").unwrap();
                stream.read_to_end(&mut Vec::new()).await.ok();
                sender.send("ended").unwrap();
                std::future::pending().await
            }
        })
        .await;
        let url = http2::url(peer.address);
        let prober = probing::prober(&url, http2::module(), PATIENCE);
        let before = n_tasks();
        let probing = tokio::spawn(async move { prober.probe().await });
        assert_eq!(events.recv().await, Some("asked"));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(
            n_tasks(),
            before + 2,
            "the probe, and the peer's connection"
        );
        probing.abort();
        let ended = tokio::time::timeout(PATIENCE, events.recv()).await;
        assert_eq!(ended.unwrap(), Some("ended"));
        assert!(probing.await.unwrap_err().is_cancelled());
        until(before + 1).await;
    }
}

/// Preface, settings, head and body; over TLS they are one record or more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_request_goes_out_in_one_piece() {
    let authority = pki::Authority::new();
    let acceptor = authority.server_of("127.0.0.1", &["h2"]);
    let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
    for body_bytes in [0, 100, 10_000] {
        let module = Module {
            method: http::Method::PUT,
            body: Bytes::from(vec![b'x'; body_bytes]).into(),
            tls: authority.trusted(),
            ..Module::http_2xx()
        };
        let url = format!("https://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(outcome.failure, None);
        assert_eq!(outcome.timeline.phase(Phase::Send), Some(Duration::ZERO));
    }
}
