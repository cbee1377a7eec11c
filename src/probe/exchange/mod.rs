//! Request and response over HTTP/1.1, on hyper's low-level client: one request, no pool.

mod failure;
mod io;

use std::future::poll_fn;
use std::pin::Pin;
use std::pin::pin;

use bytes::Bytes;
use http::Request;
use http::StatusCode;
use http::Version;
use http::header;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;

use crate::outcome::HttpVersion;
use crate::outcome::Response;
use crate::outcome::reason::Reason;
use crate::probe::conflict::Evidence;
use crate::probe::detail;
use crate::probe::exchange::io::ExchangeIo;
pub use crate::probe::exchange::io::Stream;
use crate::probe::head::MAX_HEADERS;
use crate::probe::redirect::Redirection;
use crate::probe::stop::Stop;
use crate::probe::walk::Walk;
use crate::target::module::Module;

/// How many bytes a body may have; blackbox_exporter reads on without a bound.
const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

type Connection = http1::Connection<ExchangeIo, Full<Bytes>>;

/// Sends the request and reads the response to its last byte, keeping in `walk` what arrived.
/// Returns a redirect that is to be followed.
pub async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
    module: &Module,
    walk: &mut Walk,
) -> Result<Option<Redirection>, Stop> {
    let wire = walk.wire.clone();
    let over_tls = matches!(stream, Stream::Tls(_));
    let io = ExchangeIo::new(stream, wire.clone(), module.body.len());
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
    let response = response.map_err(|error| failure::of(&error, &wire.marks()))?;
    let redirection = Redirection::of_head(response.status(), response.headers());
    let head = Response {
        redirects: walk.n_redirects(),
        is_redirect: redirection.is_some(),
        over_tls,
        ..head_of(&response, module)
    };
    if let (Some(_), Some(rule)) = (head.conflict, &module.conflict_reason) {
        walk.evidence = Evidence::of_head(response.headers(), rule);
    }
    walk.response = Some(head);
    detail::note_head(walk, &response, &module.method);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Stop::failed(
            Reason::TransferUnexpectedUpgrade,
            "101 without having been asked for an upgrade",
        ));
    }
    if let Some(redirection) = redirection {
        // Its body is not read.
        end_at_last_byte(walk);
        if module.checks.need_headers() {
            walk.headers = response.into_parts().0.headers;
        }
        return Ok(module.follow_redirects.then_some(redirection));
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
    let (head, body) = response.into_parts();
    if module.checks.need_headers() {
        // They are looked at when the phases are over.
        walk.headers = head.headers;
    }
    read_body(body, &mut connection, walk).await?;
    end_at_last_byte(walk);
    Ok(None)
}

fn end_at_last_byte(walk: &mut Walk) {
    let last_byte = walk.wire.marks().last_byte;
    if let Some(at) = last_byte {
        walk.end(at);
    }
}

async fn read_body(
    mut body: Incoming,
    connection: &mut Driver,
    walk: &mut Walk,
) -> Result<(), Stop> {
    let mut total = 0;
    while let Some(frame) = connection.while_running(body.frame()).await {
        let frame = frame.map_err(|error| failure::of(&error, &walk.wire.marks()))?;
        if let Some(data) = frame.data_ref() {
            total += data.len() as u64;
            walk.evidence.keep(data);
        }
        if let Some(response) = &mut walk.response {
            response.body_bytes = total;
        }
        if total > MAX_BODY_BYTES {
            return Err(Stop::failed(
                Reason::TransferBodyTooLarge,
                format!("the body has more than {MAX_BODY_BYTES} bytes"),
            ));
        }
    }
    Ok(())
}

fn head_of(response: &http::Response<Incoming>, module: &Module) -> Response {
    let code = response.status().as_u16();
    Response {
        code,
        version: match response.version() {
            Version::HTTP_10 => HttpVersion::Http10,
            _ => HttpVersion::Http11,
        },
        conflict: module.conflict(code),
        body_bytes: 0,
        redirects: 0,
        is_redirect: false,
        over_tls: false,
    }
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
