//! What carries the bytes of an exchange or of a handshake: the socket itself, or a TLS session with
//! a proxy on it.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio_rustls::client::TlsStream;

use crate::probe::socket::ProbeSocket;

/// A way to the target, or to what speaks for it. All bytes pass a socket that stamps them.
#[derive(Debug)]
pub enum Carrier {
    /// A connection, to the target or through a tunnel to it.
    Socket(ProbeSocket),
    /// TLS with a proxy.
    Tls(Box<TlsStream<ProbeSocket>>),
}

impl Carrier {
    /// Has each read end with a TLS record where records are seen: those within a session with a
    /// proxy are not.
    pub fn read_by_record(self) -> Self {
        match self {
            Self::Socket(socket) => Self::Socket(socket.read_by_record()),
            Self::Tls(stream) => Self::Tls(stream),
        }
    }

    /// Takes note that hands are shaken over it.
    pub fn end_handshake(&mut self) {
        match self {
            Self::Socket(socket) => socket.end_handshake(),
            Self::Tls(_) => {}
        }
    }

    /// Lets reads take what there is.
    pub fn read_freely(&mut self) {
        match self {
            Self::Socket(socket) => socket.read_freely(),
            Self::Tls(stream) => stream.get_mut().0.read_freely(),
        }
    }

    /// Whether bytes that were taken have not reached the kernel.
    pub fn holds_back(&self) -> bool {
        match self {
            Self::Socket(_) => false,
            Self::Tls(stream) => stream.get_ref().1.wants_write(),
        }
    }
}

impl AsyncRead for Carrier {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Socket(socket) => socket.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
