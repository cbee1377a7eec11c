//! The stream as hyper reads and writes it.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use hyper::rt::Read;
use hyper::rt::ReadBufCursor;
use hyper::rt::Write;
use tokio::io::AsyncWrite;

use crate::probe::exchange::Stream;
use crate::probe::exchange::io::ExchangeIo;

impl Read for ExchangeIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut target: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.held.is_empty() && !self.wire.marks().head.is_held_back() {
                let length = target.remaining().min(self.held.len());
                target.put_slice(self.held.drain(..length).as_slice());
                return Poll::Ready(Ok(()));
            }
            if let Some(fault) = self.fault.take() {
                return Poll::Ready(Err(fault));
            }
            let wire = self.wire.clone();
            let mut held = std::mem::take(&mut self.held);
            let before = held.len();
            let (mut is_any, mut is_blank) = (false, false);
            let mut read = self.read_with(cx, target.remaining(), |bytes| {
                is_any = !bytes.is_empty();
                if !bytes.is_empty() && wire.marks().head.is_blank() {
                    is_blank = true;
                } else if before > 0 || wire.marks().head.is_held_back() {
                    held.extend_from_slice(bytes);
                } else {
                    target.put_slice(bytes);
                }
            });
            let is_any_held = held.len() > before;
            self.held = held;
            if is_any && let Poll::Ready(Err(fault)) = read {
                // A body counts as far as it came ahead of a fault, which is told behind it.
                self.fault = Some(fault);
                read = Poll::Ready(Ok(()));
            }
            if read.is_pending() || !is_any_held && !is_blank {
                return read;
            }
            ready!(read)?;
        }
    }
}

impl Write for ExchangeIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_one(cx, bytes)
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
        self.write_many(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdown(cx)
    }
}
