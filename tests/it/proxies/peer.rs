//! A proxy on loopback that speaks HTTP, with TLS or without, and SOCKS 5, and tells what it was
//! asked. It goes nowhere but to loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::support::peer::{self, Peer};

const OPENING: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Tunnel\r\nX: y\r\n\r\n";

/// How the proxy answers.
#[derive(Clone, Default)]
pub struct Manner {
    /// What it shows if it wants TLS.
    pub tls: Option<TlsAcceptor>,
    /// What it says when a tunnel is open, if not something ordinary.
    pub opening: Option<&'static [u8]>,
    /// What it says instead of opening a tunnel.
    pub refusal: Option<&'static [u8]>,
    /// How long it stays silent behind the refusal before it closes.
    pub silence: Duration,
    /// How long it takes to answer.
    pub delay: Duration,
    /// User name and password that SOCKS wants.
    pub socks_login: Option<(&'static str, &'static str)>,
}

/// A running proxy and what it was asked: heads of HTTP, destinations of SOCKS.
pub struct Proxy {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<String>>>,
    _peer: Peer,
}

pub async fn start(manner: Manner) -> Proxy {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = asked.clone();
    let peer = peer::serve(move |stream| {
        let (manner, asked) = (manner.clone(), asked.clone());
        async move {
            let Some(acceptor) = manner.tls.clone() else {
                return serve(stream, manner, asked).await;
            };
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, manner, asked).await;
            }
        }
    })
    .await;
    Proxy {
        address: peer.address,
        asked: told,
        _peer: peer,
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    manner: Manner,
    asked: Arc<Mutex<Vec<String>>>,
) {
    let first = stream.read_u8().await;
    let destination = match first {
        Ok(5) => socks(&mut stream, &manner).await,
        Ok(byte) => {
            let first = [byte];
            let mut behind = AsyncReadExt::chain(&first[..], &mut stream);
            let head = peer::read_request(&mut behind).await;
            asked.lock().unwrap().push(head.clone());
            sleep(manner.delay).await;
            if let Some(refusal) = manner.refusal {
                stream.write_all(refusal).await.ok();
                sleep(manner.silence).await;
                stream.shutdown().await.ok();
                return;
            }
            let answer = match head.strip_prefix("CONNECT ") {
                Some(_) => manner.opening.unwrap_or(OPENING),
                None => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            };
            stream.write_all(answer).await.ok();
            stream.flush().await.ok();
            let destination = head.strip_prefix("CONNECT ");
            destination.map(|rest| rest.split(' ').next().unwrap().to_owned())
        }
        Err(_) => None,
    };
    let Some(destination) = destination else {
        stream.shutdown().await.ok();
        return;
    };
    if first.is_ok_and(|byte| byte == 5) {
        asked.lock().unwrap().push(destination.clone());
    }
    let port = destination.rsplit_once(':').unwrap().1.parse().unwrap();
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Ok(mut target) = TcpStream::connect(to).await {
        copy_bidirectional(&mut stream, &mut target).await.ok();
    }
}

/// The dialogue of RFC 1928 and 1929 behind its first byte; returns the destination.
async fn socks(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    manner: &Manner,
) -> Option<String> {
    let mut methods = vec![0; stream.read_u8().await.ok()?.into()];
    stream.read_exact(&mut methods).await.ok()?;
    let method = if manner.socks_login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        stream.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    stream.write_all(&[5, method]).await.ok()?;
    if let Some((user, password)) = manner.socks_login {
        stream.read_u8().await.ok()?;
        let mut login = Vec::new();
        for _ in 0..2 {
            let mut text = vec![0; stream.read_u8().await.ok()?.into()];
            stream.read_exact(&mut text).await.ok()?;
            login.push(String::from_utf8(text).unwrap());
        }
        let fits = login == [user, password];
        stream.write_all(&[1, u8::from(!fits)]).await.ok()?;
        if !fits {
            return None;
        }
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.ok()?;
    let host = match request[3] {
        1 => Ipv4Addr::from_bits(stream.read_u32().await.ok()?).to_string(),
        3 => {
            let mut name = vec![0; stream.read_u8().await.ok()?.into()];
            stream.read_exact(&mut name).await.ok()?;
            String::from_utf8(name).unwrap()
        }
        kind => panic!("address of kind {kind}"),
    };
    let port = stream.read_u16().await.ok()?;
    sleep(manner.delay).await;
    let reply = u8::from(manner.refusal.is_some()) * 5;
    stream
        .write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
        .ok()?;
    (reply == 0).then(|| format!("{host}:{port}"))
}
