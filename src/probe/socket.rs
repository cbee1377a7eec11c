//! The TCP socket of a probe, which notes when bytes were written and when they arrived.

use std::io;
use std::io::IoSlice;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::Interest;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::probe::kernel;
use crate::probe::kernel::Received;
use crate::probe::tls::flood::WithoutData;
use crate::probe::tls::record::RecordSizes;
use crate::probe::turn;
use crate::probe::turn::Turn;
use crate::probe::wire::Wire;

/// A connected socket below TLS. Whatever is stamped is stamped here.
#[derive(Debug)]
pub struct ProbeSocket {
    stream: TcpStream,
    wire: Arc<Wire>,
    /// The sizes of the TLS records that arrive, as long as no read may reach into the next one.
    records: Option<RecordSizes>,
    /// What arrived of TLS without any data in it.
    without_data: Option<WithoutData>,
    /// What is left of this probe's turn, whatever it is that it reads.
    turn: Turn,
    /// Whether that is over.
    has_had_its_turn: bool,
}

impl ProbeSocket {
    /// Wraps a connection whose marks go to `wire`.
    pub fn new(stream: TcpStream, wire: Arc<Wire>) -> Self {
        Self {
            stream,
            wire,
            records: None,
            without_data: None,
            turn: Turn::new(),
            has_had_its_turn: false,
        }
    }

    /// Has each read end with a TLS record: a read that reaches further has the stamp of what came
    /// last, such as a session ticket behind the handshake.
    pub fn read_by_record(mut self) -> Self {
        self.records = Some(RecordSizes::default());
        self.bounded()
    }

    /// Has what arrives of TLS without any data be bounded, from before the handshake on.
    pub fn bounded(mut self) -> Self {
        self.without_data = Some(WithoutData::default());
        self
    }

    /// Takes note that hands are shaken, or that there was data.
    pub fn end_handshake(&mut self) {
        if let Some(without_data) = &mut self.without_data {
            without_data.forget();
        }
    }

    /// Lets reads take what there is, now that there is data in the records.
    pub fn read_freely(&mut self) {
        self.records = None;
        self.end_handshake();
    }

    fn write_with(
        &mut self,
        write: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let before = Instant::now();
        self.wire.marks().note_attempt_to_write(before);
        let written = ready!(write(Pin::new(&mut self.stream)))?;
        if written > 0 {
            self.wire.marks().last_write = Some(before);
        }
        Poll::Ready(Ok(written))
    }

    /// Reads with a stamp. The result is carried out of the closure, so that a read that did not
    /// fill the buffer can clear the readiness in the same step, as tokio's own reads do: asking
    /// again would cost a system call, and clearing it later would lose a wake-up.
    fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Received>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let mut received = None;
            let tried = self.stream.try_io(Interest::READABLE, || {
                let result = kernel::receive(&self.stream, buffer)?;
                received = Some(result);
                if (1..buffer.len()).contains(&result.length) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match (received, tried) {
                (Some(received), _) => return Poll::Ready(Ok(received)),
                (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                (None, _) => {}
            }
        }
    }
}

impl AsyncRead for ProbeSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if mem::take(&mut self.has_had_its_turn) {
            turn::give_core_away();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = match &self.records {
            Some(records) => buffer.remaining().min(records.left()),
            None => buffer.remaining(),
        };
        let target = buffer.initialize_unfilled_to(room);
        let received = ready!(self.poll_receive(cx, target))?;
        if received.length > 0 {
            self.wire.marks().note_arrival(received.stamp);
            self.has_had_its_turn = self.turn.ends_with(received.length);
            if let Some(without_data) = &mut self.without_data {
                without_data.take(received.length)?;
            }
            if let Some(records) = &mut self.records {
                records.passed(target.get(..received.length).unwrap_or_default());
            }
        }
        buffer.advance(received.length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ProbeSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_with(|stream| stream.poll_write(cx, bytes))
    }

    // Without the vectored form rustls sends the last pieces of a handshake as two segments.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
