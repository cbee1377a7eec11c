//! Scripted TCP peers on loopback, each on a port of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::support::http2;

/// A peer that stops listening and drops its connections when it is dropped.
pub struct Peer {
    pub address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// How often each path was asked for.
pub type Counts = Arc<Mutex<HashMap<String, u64>>>;

/// Starts a peer that answers with a status, like `409 Conflict`, and counts requests by path.
pub async fn counting(status: &str) -> (Peer, Counts) {
    let counts = Counts::default();
    let seen = counts.clone();
    let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    let peer = serve(move |mut stream| {
        let (seen, response) = (seen.clone(), response.clone());
        async move {
            let head = read_request(&mut stream).await;
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            *seen.lock().unwrap().entry(path).or_default() += 1;
            stream.write_all(response.as_bytes()).await.ok();
        }
    })
    .await;
    (peer, counts)
}

/// Starts a peer that handles each connection with `handle`.
pub async fn serve<F, Fut>(handle: F) -> Peer
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    serve_on(
        TcpListener::bind(("127.0.0.1", 0)).await.unwrap(),
        Duration::ZERO,
        handle,
    )
}

/// Like [`serve`] on a given listener, from which connections are taken only after `delay`.
pub fn serve_on<F, Fut>(listener: TcpListener, delay: Duration, handle: F) -> Peer
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        sleep(delay).await;
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(handle(stream));
            // A set holds what has ended until somebody asks.
            while connections.try_join_next().is_some() {}
        }
    });
    Peer {
        address,
        _tasks: tasks,
    }
}

/// A listener whose accept queue is full, so that the kernel drops every SYN until somebody
/// accepts. The streams that fill it come with it.
pub async fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        filling.push(stream);
    }
    (listener, filling)
}

/// What a peer does after it has read the request and sent its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    Close,
    Reset,
    Hold,
}

/// A peer that reads a request, sends `bytes` and does `then`.
pub async fn answering(bytes: Vec<u8>, then: Then) -> Peer {
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            read_request(&mut stream).await;
            if stream.write_all(&bytes).await.is_ok() {
                finish(stream, then).await;
            }
        }
    })
    .await
}

/// Ends a connection.
pub async fn finish(stream: TcpStream, then: Then) {
    match then {
        Then::Close => {
            let mut stream = stream;
            stream.shutdown().await.ok();
            // What is unread would turn the close into a reset.
            tokio::io::copy(&mut stream, &mut tokio::io::sink())
                .await
                .ok();
        }
        Then::Reset => {
            // The bytes before it must arrive before the reset throws them away.
            sleep(Duration::from_millis(50)).await;
            #[allow(deprecated, reason = "a linger of zero never blocks: it resets")]
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
        Then::Hold => hold(stream).await,
    }
}

/// Holds a connection without reading it for as long as the other side does.
async fn hold(stream: TcpStream) {
    while let Ok(ready) = stream.ready(Interest::READABLE).await {
        if ready.is_read_closed() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Reads one request with its body and returns its head; what comes later stays unread.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    read_request_and_body(stream).await.0
}

/// Reads one request and returns its head and its body; what comes later stays unread.
pub async fn read_request_and_body(stream: &mut (impl AsyncRead + Unpin)) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return (String::new(), Vec::new()),
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<u64>().unwrap())
    });
    let mut body = Vec::new();
    stream
        .take(length.unwrap_or(0))
        .read_to_end(&mut body)
        .await
        .ok();
    (head, body)
}

/// A TLS server that answers 200, slow in one phase, in the version of HTTP that was agreed on.
pub async fn slow_in(phase: Option<Phase>, delay: Duration, acceptor: TlsAcceptor) -> Peer {
    let (listener, filling) = match phase {
        Some(Phase::Connect) => full_listener().await,
        _ => {
            let socket = TcpSocket::new_v4().unwrap();
            // A small window, so that a large request fills it.
            socket.set_recv_buffer_size(4096).unwrap();
            socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
            (socket.listen(16).unwrap(), Vec::new())
        }
    };
    let filling = Arc::new(filling);
    let pause = move |here: Phase| {
        let length = if phase == Some(here) {
            delay
        } else {
            Duration::ZERO
        };
        sleep(length)
    };
    // Well before the kernel repeats the SYN, a second after the first.
    let before_accept = if phase == Some(Phase::Connect) {
        delay / 2
    } else {
        Duration::ZERO
    };
    serve_on(listener, before_accept, move |stream| {
        let acceptor = acceptor.clone();
        let filling = filling.clone();
        async move {
            stream.set_nodelay(true).unwrap();
            pause(Phase::Tls).await;
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                http2::slowly(&mut stream, pause).await;
                drop(filling);
                return;
            }
            pause(Phase::Send).await;
            read_request(&mut stream).await;
            pause(Phase::FirstByte).await;
            let half = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf";
            write(&mut stream, half).await;
            pause(Phase::Transfer).await;
            write(&mut stream, b"half").await;
            stream.read_u8().await.ok();
            drop(filling);
        }
    })
}

/// Writes unless the other side is gone.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    if stream.write_all(bytes).await.is_ok() {
        stream.flush().await.ok();
    }
}
