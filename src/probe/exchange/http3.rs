//! Request and response over HTTP/3, on h3: one request on a connection of its own.

use std::future::poll_fn;
use std::pin::Pin;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;

use bytes::Buf;
use bytes::Bytes;
use h3::client::Connection as Client;
use h3::client::RequestStream;
use h3::client::SendRequest;
use h3::error::StreamError;
use http::HeaderMap;
use http::Request;
use http::Response;
use http::StatusCode;
use http::Version;
use http::header;
use http::uri::Scheme;
use http_body_util::Full;

use crate::outcome::HttpVersion;
use crate::outcome::reason::Reason;
use crate::probe::exchange::end;
use crate::probe::exchange::http2::converted;
use crate::probe::exchange::http3_failure as failure;
use crate::probe::exchange::leads_nowhere;
use crate::probe::exchange::note_body;
use crate::probe::exchange::note_head;
use crate::probe::exchange::note_refused;
use crate::probe::head::MAX_HEAD_BYTES;
use crate::probe::progress::ResponseProgress;
use crate::probe::quic::Connection;
use crate::probe::quic::Stream;
use crate::probe::quic::Transport;
use crate::probe::quic::response::ResponseStream;
use crate::probe::redirect::Redirection;
use crate::probe::stop::Stop;
use crate::probe::turn::Turn;
use crate::probe::walk::Walk;
use crate::target::module::Module;

/// Sends the request and reads the response to its last byte, keeping in `walk` what arrived.
/// Returns a redirect that is to be followed.
pub async fn exchange(
    connection: Connection,
    request: Request<Full<Bytes>>,
    module: &Module,
    walk: &mut Walk,
) -> Result<Option<Redirection>, Stop> {
    walk.over_tls = true;
    let remote = walk.connection.map(|connection| connection.remote);
    let (mut request, body) = converted(request, Scheme::HTTPS, remote);
    *request.version_mut() = Version::HTTP_3;
    let stream = Box::new(ResponseStream::new(body.len() as u64));
    walk.wire.marks().head = ResponseProgress::Stream(stream);
    walk.begin_exchange();
    let asked = ask(&connection, request, body).await;
    let (mut driver, mut response) =
        asked.map_err(|failed| failure::of(&failed, &connection, walk))?;
    let head = match driver.head(&mut response, walk).await {
        Ok(head) => head,
        Err(failed) => {
            note_refused(&failed, module, walk);
            return Err(failed);
        }
    };
    let (head, ()) = head.into_parts();
    let redirection = note_head(head.status, HttpVersion::Http3, &head.headers, module, walk);
    failure::check_fields(&head.headers)?;
    if redirection.is_some() {
        return Ok(end(redirection, module, walk));
    }
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        let detail = "101, which HTTP/3 does not have";
        return Err(Stop::failed(Reason::TransferUnexpectedUpgrade, detail));
    }
    let length = content_length(&head.headers, head.status, module)?;
    if leads_nowhere(module, walk) {
        return Ok(end(None, module, walk));
    }
    if module.checks.need_headers() {
        // They are looked at when the phases are over.
        walk.headers = head.headers;
    }
    read_body(&mut driver, &mut response, length, walk).await?;
    Ok(end(None, module, walk))
}

/// Gives h3 the request. Nothing of it is sent before the response is waited for, so that it goes out
/// in one flight with what opens the connection of HTTP/3.
async fn ask(
    connection: &Connection,
    request: Request<()>,
    body: Bytes,
) -> Result<(Driver, RequestStream<Stream, Bytes>), StreamError> {
    let mut builder = h3::client::builder();
    builder
        .max_field_section_size(MAX_HEAD_BYTES as u64)
        .send_grease(false);
    let mut building = pin!(builder.build(Transport::new(connection.clone())));
    let built = connection.while_running(|cx| building.as_mut().poll(cx));
    let (client, mut sender) = built.await.map_err(StreamError::ConnectionError)?;
    let mut driver = Driver {
        connection: connection.clone(),
        client: Some(client),
        upload: None,
        _sender: None,
    };
    let stream = driver.while_running(sender.send_request(request)).await?;
    driver._sender = Some(sender);
    let (mut sending, receiving) = stream.split();
    driver.upload = Some(Box::pin(async move {
        if !body.is_empty() {
            sending.send_data(body).await?;
        }
        sending.finish().await
    }));
    Ok((driver, receiving))
}

