//! What a session of TLS gave, to its last byte: one read may hold a response and, behind it, what
//! breaks the session.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use tokio::io::AsyncBufRead;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio_rustls::client::TlsStream;

/// The next plaintext, which is empty at the end of the session. tokio-rustls tells an error at once,
/// with rustls still holding what came before it: the error is kept in `ended_by` and told behind that.
pub fn poll_next<'a, Io: AsyncRead + AsyncWrite + Unpin>(
    stream: &'a mut TlsStream<Io>,
    ended_by: &mut Option<io::Error>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<&'a [u8]>> {
    if ended_by.is_none() {
        match ready!(Pin::new(&mut *stream).poll_fill_buf(cx)) {
            Ok([]) => return Poll::Ready(Ok(&[])),
            Ok(_) => {}
            Err(error) => *ended_by = Some(error),
        }
    }
    let left = stream.get_mut().1.reader().into_first_chunk();
    Poll::Ready(match ended_by.take_if(|_| !matches!(left, Ok([_, ..]))) {
        Some(error) => Err(error),
        None => left,
    })
}

/// Takes so much of it.
pub fn consume<Io: AsyncRead + AsyncWrite + Unpin>(stream: &mut TlsStream<Io>, length: usize) {
    Pin::new(stream).consume(length);
}
