//! What carries the bytes of an exchange or of a handshake: the socket itself, or a TLS session with
//! a proxy on it.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio_rustls::client::TlsStream;

use crate::probe::pace::Pace;
use crate::probe::socket::ProbeSocket;
use crate::probe::tls::flood::WithoutData;

/// A way to the target, or to what speaks for it. All bytes pass a socket that stamps them.
#[derive(Debug)]
pub enum Carrier {
    /// A connection, to the target or through a tunnel to it.
    Socket(ProbeSocket),
    /// TLS with a proxy.
    Tls(Box<Session>),
}

/// A session of TLS with a proxy.
#[derive(Debug)]
pub struct Session {
    stream: TlsStream<ProbeSocket>,
    /// What arrived of a session within this one without any data in it.
    without_data: Option<WithoutData>,
    /// How much of a session within this one is read at once.
    pace: Pace,
}

impl Carrier {
    /// A session that hands are shaken for.
    pub fn of_session(stream: TlsStream<ProbeSocket>) -> Self {
        Self::Tls(Box::new(Session {
            stream,
            without_data: None,
            pace: Pace::new(),
        }))
    }

    /// Has what arrives of TLS without data be bounded from now on, and each read end with a TLS
    /// record where records are seen: those within a session with a proxy are not.
    pub fn read_by_record(self) -> Self {
        match self {
            Self::Socket(socket) => Self::Socket(socket.read_by_record()),
            Self::Tls(mut session) => {
                session.without_data = Some(WithoutData::default());
                session.pace.expect_records();
                Self::Tls(session)
            }
        }
    }

    /// Takes note that hands are shaken over it.
    pub fn end_handshake(&mut self) {
        match self {
            Self::Socket(socket) => socket.end_handshake(),
            Self::Tls(session) => {
                session.note_data();
                session.pace.begin_turn();
            }
        }
    }

    /// Lets reads take what there is.
    pub fn read_freely(&mut self) {
        match self {
            Self::Socket(socket) => socket.read_freely(),
            Self::Tls(session) => {
                session.stream.get_mut().0.read_freely();
                session.note_data();
            }
        }
    }

    /// Whether bytes that were taken have not reached the kernel.
    pub fn holds_back(&self) -> bool {
        match self {
            Self::Socket(_) => false,
            Self::Tls(session) => session.stream.get_ref().1.wants_write(),
        }
    }
}

impl Session {
    fn note_data(&mut self) {
        if let Some(without_data) = &mut self.without_data {
            without_data.forget();
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.pace.poll_turn(cx));
        let room = self.pace.room(buffer.remaining());
        let mut within = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut within))?;
        let arrived = within.filled().len();
        if arrived > 0 {
            self.pace.took(within.filled());
            // It is data of this session, and may be none of the one within it.
            self.stream.get_mut().0.note_data();
            if let Some(without_data) = &mut self.without_data {
                without_data.take(arrived)?;
            }
        }
        buffer.advance(arrived);
        Poll::Ready(Ok(()))
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
            Self::Tls(session) => session.poll_read(cx, buffer),
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
            Self::Tls(session) => Pin::new(&mut session.stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Tls(session) => Pin::new(&mut session.stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Socket(socket) => socket.is_write_vectored(),
            Self::Tls(session) => session.stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(session) => Pin::new(&mut session.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(session) => Pin::new(&mut session.stream).poll_shutdown(cx),
        }
    }
}