/// The connection, driven by the task of the probe itself: nothing is spawned, so nothing outlives
/// the probe.
struct Driver {
    connection: Connection,
    client: Option<Client<Transport, Bytes>>,
    upload: Option<Upload>,
    /// With it the client would end.
    _sender: Option<SendRequest<Transport, Bytes>>,
}

type Upload = Pin<Box<dyn Future<Output = Result<(), StreamError>> + Send>>;

impl Driver {
    /// Awaits `future` while the connection runs beside it. The result of the connection is not
    /// looked at: whatever stops it also reaches the future.
    async fn while_running<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let connection = self.connection.clone();
        let poll = |cx: &mut Context<'_>| {
            // A server may answer and take no more of the request.
            if let Some(upload) = &mut self.upload
                && upload.as_mut().poll(cx).is_ready()
            {
                self.upload = None;
            }
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            if let Some(client) = &mut self.client
                && client.poll_close(cx).is_ready()
            {
                self.client = None;
                return future.as_mut().poll(cx);
            }
            Poll::Pending
        };
        connection.while_running(poll).await
    }

    /// The head of the final response.
    async fn head(
        &mut self,
        response: &mut RequestStream<Stream, Bytes>,
        walk: &Walk,
    ) -> Result<Response<()>, Stop> {
        loop {
            let head = self.while_running(response.recv_response()).await;
            let head = head.map_err(|error| failure::of(&error, &self.connection, walk))?;
            let status = head.status();
            if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(head);
            }
        }
    }
}

async fn read_body(
    driver: &mut Driver,
    response: &mut RequestStream<Stream, Bytes>,
    length: Option<u64>,
    walk: &mut Walk,
) -> Result<(), Stop> {
    let mut received = 0;
    let mut turn = Turn::new();
    loop {
        let piece = driver.while_running(poll_fn(|cx| {
            let piece = response.poll_recv_data(cx);
            piece.map_ok(|piece| piece.map(|mut piece| piece.copy_to_bytes(piece.remaining())))
        }));
        let piece = piece.await;
        let piece = piece.map_err(|error| failure::of(&error, &driver.connection, walk))?;
        // To h3 a piece of nothing is the end.
        let piece = piece.unwrap_or_default();
        received += piece.len() as u64;
        if length.is_some_and(|length| received > length) {
            return Err(failure::of_length(received, length));
        }
        note_body(&piece, walk)?;
        if piece.is_empty() && failure::is_whole(&walk.wire.marks(), received)? {
            break;
        }
        turn.took(piece.len()).await;
    }
    if length.is_some_and(|length| received != length) {
        return Err(failure::of_length(received, length));
    }
    let trailers = driver.while_running(response.recv_trailers()).await;
    let trailers = trailers.map_err(|error| failure::of(&error, &driver.connection, walk))?;
    trailers.as_ref().map_or(Ok(()), failure::check_fields)
}

/// How long the body is by its head, where a head tells that.
fn content_length(
    headers: &HeaderMap,
    status: StatusCode,
    module: &Module,
) -> Result<Option<u64>, Stop> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter().map(|value| {
        let text = value.to_str().ok()?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_number)
    });
    let Some(first) = lengths.next() else {
        return Ok(None);
    };
    let agree = lengths.all(|length| length == first);
    let Some(length) = first.filter(|_| agree) else {
        let detail = "a Content-Length that is no number, or several that differ";
        return Err(Stop::failed(Reason::TransferFraming, detail));
    };
    let is_bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || module.method == http::Method::HEAD;
    Ok((!is_bodyless).then_some(length))
}
