//! The streams of a connection as h3 wants its transport.

use std::fmt;
use std::io;
use std::task::Context;
use std::task::Poll;

use bytes::Buf;
use bytes::Bytes;
use h3::quic;
use h3::quic::ConnectionErrorIncoming;
use h3::quic::StreamErrorIncoming;
use h3::quic::WriteBuf;
use quinn_proto::Dir;
use quinn_proto::ReadError;
use quinn_proto::StreamId;
use quinn_proto::VarInt;
use quinn_proto::WriteError;
use tokio::time::Instant;

use crate::probe::arrival::Arrival;
use crate::probe::quic::connection::Connection;
use crate::probe::quic::connection::State;
use crate::probe::quic::control::ServerStream;
use crate::probe::quic::fault::StreamFault;

/// How many streams a server may open one after the other.
const MAX_SERVER_STREAMS: usize = 100;

/// How much of a request is in flight, in hundredths of what the congestion window holds: what the
/// machine takes is sent at once, so that it is known when all of it is out. The rest is headers.
const SENT_OF_WINDOW: u64 = 90;

/// A connection of QUIC that h3 opens streams on.
#[derive(Clone, Debug)]
pub struct Transport {
    connection: Connection,
    accepted: usize,
}

/// One direction of a stream, or both.
pub struct Stream {
    connection: Connection,
    id: StreamId,
    /// What h3 has sent and the machine has not taken.
    writing: Option<WriteBuf<Bytes>>,
    /// What arrived, if it is a stream of the server.
    own: ServerStream,
    is_request: bool,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id).finish()
    }
}

impl Transport {
    /// Streams over this connection.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            accepted: 0,
        }
    }

    fn open(&self, direction: Dir) -> Poll<Result<Stream, StreamErrorIncoming>> {
        let mut state = self.connection.state();
        if state.loss.is_some() {
            return Poll::Ready(Err(lost()));
        }
        match state.machine.streams().open(direction) {
            Some(id) => Poll::Ready(Ok(self.stream(id))),
            None => Poll::Pending,
        }
    }

    fn stream(&self, id: StreamId) -> Stream {
        Stream {
            connection: self.connection.clone(),
            id,
            writing: None,
            own: ServerStream::default(),
            is_request: id.dir() == Dir::Bi,
        }
    }
}

/// What h3 is told of a connection that is lost; how, is read from the connection.
fn lost() -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming {
        connection_error: ConnectionErrorIncoming::Timeout,
    }
}

impl quic::OpenStreams<Bytes> for Transport {
    type BidiStream = Stream;
    type SendStream = Stream;

    fn poll_open_bidi(
        &mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, StreamErrorIncoming>> {
        self.open(Dir::Bi)
    }

    fn poll_open_send(
        &mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, StreamErrorIncoming>> {
        self.open(Dir::Uni)
    }

    fn close(&mut self, code: h3::error::Code, _reason: &[u8]) {
        let code = VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX);
        self.connection.state().close(code);
    }
}

impl quic::Connection<Bytes> for Transport {
    type RecvStream = Stream;
    type OpenStreams = Self;

