//! What went wrong in an exchange: typed errors of hyper and h2, read together with what the wire
//! saw.

use std::error::Error;
use std::io;

use h2::Reason as H2;
use nix::errno::Errno;

use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::chunk_lines::ChunkFault;
use crate::probe::chunking::ChunkingFault;
use crate::probe::frames::BlockFault;
use crate::probe::frames::FrameFault;
use crate::probe::frames::ResponseFrames;
use crate::probe::head::HeadFault;
use crate::probe::progress::ResponseProgress;
use crate::probe::stop::Stop;
use crate::probe::stop::errno;
use crate::probe::stop::own_fault;
use crate::probe::tls;
use crate::probe::wire::Marks;

/// The failure behind an error of hyper.
pub fn of(error: &hyper::Error, marks: &Marks) -> Stop {
    let io = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(skip) = io.and_then(own_fault) {
        return Stop::Skipped(skip);
    }
    match reason(error, io, marks) {
        // The parser says that of all that stands behind the code.
        reason @ Reason::TransferHeaderInvalid if error.is_parse_status() => {
            Stop::failed(reason, "a byte in the reason phrase that must not be there")
        }
        reason => Stop::failed(reason, words(error)),
    }
}

fn reason(error: &hyper::Error, io: Option<&io::Error>, marks: &Marks) -> Reason {
    if let Some(reason) = io.and_then(|io| told_by(io, marks)) {
        return reason;
    }
    if error.is_parse() {
        return fault_of_head(marks);
    }
    of_end(End::of(error, io), marks)
}

/// The failure behind an error of h2 before there was a response.
pub fn of_http2(error: &h2::Error, marks: &Marks) -> Stop {
    if let Some(skip) = own_fault_of_http2(error, marks) {
        return Stop::Skipped(skip);
    }
    let reason =
        told_by_http2(error, marks, false).unwrap_or_else(|| match (error.reason(), &marks.head) {
            (Some(code), ResponseProgress::Frames(frames)) => {
                of_frames(code, error.is_reset(), frames)
            }
            (Some(_), _) => Reason::TransferH2Protocol,
            (None, _) => of_end(End::Other, marks),
        });
    Stop::failed(reason, words_of_http2(error, marks))
}

/// What h2 minded in the frames up to the head. What it minds of a head alone resets the stream.
fn of_frames(code: H2, is_of_stream: bool, frames: &ResponseFrames) -> Reason {
    match (code, frames.fault_of_head()) {
        (H2::ENHANCE_YOUR_CALM, _) if frames.has_large_head() => Reason::TransferHeaderTooLarge,
        (H2::ENHANCE_YOUR_CALM, _) => Reason::TransferH2Flood,
        // A status that is none is an error of the table of fields, which the connection has.
        (_, Some(BlockFault::BadStatus)) => Reason::TransferStatusInvalid,
        (_, Some(BlockFault::NoStatus)) if is_of_stream => Reason::TransferStatusInvalid,
        _ if is_of_stream && frames.has_large_head() => Reason::TransferHeaderTooLarge,
        (_, Some(BlockFault::Length)) if is_of_stream => Reason::TransferFraming,
        _ => Reason::TransferH2Protocol,
    }
}

/// The failure behind an error of h2 in a body, which was said to have this length or none.
pub fn of_http2_body(error: &h2::Error, marks: &Marks, length: Option<u64>) -> Stop {
    if let Some(skip) = own_fault_of_http2(error, marks) {
        return Stop::Skipped(skip);
    }
    // Behind a body of that length it is the trailers that are wrong.
    let may_be_wrong = |length: u64| match &marks.head {
        ResponseProgress::Frames(frames) => {
            !frames.is_in_trailers() || frames.body_bytes() != length
        }
        ResponseProgress::Text(_) | ResponseProgress::Stream(_) => true,
    };
    let reason = told_by_http2(error, marks, true).unwrap_or_else(|| match error.reason() {
        Some(H2::ENHANCE_YOUR_CALM) => Reason::TransferH2Flood,
        // All else that is wrong with the frames of a body closes the connection.
        Some(H2::PROTOCOL_ERROR) if error.is_reset() && length.is_some_and(may_be_wrong) => {
            Reason::TransferFraming
        }
        Some(_) => Reason::TransferH2Protocol,
        None => of_end(End::Other, marks),
    });
    Stop::failed(reason, words_of_http2(error, marks))
}

