//! The stream below hyper and above TLS: what of it is the request, what the response, and when.

use std::cell::RefCell;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use hyper::rt::Read;
use hyper::rt::ReadBufCursor;
use hyper::rt::Write;
use tokio::io::AsyncBufRead;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use crate::probe::arrival::Arrival;
use crate::probe::carrier::Carrier;
use crate::probe::wire::Wire;

/// How much is read at once without TLS.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// What was just read without TLS. It is used within one poll, so the probes of a thread share
    /// it instead of allocating and clearing one each.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A connection ready for a request.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS.
    Plain(Carrier),
    /// Through TLS.
    Tls(Box<TlsStream<Carrier>>),
}

/// The stream as hyper wants it, noting in the marks of the wire how far the request and the
/// response got.
#[derive(Debug)]
pub struct ExchangeIo {
    stream: Stream,
    wire: Arc<Wire>,
    request: RequestProgress,
    /// Set once the peer takes no more of the request. It may have answered before that, so what
    /// hyper still writes is dropped, and reading goes on to the answer or to the end.
    broken: bool,
}

impl ExchangeIo {
    /// Wraps `stream` for one request with a body of `body_bytes`.
    pub fn new(stream: Stream, wire: Arc<Wire>, body_bytes: usize) -> Self {
        Self {
            stream,
            wire,
            request: RequestProgress::new(body_bytes),
            broken: false,
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
        let written = match ready!(write(&mut self.stream)) {
            Ok(written) => written,
            Err(error) if takes_no_more(&error) => {
                self.broken = true;
                return Poll::Ready(Ok(all()));
            }
            Err(error) => return Poll::Ready(Err(error)),
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

/// Notes a piece of the response. Nothing arrived if the connection was closed.
fn note_arrival(wire: &Wire, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut marks = wire.marks();
    let at = marks
        .last_read
        .unwrap_or_else(|| Arrival::by_user(Instant::now()));
    marks.last_byte = Some(at);
    marks.head.feed(bytes, at).map_err(io::Error::other)
}

impl Read for ExchangeIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut target: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match &mut this.stream {
            Stream::Plain(socket) => BUFFER.with_borrow_mut(|buffer| {
                let room = buffer.len().min(target.remaining());
                let mut buffer = ReadBuf::new(buffer.get_mut(..room).unwrap_or_default());
                ready!(Pin::new(socket).poll_read(cx, &mut buffer))?;
                target.put_slice(buffer.filled());
                Poll::Ready(note_arrival(&this.wire, buffer.filled()))
            }),
            Stream::Tls(stream) => {
                // One buffer at a time: a plain read would go on reading the socket, and its stamp
                // would be that of bytes that came later.
                let arrived = ready!(Pin::new(&mut *stream).poll_fill_buf(cx))?;
                let length = arrived.len().min(target.remaining());
                let arrived = arrived.get(..length).unwrap_or_default();
                target.put_slice(arrived);
                let noted = note_arrival(&this.wire, arrived);
                Pin::new(&mut *stream).consume(length);
                // The first plaintext is here: what comes now is stamped as it comes.
                stream.get_mut().0.read_freely();
                Poll::Ready(noted)
            }
        }
    }
}

impl Write for ExchangeIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_with([bytes].into_iter(), |stream| match stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        })
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(socket) => socket.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| &**slice);
        self.write_with(bytes, |stream| match stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
                Poll::Ready(Ok(()))
            }
            flushed => {
                self.note_progress();
                flushed
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Counts the request as it is written: a head up to the empty line, then a body of known length.
#[derive(Debug)]
struct RequestProgress {
    /// How many bytes of `\r\n\r\n` the head so far ends with.
    matched: usize,
    body_left: usize,
}

impl RequestProgress {
    const END: [u8; 4] = *b"\r\n\r\n";

    fn new(body_bytes: usize) -> Self {
        Self {
            matched: 0,
            body_left: body_bytes,
        }
    }

    fn wrote<'a>(&mut self, slices: impl Iterator<Item = &'a [u8]>, mut written: usize) {
        for slice in slices {
            let mut rest = slice.get(..written.min(slice.len())).unwrap_or_default();
            written -= rest.len();
            while let [byte, behind @ ..] = rest
                && self.matched < Self::END.len()
            {
                self.matched = match byte {
                    byte if Self::END.get(self.matched) == Some(byte) => self.matched + 1,
                    b'\r' => 1,
                    _ => 0,
                };
                rest = behind;
            }
            self.body_left = self.body_left.saturating_sub(rest.len());
        }
    }

    fn is_whole(&self) -> bool {
        self.matched == Self::END.len() && self.body_left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_last_byte_however_it_is_cut() {
        let request = b"PUT / HTTP/1.1\r\nHost: a\r\nX: \r\r\n\r\nbody\r\n\r\n";
        let body = b"body\r\n\r\n".len();
        for size in 1..=request.len() {
            let mut progress = RequestProgress::new(body);
            let mut sent = 0;
            for piece in request.chunks(size) {
                assert!(!progress.is_whole(), "after {sent} bytes");
                progress.wrote([piece].into_iter(), piece.len());
                sent += piece.len();
            }
            assert!(progress.is_whole(), "pieces of {size}");
        }
    }

    #[test]
    fn only_what_was_written_counts() {
        let (head, body) = (&b"GET / HTTP/1.1\r\n\r\n"[..], &b"abc"[..]);
        let mut progress = RequestProgress::new(3);
        progress.wrote([head, body].into_iter(), head.len() + 2);
        assert!(!progress.is_whole());
        progress.wrote([&b"c"[..]].into_iter(), 1);
        assert!(progress.is_whole());
    }
}
