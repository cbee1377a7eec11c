//! The stream below the clients of HTTP and above TLS: what of it is the request, what the response, and when.

mod for_hyper;

use std::cell::RefCell;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use hyper::rt::Write;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::time::Instant;

use crate::probe::arrival::Arrival;
use crate::probe::exchange::Stream;
use crate::probe::exchange::sent::RequestProgress;
use crate::probe::frames::PREFACE;
use crate::probe::tls::plaintext;
use crate::probe::wire::Wire;

/// How much is read at once without TLS.
const READ_BYTES: usize = 16 * 1024;

/// How much h2 may read before it is asked what it made of it: it would else go on as long as there
/// is something, and keep all of a body.
const UNDIGESTED_BYTES: usize = 64 * 1024;

/// How much of a request h2 may be ahead of the kernel: a frame of a body, and what h2 answers to
/// frames that carry nothing, of which there is a bound.
const BACKLOG_BYTES: usize = 64 * 1024;

thread_local! {
    /// What was just read without TLS. It is used within one poll, so the probes of a thread share
    /// it instead of allocating and clearing one each.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// The stream as hyper and h2 want it, noting in the marks of the wire how far the request and the
/// response got.
#[derive(Debug)]
pub struct ExchangeIo {
    stream: Stream,
    wire: Arc<Wire>,
    request: RequestProgress,
    /// What h2 has written and the socket has not. At first it is the preface, which h2 writes by
    /// itself and which goes out with what follows, so that a request can go out in one piece.
    /// Later it is what the kernel would not take: h2 reads on only once it has written what it
    /// owes, and the response may be there.
    backlog: Vec<u8>,
    /// Set once the peer takes no more of the request. It may have answered before that, so what
    /// is still written is dropped, and reading goes on to the answer or to the end.
    broken: bool,
    /// Whether a write was told of a reset, which the kernel says only once.
    is_reset: bool,
    /// What ended the session of TLS behind plaintext that is still to be taken.
    ended_by: Option<io::Error>,
    /// What hyper is to have of a head once that is complete, and what came behind it.
    held: Vec<u8>,
    /// What is wrong behind all that hyper has or is to have.
    fault: Option<io::Error>,
}

impl ExchangeIo {
    /// Wraps `stream` for one request.
    pub fn new(stream: Stream, wire: Arc<Wire>, request: RequestProgress) -> Self {
        Self {
            stream,
            wire,
            request,
            backlog: Vec::new(),
            broken: false,
            is_reset: false,
            ended_by: None,
            held: Vec::new(),
            fault: None,
        }
    }

    fn write_with<'a>(
        &mut self,
        slices: impl Iterator<Item = &'a [u8]> + Clone,
        write: impl FnOnce(&mut Stream) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let all = || slices.clone().map(<[u8]>::len).sum();
        if self.broken {
            return Poll::Ready(Ok(all()));
        }
        let written = match write(&mut self.stream) {
            Poll::Ready(Ok(written)) => written,
            Poll::Ready(Err(error)) if takes_no_more(&error) => {
                self.broken = true;
                self.is_reset |= error.kind() == io::ErrorKind::ConnectionReset;
                return Poll::Ready(Ok(all()));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                self.wire.marks().is_write_blocked = true;
                return Poll::Pending;
            }
        };
        self.request.wrote(slices, written);
        self.note_progress();
        Poll::Ready(Ok(written))
    }

    /// Notes whether the kernel has the request, after a write or a flush.
    fn note_progress(&self) {
        let all_handed_over = match &self.stream {
            Stream::Plain(carrier) => !carrier.holds_back(),
            Stream::Tls(stream) => {
                let (carrier, session) = stream.get_ref();
                !session.wants_write() && !carrier.holds_back()
            }
        };
        let mut marks = self.wire.marks();
        marks.is_write_blocked = !all_handed_over || !self.backlog.is_empty();
        if self.request.is_whole() && all_handed_over && marks.request_out.is_none() {
            marks.request_out = marks.last_write;
        }
    }
}

