//! Request and response over HTTP/2, on h2: one request on a connection of its own.
//!
//! Not on hyper's client of HTTP/2, which wraps the same h2: it wants an executor for tasks that a
//! probe would have to end, and takes a stream that is reset without an error for a whole body.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use h2::SendStream;
use h2::client;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::Uri;
use http::Version;
use http::header;
use http::uri::Authority;
use http::uri::Scheme;
use http_body_util::BodyExt;
use http_body_util::Full;

use crate::outcome::HttpVersion;
use crate::outcome::reason::Reason;
use crate::probe::detail;
use crate::probe::exchange::Stream;
use crate::probe::exchange::failure;
use crate::probe::exchange::io::ExchangeIo;
use crate::probe::exchange::leads_nowhere;
use crate::probe::exchange::note_body;
use crate::probe::exchange::note_head;
use crate::probe::exchange::note_refused;
use crate::probe::exchange::sent::RequestProgress;
use crate::probe::frames::ResponseFrames;
use crate::probe::head::MAX_HEAD_BYTES;
use crate::probe::progress::ResponseProgress;
use crate::probe::redirect::Redirection;
use crate::probe::stop::Stop;
use crate::probe::turn::Turn;
use crate::probe::walk::Walk;
use crate::probe::wire::Wire;
use crate::target::module::Module;

/// How much a server may send without being granted more. It is far beyond the bound of a body, so
/// that no transfer waits for us; Go's client grants a connection as much.
const WINDOW_BYTES: u32 = 1 << 30;

/// How much of a body h2 is given at once: a frame, as large as every server takes it.
const PIECE_BYTES: usize = 16 * 1024;

/// Headers about a connection of HTTP/1, which HTTP/2 and HTTP/3 forbid (RFC 9113, 8.2.2).
pub const OF_HTTP1: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Sends the request and reads the response to its last byte, keeping in `walk` what arrived.
pub async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
    module: &Module,
    walk: &mut Walk,
) -> Result<Option<Redirection>, Stop> {
    let wire = walk.wire.clone();
    let scheme = match stream {
        Stream::Plain(_) => Scheme::HTTP,
        Stream::Tls(_) => Scheme::HTTPS,
    };
    let remote = walk.connection.map(|connection| connection.remote);
    let (request, mut body) = converted(request, scheme, remote);
    let frames = Box::new(ResponseFrames::new(body.len() as u64, walk.over_tls));
    wire.marks().head = ResponseProgress::Frames(frames);
    let io = ExchangeIo::new(stream, wire.clone(), RequestProgress::of_frames());
    walk.begin_exchange();
    let failed = |error: h2::Error| failure::of_http2(&error, &wire.marks());
    let (mut sender, connection) = client::Builder::new()
        .enable_push(false)
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .handshake::<_, Bytes>(io)
        .await
        .map_err(failed)?;
    let (response, mut upload) = sender
        .send_request(request, body.is_empty())
        .map_err(failed)?;
    if !body.is_empty() {
        // Every server grants that much, so it goes out with the head.
        let first = body.split_to(PIECE_BYTES.min(body.len()));
        upload.send_data(first, body.is_empty()).map_err(failed)?;
    }
    let mut connection = Driver {
        connection: Some(connection),
        upload,
        body,
        wire: &wire,
    };
    let response = match connection.while_running(response).await {
        Ok(response) => response,
        Err(error) => {
            let failed = failed(error);
            note_refused(&failed, module, walk);
            return Err(failed);
        }
    };
    let (head, mut body) = response.into_parts();
    let redirection = note_head(head.status, HttpVersion::Http2, &head.headers, module, walk);
    if redirection.is_some() {
        return Ok(redirection);
    }
    if body.is_end_stream() {
        detail::note_end(walk, &module.method);
    }
    let mut lengths = head.headers.get_all(header::CONTENT_LENGTH).iter();
    let length = length_of_body(&head.headers, &module.method);
    if lengths.any(HeaderValue::is_empty) {
        // To h2 that is 0.
        return Err(Stop::failed(
            Reason::TransferFraming,
            "an empty Content-Length",
        ));
    }
    if leads_nowhere(module, walk) {
        return Ok(None);
    }
    if module.checks.need_headers() {
        // They are looked at when the phases are over.
        walk.headers = head.headers;
    }
    let mut turn = Turn::new();
    while let Some(piece) = connection
        .while_running(poll_fn(|cx| body.poll_data(cx)))
        .await
    {
        let piece = piece.map_err(|error| failure::of_http2_body(&error, &wire.marks(), length))?;
        note_body(&piece, walk)?;
        body.flow_control()
            .release_capacity(piece.len())
            .map_err(failed)?;
        turn.took(piece.len()).await;
    }
    Ok(None)
}

