//! A connection of QUIC, driven by the task of the probe itself: nothing is spawned, so nothing
//! outlives the probe.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use bytes::BytesMut;
use nix::errno::Errno;
use quinn_proto::ConnectionError;
use quinn_proto::ConnectionHandle;
use quinn_proto::DatagramEvent;
use quinn_proto::Endpoint;
use quinn_proto::Event;
use quinn_proto::StreamId;
use quinn_proto::VarInt;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::probe::quic::control::ServerStream;
use crate::probe::quic::socket::DatagramSocket;
use crate::probe::stop::errno;
use crate::probe::turn;
use crate::probe::wire::Wire;

/// The largest datagram that is read: more than any network carries without cutting it, and than is
/// announced.
const MAX_DATAGRAM: usize = 1500;

/// How many datagrams are taken in one turn.
const DATAGRAMS_A_TURN: usize = 64;

/// How the server is told that nothing went wrong (RFC 9114, 8.1).
const H3_NO_ERROR: u32 = 0x100;

/// How a connection was lost.
#[derive(Debug)]
pub enum Loss {
    /// QUIC ended it, on either side.
    Quic(ConnectionError),
    /// The kernel would not go on.
    Io(io::Error),
}

/// One connection. Those that share it share its end: with the last one the server is told.
#[derive(Clone)]
pub struct Connection {
    state: Arc<Mutex<State>>,
    socket: Arc<DatagramSocket>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// What is known of a connection. Only one task ever locks it.
pub struct State {
    endpoint: Endpoint,
    handle: ConnectionHandle,
    /// The state machine.
    pub machine: quinn_proto::Connection,
    socket: Arc<DatagramSocket>,
    remote: SocketAddr,
    /// The marks of the connection.
    pub wire: Arc<Wire>,
    /// Whether hands are shaken.
    pub is_connected: bool,
    /// How it ended, once it has.
    pub loss: Option<Loss>,
    /// Whether all of the request was given to the machine.
    pub has_request: bool,
    /// The streams of the server that h3 does not read beyond their kind.
    pub about_tables: Vec<(StreamId, ServerStream)>,
    /// A datagram that the kernel would not take yet.
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Connection {
    /// A connection that the machine has begun, over a connected socket.
    pub fn new(
        endpoint: Endpoint,
        handle: ConnectionHandle,
        machine: quinn_proto::Connection,
        socket: DatagramSocket,
        wire: Arc<Wire>,
    ) -> Self {
        let socket = Arc::new(socket);
        let state = State {
            endpoint,
            handle,
            remote: machine.remote_address(),
            machine,
            socket: socket.clone(),
            wire,
            is_connected: false,
            loss: None,
            has_request: false,
            about_tables: Vec::new(),
            outgoing: Vec::new(),
            incoming: vec![0; MAX_DATAGRAM],
        };
        let state = Arc::new(Mutex::new(state));
        Self { state, socket }
    }

    /// What is known of it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `poll` for its result whenever something happened, and keeps the connection going
    /// meanwhile. Datagrams are taken one by one, so that what `poll` finds came with the last one.
    pub async fn while_running<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        let mut waiting = pin!(self.waiting());
        std::future::poll_fn(|cx| {
            for _ in 0..DATAGRAMS_A_TURN {
                if let Poll::Ready(output) = poll(cx) {
                    return Poll::Ready(output);
                }
                if self.state().advance() {
                    continue;
                }
                waiting.set(self.waiting());
                if waiting.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
            // There may be no end to what a peer sends.
            turn::give_core_away();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Waits until there is something to do.
    async fn waiting(&self) {
        let (timer, to_send) = {
            let mut state = self.state();
            (state.machine.poll_timeout(), !state.outgoing.is_empty())
        };
        let ready = self.socket.ready(to_send);
        match timer {
            None => ready.await,
            Some(timer) => tokio::select! {
                biased;
                () = ready => {}
                () = sleep_until(Instant::from_std(timer)) => {}
            },
        }
    }
}

impl State {
    /// Sends what is due, and takes a datagram or a timer, if there is one.
    fn advance(&mut self) -> bool {
        if self.loss.is_some() {
            return false;
        }
        if let Err(error) = self.send() {
            return self.broke(error);
        }
        let mut incoming = std::mem::take(&mut self.incoming);
        let received = self.socket.receive(&mut incoming);
        if let Ok(Some(length)) = &received {
            self.take(incoming.get(..*length).unwrap_or_default());
        }
        self.incoming = incoming;
        match received {
            Ok(Some(_)) => true,
            Ok(None) => self.take_timer(),
            Err(error) => self.broke(error),
        }
    }

    /// Notes an error of the kernel. Of a peer that is there a network may say for a while that it is
    /// not; that nobody listens any more is final.
    fn broke(&mut self, error: io::Error) -> bool {
        let is_passing = matches!(
            errno(&error),
            Some(Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::EHOSTDOWN | Errno::ENETDOWN)
        );
        if !(is_passing && self.is_connected) {
            self.loss = Some(Loss::Io(error));
        }
        true
    }

    /// Gives the kernel what the machine has to send, until either will not go on.
    fn send(&mut self) -> io::Result<()> {
        loop {
            if !self.outgoing.is_empty() {
                if !self.socket.send(&self.outgoing)? {
                    return Ok(());
                }
                self.outgoing.clear();
            }
            let now = Instant::now().into_std();
            let datagram = self.machine.poll_transmit(now, 1, &mut self.outgoing);
            let Some(datagram) = datagram else {
                break;
            };
            self.outgoing.truncate(datagram.size);
        }
        if self.has_request {
            let mut marks = self.wire.marks();
            marks.request_out = marks.request_out.or(marks.last_write);
        }
        Ok(())
    }

    fn take(&mut self, datagram: &[u8]) {
        let now = Instant::now().into_std();
        // What the endpoint would answer to what is of no connection is of no use to a client.
        let mut answer = Vec::new();
        let datagram = BytesMut::from(datagram);
        let event = self
            .endpoint
            .handle(now, self.remote, None, None, datagram, &mut answer);
        if let Some(DatagramEvent::ConnectionEvent(_, event)) = event {
            self.machine.handle_event(event);
            self.take_events();
        }
    }

    fn take_timer(&mut self) -> bool {
        let now = Instant::now().into_std();
        let is_over = self.machine.poll_timeout().is_some_and(|at| at <= now);
        if is_over {
            self.machine.handle_timeout(now);
            self.take_events();
        }
        is_over
    }

    fn take_events(&mut self) {
        while let Some(event) = self.machine.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(self.handle, event) {
                self.machine.handle_event(event);
            }
        }
        while let Some(event) = self.machine.poll() {
            match event {
                Event::Connected => self.is_connected = true,
                Event::ConnectionLost { reason } => {
                    self.loss.get_or_insert(Loss::Quic(reason));
                }
                // Who waits for any of these is asked anyway.
                Event::HandshakeDataReady
                | Event::Stream(_)
                | Event::DatagramReceived
                | Event::DatagramsUnblocked => {}
            }
        }
    }

    /// Ends the connection with a code of HTTP/3.
    pub fn close(&mut self, code: VarInt) {
        let now = Instant::now().into_std();
        self.machine.close(now, code, Bytes::new());
        self.loss
            .get_or_insert(Loss::Quic(ConnectionError::LocallyClosed));
    }
}

impl Drop for State {
    /// Tells the server, if the kernel takes it at once.
    fn drop(&mut self) {
        if !matches!(self.loss, Some(Loss::Io(_))) {
            self.close(VarInt::from_u32(H3_NO_ERROR));
            self.send().ok();
        }
    }
}
