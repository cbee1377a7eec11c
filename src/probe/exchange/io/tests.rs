//! What is written behind a backlog.

use std::future::poll_fn;
use std::io::Read as _;
use std::net::TcpListener;
use std::time::Duration;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBuf;
use nix::sys::socket::sockopt::SndBuf;
use tokio::net::TcpStream;

use super::*;
use crate::probe::carrier::Carrier;
use crate::probe::socket::ProbeSocket;

/// The kernel takes part of a backlog that is too long for what is offered behind it: the write waits
/// for the rest, and is woken.
#[tokio::test]
async fn a_write_behind_a_long_backlog_is_woken() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    setsockopt(&listener, RcvBuf, &2048).expect("a small buffer");
    let address = listener.local_addr().expect("an address");
    let stream = TcpStream::connect(address).await.expect("a connection");
    setsockopt(&stream, SndBuf, &2048).expect("a small buffer");
    let (peer, _) = listener.accept().expect("a connection");

    let wire = Arc::new(Wire::default());
    let socket = ProbeSocket::new(stream, wire.clone());
    let stream = Stream::Plain(Carrier::Socket(socket));
    let mut io = ExchangeIo::new(stream, wire, RequestProgress::of_frames());
    let mut sent: Vec<u8> = Vec::new();
    let mut readers = Vec::new();
    // As much as fits, and a last piece that does not until much of it is gone.
    loop {
        let is_last = io.backlog.len() + 10_000 > BACKLOG_BYTES;
        let length = if is_last { BACKLOG_BYTES } else { 10_000 };
        let piece: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
        sent.extend_from_slice(&piece);
        let mut peer = is_last.then(|| peer.try_clone().expect("a connection"));
        let mut rest = &*piece;
        let write = poll_fn(|cx| {
            let slices = [IoSlice::new(rest)];
            let written = AsyncWrite::poll_write_vectored(Pin::new(&mut io), cx, &slices);
            if let Some(mut peer) = peer.take() {
                assert!(written.is_pending(), "nobody reads yet");
                readers.push(std::thread::spawn(move || {
                    let mut got = Vec::new();
                    peer.read_to_end(&mut got).map(|_| got)
                }));
            }
            let written = ready!(written)?;
            rest = &rest[written..];
            match rest {
                [] => Poll::Ready(io::Result::Ok(())),
                _ => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        });
        let written = tokio::time::timeout(Duration::from_secs(20), write).await;
        written.expect("woken").expect("written");
        if is_last {
            break;
        }
    }
    let flush = poll_fn(|cx| AsyncWrite::poll_flush(Pin::new(&mut io), cx));
    let flushed = tokio::time::timeout(Duration::from_secs(20), flush).await;
    flushed.expect("woken").expect("flushed");
    drop(io);
    let got = readers.remove(0).join().expect("read").expect("read");
    assert!(got == sent, "{} bytes of {}", got.len(), sent.len());
}