/// How long a head says that its body is; that of an answer to HEAD has nothing.
fn length_of_body(headers: &HeaderMap, method: &Method) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    let length = length.parse().ok()?;
    Some(if method == Method::HEAD { 0 } else { length })
}

/// The request as HTTP/2 and HTTP/3 have it: the host in `:authority`, and nothing about a connection of
/// HTTP/1. A host that is no authority stays a header, and the address stands in for it.
pub fn converted(
    request: Request<Full<Bytes>>,
    scheme: Scheme,
    remote: Option<SocketAddr>,
) -> (Request<()>, Bytes) {
    let (mut head, mut body) = request.into_parts();
    // All of it is there at once.
    let body = body.frame().now_or_never().flatten();
    let body = body.and_then(|frame| frame.ok()?.into_data().ok());
    let body = body.unwrap_or_default();
    let mut uri = std::mem::take(&mut head.uri).into_parts();
    let host = head.headers.get(header::HOST);
    let authority = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    if authority.is_some() {
        head.headers.remove(header::HOST);
    }
    uri.authority = authority.or_else(|| remote?.to_string().parse().ok());
    uri.scheme = Some(scheme);
    // Without an authority the error is h2's.
    head.uri = Uri::from_parts(uri).unwrap_or_default();
    head.version = Version::HTTP_2;
    for name in OF_HTTP1 {
        head.headers.remove(name);
    }
    // The one value that is left of it (RFC 9113, 8.2.2).
    if head
        .headers
        .get(header::TE)
        .is_some_and(|te| te != "trailers")
    {
        head.headers.remove(header::TE);
    }
    let says_length = [Method::POST, Method::PUT, Method::PATCH].contains(&head.method);
    head.headers.remove(header::CONTENT_LENGTH);
    if says_length || !body.is_empty() {
        head.headers
            .insert(header::CONTENT_LENGTH, body.len().into());
    }
    (Request::from_parts(head, ()), body)
}

/// The connection, driven by the task of the probe itself: nothing is spawned, so nothing outlives
/// the probe.
struct Driver<'a> {
    connection: Option<client::Connection<ExchangeIo, Bytes>>,
    upload: SendStream<Bytes>,
    /// What h2 has not got of the body.
    body: Bytes,
    wire: &'a Wire,
}

impl Driver<'_> {
    /// Awaits `future` while the connection runs beside it. The result of the connection is not
    /// looked at: whatever stops it also reaches the future, with the cause.
    async fn while_running<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            // What was read before is taken first: h2 would read on as fast as the peer sends, and
            // keep all of it.
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            self.wire.marks().undigested = 0;
            loop {
                if let Some(connection) = &mut self.connection
                    && Pin::new(connection).poll(cx).is_ready()
                {
                    self.connection = None;
                }
                if !self.gives_more(cx) {
                    return future.as_mut().poll(cx);
                }
            }
        })
        .await
    }

    /// Gives h2 more of the body if the server grants it and the kernel has what was given before:
    /// with more of it at hand than it can write, h2 would not read.
    fn gives_more(&mut self, cx: &mut Context<'_>) -> bool {
        if self.body.is_empty() || self.wire.marks().is_write_blocked {
            return false;
        }
        let wanted = PIECE_BYTES.min(self.body.len());
        self.upload.reserve_capacity(wanted);
        let granted = match self.upload.capacity() {
            0 => match self.upload.poll_capacity(cx) {
                Poll::Ready(Some(Ok(granted))) => granted,
                // Nothing yet, or nothing any more, of which the response tells.
                _ => return false,
            },
            granted => granted,
        };
        let piece = self.body.split_to(granted.min(wanted));
        self.upload.send_data(piece, self.body.is_empty()).is_ok()
    }
}
