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
use crate::probe::tls::plaintext;

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
    /// What is followed of a session with the target within this one.
    within: Option<Within>,
}

#[derive(Debug)]
struct Within {
    without_data: WithoutData,
    pace: Pace,
}

impl Carrier {
    /// A session that hands are shaken for.
    pub fn of_session(stream: TlsStream<ProbeSocket>) -> Self {
        Self::Tls(Box::new(Session {
            stream,
            within: None,
        }))
    }

    /// Has what arrives of TLS without data be bounded from now on, and each read end with a TLS
    /// record, unless they are within a session with a proxy: what a record of that holds has arrived
    /// at once.
    pub fn read_by_record(self) -> Self {
        match self {
            Self::Socket(socket) => Self::Socket(socket.read_by_record()),
            Self::Tls(mut session) => {
                let mut pace = Pace::new();
                pace.expect_records();
                session.within = Some(Within {
                    without_data: WithoutData::default(),
                    pace,
                });
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
                if let Some(within) = &mut session.within {
                    within.pace.begin_turn();
                }
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
        if let Some(within) = &mut self.within {
            within.without_data.forget();
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut room = buffer.remaining();
        if let Some(within) = &mut self.within {
            ready!(within.pace.poll_turn(cx));
            room = within.pace.room(room);
        }
        // A plain read would go on reading the socket, over the ends of turns. What breaks the session
        // need not be kept behind plaintext: rustls tells it again, and nothing else comes with some.
        let arrived = ready!(plaintext::poll_next(&mut self.stream, &mut None, cx))?;
        let length = arrived.len().min(room);
        let arrived = arrived.get(..length).unwrap_or_default();
        buffer.put_slice(arrived);
        if let Some(within) = self.within.as_mut().filter(|_| length > 0) {
            within.pace.took(arrived);
            within.without_data.take(length)?;
        }
        plaintext::consume(&mut self.stream, length);
        if length > 0 {
            // It is data of this session, and may be none of the one within it.
            self.stream.get_mut().0.note_data();
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::CertifiedKey;
    use rustls::ClientConfig;
    use rustls::RootCertStore;
    use rustls::ServerConfig;
    use rustls_pki_types::PrivateKeyDer;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::net::TcpStream;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::probe::pace::tests::read_turns;
    use crate::probe::tls::crypto_provider;

    /// A session, whose other end is `peer`'s.
    async fn session<P>(
        peer: impl FnOnce(tokio_rustls::server::TlsStream<TcpStream>) -> P,
    ) -> Carrier
    where
        P: Future<Output = ()>,
    {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let server = ServerConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let server = server
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, connected) = tokio::join!(listener.accept(), TcpStream::connect(address));
        let socket = ProbeSocket::new(connected.unwrap(), Arc::default()).bounded();
        let connector = TlsConnector::from(Arc::new(client));
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let (accepted, connected) = tokio::join!(
            acceptor.accept(accepted.unwrap().0),
            connector.connect("localhost".try_into().unwrap(), socket)
        );
        peer(accepted.unwrap()).await;
        let mut connected = connected.unwrap();
        connected.get_mut().0.end_handshake();
        Carrier::of_session(connected)
    }

    #[tokio::test]
    async fn others_run_while_a_proxy_changes_its_keys() {
        const N_BYTES: usize = 60;
        let mut carrier = session(|mut peer| async move {
            for _ in 0..N_BYTES {
                for _ in 0..30 {
                    peer.get_mut().1.refresh_traffic_keys().unwrap();
                }
                peer.write_all(b"x").await.unwrap();
            }
            peer.flush().await.unwrap();
        })
        .await;
        let turns = read_turns(&mut carrier, N_BYTES).await;
        let longest = turns.iter().max().unwrap();
        assert!(*longest <= 4, "31 records are about a turn: {turns:?}");
    }

    #[tokio::test]
    async fn others_run_while_a_target_behind_a_proxy_does() {
        let records = [&[23, 3, 3, 0, 22][..], &[0; 22]].concat().repeat(1_000);
        let length = records.len();
        let carrier = session(|mut peer| async move {
            peer.write_all(&records).await.unwrap();
            peer.flush().await.unwrap();
        })
        .await;
        let turns = read_turns(&mut carrier.read_by_record(), length).await;
        let longest = turns.iter().max().unwrap();
        assert!(*longest <= 1_100, "some 32 records are a turn: {turns:?}");
    }

    #[tokio::test]
    async fn what_a_proxy_sent_before_it_broke_the_session_is_read() {
        let mut carrier = session(|mut peer| async move {
            peer.write_all(b"the last words").await.unwrap();
            peer.flush().await.unwrap();
            let broken = [23, 3, 3, 0, 5, 1, 2, 3, 4, 5];
            peer.get_mut().0.write_all(&broken).await.unwrap();
        })
        .await;
        for part in [&b"the last"[..], b" words"] {
            let mut buffer = [0; 8];
            let length = carrier.read(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..length], part);
        }
        assert!(carrier.read_u8().await.is_err());
    }
}