/// The fault of this machine that ended a connection of HTTP/2.
fn own_fault_of_http2(error: &h2::Error, marks: &Marks) -> Option<SkipReason> {
    let io = marks.broken_by.as_ref().filter(|_| error.is_io())?;
    own_fault(io)
}

/// The reason that an error of h2 tells unless h2 itself found the fault, behind the head or before.
fn told_by_http2(error: &h2::Error, marks: &Marks, is_in_body: bool) -> Option<Reason> {
    if error.is_io() {
        // What h2 keeps of it is a text.
        let Some(io) = &marks.broken_by else {
            return Some(of_end(End::Other, marks));
        };
        return Some(told_by(io, marks).unwrap_or_else(|| of_end(End::of_io(io), marks)));
    }
    if !error.is_remote() {
        return None;
    }
    Some(match error.reason() {
        _ if error.is_go_away() => Reason::TransferH2Goaway,
        // The stream is to the body what the connection is in HTTP/1.
        Some(H2::NO_ERROR) if is_in_body => Reason::TransferBodyTruncated,
        _ if is_in_body => Reason::TransferBodyReset,
        Some(H2::REFUSED_STREAM) => Reason::TransferH2Refused,
        _ => Reason::TransferH2Reset,
    })
}

/// The reason that an error of I/O carries, from a layer above the socket.
fn told_by(io: &io::Error, marks: &Marks) -> Option<Reason> {
    if let Some(reason) = tls::failure::after_handshake(io, marks.client_certificate) {
        return Some(reason);
    }
    let inner = io.get_ref()?;
    let fault = inner.downcast_ref::<FrameFault>();
    let fault = fault.map(|fault| fault.reason());
    fault
        .or_else(|| Some(inner.downcast_ref::<HeadFault>()?.reason()))
        .or_else(|| Some(inner.downcast_ref::<ChunkingFault>()?.reason()))
        .or_else(|| Some(inner.downcast_ref::<ChunkFault>()?.reason()))
}

/// What is wrong with a head that is refused or that ended early.
fn fault_of_head(marks: &Marks) -> Reason {
    match &marks.head {
        ResponseProgress::Text(head) => head.fault(),
        ResponseProgress::Frames(_) | ResponseProgress::Stream(_) => {
            Reason::TransferHeaderTruncated
        }
    }
}

/// The reason for a connection that ended, by what was under way.
pub fn of_end(end: End, marks: &Marks) -> Reason {
    if let (ResponseProgress::Frames(frames), End::Closed | End::Reset) = (&marks.head, end)
        && frames.control.has_goaway()
        && !(frames.is_complete() && frames.control.lets_finish())
    {
        return Reason::TransferH2Goaway;
    }
    if marks.head.is_complete() {
        return match end {
            End::Closed => Reason::TransferBodyTruncated,
            End::Reset => Reason::TransferBodyReset,
            End::TimedOut => Reason::TransferBodyTimeout,
            End::BadBody => Reason::TransferChunkInvalid,
            // All of it came before the request.
            End::Unsolicited => Reason::TransferNotHttp,
            End::Other => Reason::TransferOther,
        };
    }
    if marks.head.first_byte().is_some() {
        return match end {
            End::Closed | End::Reset => fault_of_head(marks),
            End::TimedOut => marks.head.timeout_reason(),
            End::Unsolicited => Reason::TransferNotHttp,
            End::BadBody | End::Other => Reason::TransferOther,
        };
    }
    let within_request = marks.last_write.is_some() && marks.request_out.is_none();
    match (end, within_request) {
        (End::Closed | End::Reset, true) => Reason::SendReset,
        (End::TimedOut, true) => Reason::SendTimeout,
        (_, true) => Reason::SendOther,
        (End::Closed, false) => Reason::FirstByteClosed,
        (End::Reset, false) => Reason::FirstByteReset,
        (End::TimedOut, false) => Reason::FirstByteTimeout,
        (End::Unsolicited, false) => match marks.last_byte {
            Some(_) => Reason::TransferNotHttp,
            // hyper takes an idle connection that is closed for one that is given up.
            None => Reason::FirstByteClosed,
        },
        (End::BadBody | End::Other, false) => Reason::FirstByteOther,
    }
}

/// How a connection ended, whatever was under way.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The peer closed it.
    Closed,
    /// The peer reset it.
    Reset,
    /// The kernel or the transport gave it up.
    TimedOut,
    /// The client of HTTP/1 could not read the body.
    BadBody,
    /// Bytes came before the request was sent, or the end of the connection did.
    Unsolicited,
    /// Not foreseen.
    Other,
}

