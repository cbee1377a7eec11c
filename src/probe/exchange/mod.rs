//! Request and response on a connection of their own: which version of HTTP is spoken, and what
//! is kept of a response in either.

mod failure;
mod http1;
mod http2;
pub mod http3;
mod http3_failure;
mod io;
mod sent;

use bytes::Bytes;
use http::HeaderMap;
use http::Request;
use http::StatusCode;
use http::Version;
use http_body_util::Full;
use tokio_rustls::client::TlsStream;

use crate::outcome::HttpVersion;
use crate::outcome::Response;
use crate::outcome::reason::Reason;
use crate::probe::body::RawBody;
use crate::probe::carrier::Carrier;
use crate::probe::conflict::Evidence;
use crate::probe::detail;
use crate::probe::redirect::Redirection;
use crate::probe::stop::Stop;
use crate::probe::tls::HTTP2;
use crate::probe::validate;
use crate::probe::walk::Walk;
use crate::target::module::Module;

/// A connection ready for a request.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS.
    Plain(Carrier),
    /// Through TLS.
    Tls(Box<TlsStream<Carrier>>),
}

/// Sends the request and reads the response to its last byte, keeping in `walk` what arrived.
/// Returns a redirect that is to be followed.
pub async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
    module: &Module,
    walk: &mut Walk,
) -> Result<Option<Redirection>, Stop> {
    let is_http2 = match &stream {
        // A request that has a scheme is for a proxy to forward.
        Stream::Plain(_) => module.knows_http2() && request.uri().scheme().is_none(),
        Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(HTTP2),
    };
    walk.over_tls = matches!(stream, Stream::Tls(_));
    let redirection = match is_http2 {
        true => http2::exchange(stream, request, module, walk).await?,
        false => http1::exchange(stream, request, module, walk).await?,
    };
    Ok(end(redirection, module, walk))
}

/// Ends the phases with the last byte that arrived. Returns the redirect if it is to be followed.
fn end(redirection: Option<Redirection>, module: &Module, walk: &mut Walk) -> Option<Redirection> {
    let last_byte = walk.wire.marks().last_byte;
    if let Some(at) = last_byte {
        walk.end(at);
    }
    // A conflict is what was asked for: it counts, wherever it points.
    redirection.filter(|_| module.follow_redirects && !walk.has_conflict())
}

/// Keeps what counts of a head: from here on the response was seen. Returns the redirect that it is,
/// followed or not, whose body is not read.
fn note_head(
    status: StatusCode,
    version: HttpVersion,
    headers: &HeaderMap,
    module: &Module,
    walk: &mut Walk,
) -> Option<Redirection> {
    let redirection = Redirection::of_head(status, headers);
    if redirection.is_some() && module.checks.need_headers() {
        walk.headers = headers.clone();
    }
    detail::note_head(walk, status, headers, &module.method);
    let code = status.as_u16();
    let conflict = module.conflict(code);
    if let (Some(_), Some(rule)) = (conflict, &module.conflict_reason) {
        walk.evidence = Evidence::of_head(headers, rule);
    }
    walk.body = RawBody::expected(module, code);
    walk.response = Some(Response {
        code,
        version,
        conflict,
        body_bytes: 0,
        redirects: walk.n_redirects(),
        left_origin: walk.left_origin,
        is_redirect: redirection.is_some(),
        over_tls: walk.over_tls,
    });
    redirection
}

/// Whether the response is a redirect that says not where to, and no conflict, of which the body may
/// tell more: its body is not read either.
fn leads_nowhere(module: &Module, walk: &Walk) -> bool {
    walk.response
        .is_some_and(|response| validate::leads_nowhere(module, &response))
        && !walk.has_conflict()
}

/// Keeps what counts of a whole head that the client refused: it counts, whatever is wrong with its
/// fields and whatever becomes of its body.
fn note_refused(failed: &Stop, module: &Module, walk: &mut Walk) {
    /// What a client finds wrong by itself.
    const REFUSALS: [Reason; 6] = [
        Reason::TransferFraming,
        Reason::TransferHeaderInvalid,
        Reason::TransferHeaderTooLarge,
        Reason::TransferUnexpectedUpgrade,
        Reason::TransferH2Protocol,
        Reason::TransferH2Flood,
    ];
    if !REFUSALS.iter().any(|reason| failed.is_for(*reason)) {
        return;
    }
    let refused = walk.wire.marks().head.refused();
    if let Some(head) = refused {
        let version = version_of(head.version());
        note_head(head.status(), version, head.headers(), module, walk);
    }
}

fn version_of(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_10 => HttpVersion::Http10,
        Version::HTTP_2 => HttpVersion::Http2,
        Version::HTTP_3 => HttpVersion::Http3,
        _ => HttpVersion::Http11,
    }
}

/// Keeps what counts of a piece of the body.
fn note_body(piece: &[u8], walk: &mut Walk) -> Result<(), Stop> {
    walk.evidence.keep(piece);
    walk.body.keep(piece);
    let Some(response) = &mut walk.response else {
        return Ok(());
    };
    response.body_bytes += piece.len() as u64;
    let max_bytes = walk.body.max_bytes();
    if response.body_bytes > max_bytes {
        return Err(Stop::failed(
            Reason::TransferBodyTooLarge,
            format!("the body has more than {max_bytes} bytes"),
        ));
    }
    Ok(())
}