    fn poll_accept_recv(
        &mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionErrorIncoming>> {
        let mut state = self.connection.state();
        if let Err(fault) = state.read_about_tables() {
            state.note_fault(fault);
            return Poll::Ready(Err(ConnectionErrorIncoming::Timeout));
        }
        match state.machine.streams().accept(Dir::Uni) {
            Some(_) if self.accepted == MAX_SERVER_STREAMS => {
                state.note_fault(StreamFault::Flood);
                Poll::Ready(Err(ConnectionErrorIncoming::Timeout))
            }
            Some(id) => {
                self.accepted += 1;
                Poll::Ready(Ok(self.stream(id)))
            }
            None if state.loss.is_some() => Poll::Ready(Err(ConnectionErrorIncoming::Timeout)),
            None => Poll::Pending,
        }
    }

    fn poll_accept_bidi(
        &mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionErrorIncoming>> {
        // None is granted.
        Poll::Pending
    }

    fn opener(&self) -> Self {
        self.clone()
    }
}

impl quic::SendStream<Bytes> for Stream {
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let Some(data) = &mut self.writing else {
            return Poll::Ready(Ok(()));
        };
        let mut state = self.connection.state();
        let window = state.machine.stats().path.cwnd;
        state.machine.set_send_window(window / 100 * SENT_OF_WINDOW);
        while data.has_remaining() {
            match state.machine.send_stream(self.id).write(data.chunk()) {
                Ok(written) => data.advance(written),
                Err(WriteError::Blocked) if state.loss.is_some() => {
                    return Poll::Ready(Err(lost()));
                }
                Err(WriteError::Blocked) => return Poll::Pending,
                Err(WriteError::Stopped(code)) => {
                    return Poll::Ready(Err(StreamErrorIncoming::StreamTerminated {
                        error_code: code.into_inner(),
                    }));
                }
                Err(error @ WriteError::ClosedStream) => {
                    return Poll::Ready(Err(StreamErrorIncoming::Unknown(Box::new(error))));
                }
            }
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let mut state = self.connection.state();
        let finished = state.machine.send_stream(self.id).finish();
        state.has_request |= self.is_request && finished.is_ok();
        Poll::Ready(finished.map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, code: u64) {
        let code = VarInt::from_u64(code).unwrap_or(VarInt::MAX);
        let mut state = self.connection.state();
        // One that is closed is as good.
        state.machine.send_stream(self.id).reset(code).ok();
    }

    fn send_id(&self) -> quic::StreamId {
        named(self.id)
    }
}

impl quic::RecvStream for Stream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let mut state = self.connection.state();
        if state.has_fault() {
            return Poll::Ready(Err(lost()));
        }
        let read = {
            let mut stream = state.machine.recv_stream(self.id);
            let Ok(mut chunks) = stream.read(true) else {
                // It was read to its end.
                return Poll::Ready(Ok(None));
            };
            chunks.next(usize::MAX)
        };
        match read {
            Ok(Some(chunk)) if self.is_request => {
                let n_taken = state.note_response(&chunk.bytes);
                match n_taken {
                    0 => Poll::Ready(Err(lost())),
                    taken => Poll::Ready(Ok(Some(chunk.bytes.slice(..taken)))),
                }
            }
            Ok(Some(chunk)) => {
                let mut fed = self.own.feed(&chunk.bytes);
                if self.own.is_about_tables() {
                    let own = std::mem::take(&mut self.own);
                    state.about_tables.push((self.id, own));
                    fed = fed.and_then(|()| state.read_about_tables());
                }
                if let Err(fault) = fed {
                    state.note_fault(fault);
                    return Poll::Ready(Err(lost()));
                }
                Poll::Ready(Ok(Some(chunk.bytes)))
            }
            Ok(None) => {
                if self.is_request {
                    state.note_end();
                }
                Poll::Ready(Ok(None))
            }
            Err(ReadError::Reset(code)) => {
                Poll::Ready(Err(StreamErrorIncoming::StreamTerminated {
                    error_code: code.into_inner(),
                }))
            }
            Err(ReadError::Blocked) if state.loss.is_some() => Poll::Ready(Err(lost())),
            Err(ReadError::Blocked) => Poll::Pending,
        }
    }

    fn stop_sending(&mut self, code: u64) {
        let code = VarInt::from_u64(code).unwrap_or(VarInt::MAX);
        let mut state = self.connection.state();
        // One that is closed is as good.
        state.machine.recv_stream(self.id).stop(code).ok();
    }

    fn recv_id(&self) -> quic::StreamId {
        named(self.id)
    }
}

impl quic::BidiStream<Bytes> for Stream {
    type SendStream = Self;
    type RecvStream = Self;

    fn split(self) -> (Self, Self) {
        let receiving = Self {
            connection: self.connection.clone(),
            writing: None,
            own: ServerStream::default(),
            ..self
        };
        (self, receiving)
    }
}

fn named(id: StreamId) -> quic::StreamId {
    let id = VarInt::from(id).into_inner();
    quic::StreamId::try_from(id).expect("both have 62 bits")
}

impl State {
    /// Notes bytes of the stream of the request, and tells how many are for the client.
    fn note_response(&self, bytes: &[u8]) -> usize {
        let mut marks = self.wire.marks();
        let at = marks
            .last_read
            .unwrap_or_else(|| Arrival::by_user(Instant::now()));
        let (n_taken, noted) = marks.note_response(bytes, at);
        if let Err(fault) = noted {
            marks.broken_by.get_or_insert(fault);
        }
        n_taken
    }

    /// Notes that the server finished the stream of the request.
    fn note_end(&self) {
        let mut marks = self.wire.marks();
        marks.last_byte = marks.last_read.or(marks.last_byte);
        marks.head.end();
    }

    /// Reads what h3 leaves on the streams about tables of fields, which may not end (RFC 9204, 4.2).
    fn read_about_tables(&mut self) -> Result<(), StreamFault> {
        for (id, stream) in &mut self.about_tables {
            let mut receiving = self.machine.recv_stream(*id);
            let Ok(mut chunks) = receiving.read(true) else {
                continue;
            };
            loop {
                match chunks.next(usize::MAX) {
                    Ok(Some(chunk)) => stream.feed(&chunk.bytes)?,
                    Ok(None) | Err(ReadError::Reset(_)) => return Err(StreamFault::Closed),
                    Err(ReadError::Blocked) => break,
                }
            }
        }
        Ok(())
    }

    fn note_fault(&self, fault: StreamFault) {
        let mut marks = self.wire.marks();
        marks
            .broken_by
            .get_or_insert_with(|| io::Error::other(fault));
    }

    fn has_fault(&self) -> bool {
        self.wire.marks().broken_by.is_some()
    }
}