/// Whether a write failed because the peer has closed or reset the connection.
fn takes_no_more(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// Notes a piece of the response, and tells how much of it is for the client. Nothing arrived if the
/// connection was closed.
fn note_arrival(wire: &Wire, bytes: &[u8]) -> (usize, io::Result<()>) {
    let all = bytes.len();
    if bytes.is_empty() {
        return (all, Ok(()));
    }
    let mut marks = wire.marks();
    let at = marks
        .last_read
        .unwrap_or_else(|| Arrival::by_user(Instant::now()));
    marks.note_response(bytes, at)
}

impl ExchangeIo {
    /// Reads at most `room` bytes and hands them to `take` as they are noted.
    fn read_with(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        mut take: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(socket) => BUFFER.with_borrow_mut(|buffer| {
                let room = buffer.len().min(room);
                let mut buffer = ReadBuf::new(buffer.get_mut(..room).unwrap_or_default());
                ready!(Pin::new(socket).poll_read(cx, &mut buffer))?;
                if buffer.filled().is_empty() && self.is_reset {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                let (n_taken, noted) = note_arrival(&self.wire, buffer.filled());
                take(buffer.filled().get(..n_taken).unwrap_or_default());
                Poll::Ready(noted)
            }),
            Stream::Tls(stream) => {
                // One buffer at a time: a plain read would go on reading the socket, and its stamp
                // would be that of bytes that came later.
                let is_reset = self.is_reset;
                let arrived = ready!(plaintext::poll_next(stream, &mut self.ended_by, cx));
                let arrived = arrived.map_err(|error| match error.kind() {
                    // Without a word of TLS: what is left of a reset that a write was told of.
                    io::ErrorKind::UnexpectedEof if is_reset => {
                        io::ErrorKind::ConnectionReset.into()
                    }
                    _ => error,
                })?;
                let length = arrived.len().min(room);
                let arrived = arrived.get(..length).unwrap_or_default();
                let (n_taken, noted) = note_arrival(&self.wire, arrived);
                take(arrived.get(..n_taken).unwrap_or_default());
                plaintext::consume(stream, length);
                // The first plaintext is here: what comes now is stamped as it comes.
                stream.get_mut().0.read_freely();
                Poll::Ready(noted)
            }
        }
    }

    fn write_one(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write_with([bytes].into_iter(), |stream| match stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        })
    }

    fn write_many(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| &**slice);
        self.write_with(bytes, |stream| match stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        })
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken {
            return Poll::Ready(Ok(()));
        }
        let flushed = match &mut self.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        match flushed {
            Poll::Ready(Err(error)) if takes_no_more(&error) => {
                self.broken = true;
                self.is_reset |= error.kind() == io::ErrorKind::ConnectionReset;
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                self.wire.marks().is_write_blocked = true;
                Poll::Pending
            }
            flushed => {
                self.note_progress();
                flushed
            }
        }
    }

    fn shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Writes `slices` behind the backlog, and what the kernel does not take is the backlog then, as
    /// long as it is little. There is a backlog after it only if the kernel will wake for it.
    fn write_behind(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        loop {
            let backlog = std::mem::take(&mut self.backlog);
            let written = if backlog.is_empty() {
                self.write_many(cx, slices)
            } else {
                let mut all = vec![IoSlice::new(&backlog)];
                all.extend(slices.iter().map(|slice| IoSlice::new(slice)));
                self.write_many(cx, &all)
            };
            let n_owed = backlog.len();
            self.backlog = backlog;
            match written {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) if n_owed + offered > 0 => {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(written) => {
                    let written = written?;
                    self.backlog.drain(..written.min(n_owed));
                    if written > n_owed || written == n_owed + offered {
                        return Poll::Ready(Ok(written - n_owed));
                    }
                }
            }
        }
        self.wire.marks().is_write_blocked = true;
        if offered == 0 || self.backlog.len() + offered > BACKLOG_BYTES {
            return Poll::Pending;
        }
        for slice in slices {
            self.backlog.extend_from_slice(slice);
        }
        Poll::Ready(Ok(offered))
    }

    /// Keeps an error for who asks why h2 failed, and gives h2 what it makes of it anyway.
    fn keep<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.wire.marks().broken_by.get_or_insert(error);
            kind.into()
        })
    }
}

/// For h2.
impl AsyncRead for ExchangeIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.wire.marks().undigested > UNDIGESTED_BYTES {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(fault) = &self.wire.marks().broken_by {
            return Poll::Ready(Err(fault.kind().into()));
        }
        let before = target.filled().len();
        let read = self.read_with(cx, target.remaining(), |bytes| target.put_slice(bytes));
        let is_any = target.filled().len() > before;
        // Nothing is the end. h2 calls it a broken pipe.
        let closed = || io::ErrorKind::UnexpectedEof.into();
        let read = ready!(read).and_then(|()| is_any.then_some(()).ok_or_else(closed));
        let kept = self.keep(read);
        // A response that came ahead of a fault counts, and the fault is told behind it.
        let has_head = is_any && self.wire.marks().head.is_complete();
        Poll::Ready(if has_head { Ok(()) } else { kept })
    }
}

/// For h2.
impl AsyncWrite for ExchangeIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes == PREFACE {
            self.backlog.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        AsyncWrite::poll_write_vectored(self, cx, &[IoSlice::new(bytes)])
    }

    fn is_write_vectored(&self) -> bool {
        Write::is_write_vectored(self)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.write_behind(cx, slices));
        Poll::Ready(self.keep(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.backlog.is_empty() {
            let written = ready!(self.write_behind(cx, &[]));
            self.keep(written)?;
        }
        let flushed = ready!(self.flush(cx));
        Poll::Ready(self.keep(flushed))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = ready!(self.shutdown(cx));
        Poll::Ready(self.keep(shut))
    }
}

#[cfg(test)]
mod tests;