impl End {
    fn of(error: &hyper::Error, io: Option<&io::Error>) -> Self {
        let Some(io) = io else {
            return if error.is_incomplete_message() {
                Self::Closed
            } else if error.is_canceled() || error.is_closed() {
                // The connection went before hyper took the request.
                Self::Unsolicited
            } else {
                Self::Other
            };
        };
        Self::of_io(io)
    }

    fn of_io(io: &io::Error) -> Self {
        match (io.kind(), errno(io)) {
            (io::ErrorKind::UnexpectedEof, _) => Self::Closed,
            (_, Some(Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED))
            // What a write was told of is told again without a number.
            | (io::ErrorKind::ConnectionReset, None) => Self::Reset,
            (_, Some(Errno::ETIMEDOUT)) => Self::TimedOut,
            (io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput, None) => Self::BadBody,
            _ => Self::Other,
        }
    }
}

fn causes(error: &hyper::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let outermost: &(dyn Error + 'static) = error;
    std::iter::successors(Some(outermost), |error| (*error).source())
}

/// The error, or what it was that broke the connection.
fn words_of_http2(error: &h2::Error, marks: &Marks) -> String {
    match &marks.broken_by {
        Some(io) if error.is_io() => io.to_string(),
        _ => error.to_string(),
    }
}

/// The error with its causes, which hyper leaves out of its own text.
fn words(error: &hyper::Error) -> String {
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::Context;
    use std::task::Poll;

    use bytes::Bytes;
    use http::Request;
    use http_body_util::Full;
    use hyper::rt::ReadBufCursor;
    use tokio::io::AsyncRead;
    use tokio::io::AsyncWrite;
    use tokio::io::ReadBuf;

    use super::*;

    /// A connection that takes everything and whose reads fail like this.
    struct Broken(Errno);

    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(self.0.into()))
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl hyper::rt::Read for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: ReadBufCursor<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Err(self.0.into()))
        }
    }

    impl hyper::rt::Write for Broken {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            AsyncWrite::poll_write(self, cx, bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            AsyncWrite::poll_flush(self, cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            AsyncWrite::poll_shutdown(self, cx)
        }
    }

    #[test]
    fn the_end_of_a_connection_is_told_by_number_or_by_kind() {
        for (io, expected) in [
            (Errno::ECONNRESET.into(), "Reset"),
            (Errno::EPIPE.into(), "Reset"),
            // As `ExchangeIo` tells what a write was told of.
            (io::ErrorKind::ConnectionReset.into(), "Reset"),
            (Errno::ETIMEDOUT.into(), "TimedOut"),
            (io::ErrorKind::UnexpectedEof.into(), "Closed"),
            (io::ErrorKind::InvalidData.into(), "BadBody"),
            (Errno::EIO.into(), "Other"),
        ] {
            let io: io::Error = io;
            assert_eq!(format!("{:?}", End::of_io(&io)), expected, "{io:?}");
        }
    }

    #[tokio::test]
    async fn what_this_machine_lacks_is_no_fault_of_the_target() {
        for (errno, skip) in [
            (Errno::ENOBUFS, Some(SkipReason::Overload)),
            (Errno::ENOMEM, Some(SkipReason::Overload)),
            (Errno::ECONNRESET, None),
            (Errno::EIO, None),
        ] {
            let mut marks = Marks::default();
            let made = hyper::client::conn::http1::handshake(Broken(errno)).await;
            let (mut sender, connection) = made.expect("nothing was read");
            let request = Request::new(Full::<Bytes>::default());
            let (sent, ended) = tokio::join!(sender.send_request(request), connection);
            let error = sent.err().or_else(|| ended.err()).expect("it is broken");
            let of_http1 = of(&error, &marks);

            let made = h2::client::handshake(Broken(errno)).await;
            let (mut sender, connection) = made.expect("nothing was read");
            let sent = sender.send_request(Request::new(()), true);
            let (response, _) = sent.expect("nothing was read");
            connection.await.ok();
            let error = response.await.expect_err("it is broken");
            marks.broken_by = Some(errno.into());
            for stop in [
                of_http1,
                of_http2(&error, &marks),
                of_http2_body(&error, &marks, Some(5)),
            ] {
                let found = match &stop {
                    Stop::Skipped(skip) => Some(*skip),
                    Stop::Failed(_) => None,
                };
                assert_eq!(found, skip, "{errno}: {stop:?}");
            }
        }
    }
}
