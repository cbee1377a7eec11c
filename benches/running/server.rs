//! The server that is probed. It counts the requests, in the same way for all who send them.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::runtime;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: application/json\r\n\
    content-length: 46\r\n\r\n\
    {\"id\": 42, \"version\": 7, \"state\": \"confirmed\"}";

/// A server that answers every request alike and keeps connections open until the client closes.
pub struct Server {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    requests: Arc<AtomicU64>,
    _runtime: Runtime,
}

impl Server {
    /// Listens on so many addresses of loopback.
    pub fn start(n_addresses: u8, tls: Option<TlsAcceptor>) -> Self {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let requests = Arc::<AtomicU64>::default();
        let entered = runtime.enter();
        let mut addresses = Vec::new();
        for last in 1..=n_addresses {
            let socket = TcpSocket::new_v4().unwrap();
            let address = Ipv4Addr::new(127, 0, 0, last);
            socket.bind((address, 0).into()).unwrap();
            let listener = socket.listen(4096).unwrap();
            addresses.push(listener.local_addr().unwrap());
            runtime.spawn(accept(listener, tls.clone(), requests.clone()));
        }
        drop(entered);
        Self {
            addresses,
            requests,
            _runtime: runtime,
        }
    }

    /// How many requests it has answered.
    pub fn n_requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, requests: Arc<AtomicU64>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, requests) = (tls.clone(), requests.clone());
        tokio::spawn(async move {
            match tls {
                None => answer(stream, &requests).await,
                Some(tls) => {
                    stream.set_nodelay(true).unwrap();
                    if let Ok(stream) = tls.accept(stream).await {
                        answer(stream, &requests).await;
                    }
                }
            }
        });
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, requests: &AtomicU64) {
    let mut buffer = [0; 2048];
    let mut filled = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await {
        filled += read;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            requests.fetch_add(1, Ordering::Relaxed);
            filled = 0;
            if stream.write_all(RESPONSE).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }
}
