//! The TCP socket of a probe, which notes when bytes were written and when they arrived.

use std::io;
use std::io::IoSlice;
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
use crate::probe::pace::Pace;
use crate::probe::tls::flood::WithoutData;
use crate::probe::wire::Wire;

/// A connected socket below TLS. Whatever is stamped is stamped here.
#[derive(Debug)]
pub struct ProbeSocket {
    stream: TcpStream,
    wire: Arc<Wire>,
    /// What arrived of TLS without any data in it.
    without_data: Option<WithoutData>,
    /// How much it reads at once.
    pace: Pace,
    /// Whether hands are still to be shaken.
    shakes_hands: bool,
    /// What a read failed with meanwhile.
    broken_by: Option<io::Error>,
}

impl ProbeSocket {
    /// Wraps a connection whose marks go to `wire`.
    pub fn new(stream: TcpStream, wire: Arc<Wire>) -> Self {
        Self {
            stream,
            wire,
            without_data: None,
            pace: Pace::new(),
            shakes_hands: false,
            broken_by: None,
        }
    }

    /// Has each read end with a TLS record: a read that reaches further has the stamp of what came
    /// last, such as a session ticket behind the handshake.
    pub fn read_by_record(self) -> Self {
        let mut socket = self.bounded();
        socket.pace.read_one_by_one();
        socket
    }

    /// Has what arrives of TLS without any data be bounded, from before the handshake on.
    pub fn bounded(mut self) -> Self {
        self.without_data = Some(WithoutData::default());
        self.pace.expect_records();
        self.shakes_hands = true;
        self
    }

    /// Takes note that hands are shaken.
    pub fn end_handshake(&mut self) {
        self.note_data();
        self.pace.begin_turn();
        self.shakes_hands = false;
    }

    /// Takes note that there was data in what arrived.
    pub fn note_data(&mut self) {
        if let Some(without_data) = &mut self.without_data {
            without_data.forget();
        }
    }

    /// Lets reads take what there is, now that there is data in the records.
    pub fn read_freely(&mut self) {
        self.pace.read_on();
        self.note_data();
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
        ready!(self.pace.poll_turn(cx));
        if let Some(error) = self.broken_by.take() {
            return Poll::Ready(Err(error));
        }
        let room = self.pace.room(buffer.remaining());
        let target = buffer.initialize_unfilled_to(room);
        let received = match ready!(self.poll_receive(cx, target)) {
            Ok(received) => received,
            // tokio-rustls reads on behind the last bytes of a handshake, whose end this is not: the
            // next read is told of it.
            Err(error) if self.shakes_hands => {
                self.broken_by = Some(error);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Err(error) => return Poll::Ready(Err(error)),
        };
        if received.length > 0 {
            self.wire.marks().note_arrival(received.stamp);
            self.pace
                .took(target.get(..received.length).unwrap_or_default());
            if let Some(without_data) = &mut self.without_data {
                without_data.take(received.length)?;
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::probe::pace::tests::read_turns;

    #[tokio::test]
    async fn others_run_while_a_peer_sends_without_a_pause() {
        let key_update = [&[23, 3, 3, 0, 22][..], &[0; 22]].concat();
        let body = vec![b'x'; 100 * 1024];
        for (name, over_tls, bytes, most) in [
            ("a body", false, &body, 80 * 1024),
            ("key updates", true, &key_update.repeat(1_000), 1_100),
        ] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
            let (mut peer, _) = listener.accept().await.unwrap();
            peer.write_all(bytes).await.unwrap();
            let mut socket = ProbeSocket::new(stream.unwrap(), Arc::default());
            if over_tls {
                socket = socket.bounded();
            }
            let turns = read_turns(&mut socket, bytes.len()).await;
            assert_eq!(turns.iter().sum::<usize>(), bytes.len(), "{name}");
            let longest = turns.iter().max().unwrap();
            assert!(*longest <= most, "{name}: {turns:?}");
        }
    }
}
