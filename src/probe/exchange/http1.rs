//! Request and response over HTTP/1.1, on hyper's low-level client: one request, no pool.

use std::future::poll_fn;
use std::pin::Pin;
use std::pin::pin;

use bytes::Bytes;
use http::Request;
use http::StatusCode;
use http::header;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;

use crate::outcome::reason::Reason;
use crate::probe::exchange::Stream;
use crate::probe::exchange::failure;
use crate::probe::exchange::io::ExchangeIo;
use crate::probe::exchange::leads_nowhere;
use crate::probe::exchange::note_body;
use crate::probe::exchange::note_head;
use crate::probe::exchange::note_refused;
use crate::probe::exchange::sent::RequestProgress;
use crate::probe::exchange::version_of;
use crate::probe::head::MAX_HEADERS;
use crate::probe::redirect::Redirection;
use crate::probe::stop::Stop;
use crate::probe::turn::Turn;
use crate::probe::walk::Walk;
use crate::target::module::Module;

type Connection = http1::Connection<ExchangeIo, Full<Bytes>>;

/// Sends the request and reads the response to its last byte, keeping in `walk` what arrived.
pub async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
    module: &Module,
    walk: &mut Walk,
) -> Result<Option<Redirection>, Stop> {
    let wire = walk.wire.clone();
    let progress = RequestProgress::of_text(request.body().size_hint().lower());
    let io = ExchangeIo::new(stream, wire.clone(), progress);
    if let Some(limit) = module.checks.body.size_limit {
        wire.marks().chunking.allow(limit.get());
    }
    walk.begin_exchange();
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        // Obsolete, and accepted by every browser (RFC 9112, 5.2).
        .allow_obsolete_multiline_headers_in_responses(true)
        .handshake(io)
        .await
        .map_err(|error| failure::of(&error, &wire.marks()))?;
    let mut connection = Driver(Some(connection));
    let sent = sender.send_request(request);
    let response = connection.while_running(sent).await;
    let response = match response {
        Ok(response) => response,
        Err(error) => {
            let failed = failure::of(&error, &wire.marks());
            note_refused(&failed, module, walk);
            return Err(failed);
        }
    };
    let version = version_of(response.version());
    let redirection = note_head(response.status(), version, response.headers(), module, walk);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if module.asks_for_upgrade() {
            // What follows is of the other protocol.
            if module.checks.need_headers() {
                walk.headers = response.headers().clone();
            }
            return Ok(None);
        }
        return Err(Stop::failed(
            Reason::TransferUnexpectedUpgrade,
            "101 without having been asked for an upgrade",
        ));
    }
    let headers = response.headers();
    if headers.contains_key(header::CONTENT_LENGTH)
        && headers.contains_key(header::TRANSFER_ENCODING)
    {
        return Err(Stop::failed(
            Reason::TransferFraming,
            "both Content-Length and Transfer-Encoding",
        ));
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = codings
        .next()
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !is_chunked || codings.next().is_some() {
        return Err(Stop::failed(
            Reason::TransferFraming,
            "a Transfer-Encoding that nobody asked for",
        ));
    }
    if redirection.is_some() || leads_nowhere(module, walk) {
        return Ok(redirection);
    }
    let (head, body) = response.into_parts();
    if module.checks.need_headers() {
        // They are looked at when the phases are over.
        walk.headers = head.headers;
    }
    read_body(body, &mut connection, walk).await?;
    Ok(None)
}

async fn read_body(
    mut body: Incoming,
    connection: &mut Driver,
    walk: &mut Walk,
) -> Result<(), Stop> {
    let mut turn = Turn::new();
    while let Some(frame) = connection.while_running(body.frame()).await {
        let frame = frame.map_err(|error| failure::of(&error, &walk.wire.marks()))?;
        if let Some(data) = frame.data_ref() {
            walk.wire.marks().chunking.given(data.len());
            note_body(data, walk)?;
            turn.took(data.len()).await;
        }
    }
    Ok(())
}

/// The connection, driven by the task of the probe itself: nothing is spawned, so nothing outlives
/// the probe.
struct Driver(Option<Connection>);

impl Driver {
    /// Awaits `future` while the connection runs beside it. The result of the connection is not
    /// looked at: whatever stops it also reaches the future, with the cause.
    async fn while_running<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Some(connection) = &mut self.0
                && Pin::new(connection).poll(cx).is_ready()
            {
                self.0 = None;
            }
            future.as_mut().poll(cx)
        })
        .await
    }
}
