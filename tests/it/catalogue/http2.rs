//! Responses over HTTP/2, by their frames and by how the connection ends.

use std::time::Duration;

use bytes::Bytes;
use httpcycle_exporter::outcome::HttpVersion;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::module::Module;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::catalogue::{Behaviour, Stage};
use crate::support::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY,
    PUSH_PROMISE, SETTINGS, WINDOW_UPDATE, control, field, goaway, head, on_stream, reset,
    settings, status, wide_open,
};
use crate::support::peer::Then::{self, Close, Hold, Reset};
use crate::support::{http2, peer};

pub fn all() -> Vec<Behaviour> {
    let mut rows = Vec::new();
    for (name, frames, then, expected, code) in frames() {
        let row = bare(name, [settings(), frames].concat(), then);
        rows.push(row.fails(expected).counts(code));
    }
    for (name, bytes, then, expected) in without_settings() {
        let row = bare(name, bytes, then).fails(expected);
        // Nothing of it is of a response.
        rows.push(row.cut_in(Phase::FirstByte));
    }
    for (code, expected) in [(200, R::TransferH2Protocol), (409, R::ValidateStatus)] {
        for (name, flags) in [("a head", END_STREAM), ("a head and a body to come", 0)] {
            let name = format!("{name} before settings, {code}");
            let row = bare(&name, head(&code.to_string(), &[], flags), Hold);
            rows.push(row.fails(expected).counts(code));
        }
    }
    for last in [1, 255] {
        let leaving = [settings(), goaway(last, 0, "")].concat();
        let row = bare(
            &format!("going away behind {last}, then silent"),
            leaving,
            Hold,
        );
        let row = row.fails(R::TransferH2Goaway).cut_in(Phase::FirstByte);
        rows.push(row.until_cut());
    }
    for (name, frames, expected, code) in floods() {
        let row = bare(name, [settings(), frames].concat(), Hold);
        rows.push(row.fails(expected).counts(code));
    }
    rows.extend(uploads());
    rows
}

pub fn ok() -> Vec<u8> {
    head("200", &[], 0)
}

fn with_length(length: &str, body: &str) -> Vec<u8> {
    let head = head("200", &[("content-length", length)], 0);
    [head, on_stream(DATA, END_STREAM, body.as_bytes())].concat()
}

/// A peer that reads a request, sends `bytes` and does `then`.
pub fn bare(name: &str, bytes: Vec<u8>, then: Then) -> Behaviour {
    Behaviour::new(format!("HTTP/2: {name}"), move || {
        let bytes = bytes.clone();
        async move { Stage::of(http2::answering(bytes, then).await) }
    })
    .probed(known)
    .also("it is HTTP/2", |outcome| {
        let response = outcome.response;
        response.is_none_or(|response| response.version == HttpVersion::Http2)
    })
    .also(
        "preface, settings and request go out in one piece",
        |outcome| outcome.timeline.phase(Phase::Send) == Some(Duration::ZERO),
    )
    .also("an answer was waited for", |outcome| {
        outcome.timeline.phase(Phase::FirstByte).is_some()
    })
}

/// A server that is known to speak HTTP/2.
pub fn known(module: &mut Module) {
    let known = http2::module();
    module.checks = known.checks;
    module.follow_redirects = known.follow_redirects;
}

/// What a peer sends behind its settings, what it does then, the reason of the failure and the code
/// that counts.
type Row = (&'static str, Vec<u8>, Then, Option<R>, Option<u16>);

#[rustfmt::skip]
fn frames() -> Vec<Row> {
    let half = || [ok(), on_stream(DATA, 0, b"half")].concat();
    let conflict = || head("409", &[], 0);
    let interim = || head("103", &[("link", "<x>")], 0);
    let cut_head = |bytes: usize| ok()[..bytes].to_vec();
    vec![
        ("closed", vec![], Close, Some(R::FirstByteClosed), None),
        ("reset", vec![], Reset, Some(R::FirstByteReset), None),
        ("silent", vec![], Hold, Some(R::FirstByteTimeout), None),
        ("an interim head, then silent", interim(), Hold, Some(R::FirstByteTimeout), None),
        ("an interim head, then closed", interim(), Close, Some(R::FirstByteClosed), None),
        ("half a head, then closed", cut_head(12), Close, Some(R::TransferHeaderTruncated), None),
        ("half a head, then silent", cut_head(12), Hold, Some(R::TransferHeaderTimeout), None),
        ("a head that goes on", on_stream(HEADERS, 0, &status("200")), Hold, Some(R::TransferHeaderTimeout), None),
        ("half a body, then closed", half(), Close, Some(R::TransferBodyTruncated), Some(200)),
        ("half a body, then reset", half(), Reset, Some(R::TransferBodyReset), Some(200)),
        ("half a body, then silent", half(), Hold, Some(R::TransferBodyTimeout), Some(200)),
        ("going away", goaway(0, 0, ""), Hold, Some(R::TransferH2Goaway), None),
        ("going away, with words", goaway(0, 11, "calm\ndown"), Close, Some(R::TransferH2Goaway), None),
        ("going away, though it would answer", goaway(1, 0, ""), Close, Some(R::TransferH2Goaway), None),
        ("going away within a body", [half(), goaway(0, 2, "")].concat(), Hold, Some(R::TransferH2Goaway), Some(200)),
        ("going away for all within a body, then closed", [half(), goaway(0, 0, "")].concat(), Close, Some(R::TransferH2Goaway), Some(200)),
        ("going away when done, then closed within the body", [half(), goaway(1, 0, "")].concat(), Close, Some(R::TransferBodyTruncated), Some(200)),
        ("going away when done, then reset within the body", [half(), goaway(1, 0, "")].concat(), Reset, Some(R::TransferBodyReset), Some(200)),
        ("going away when all is done, then closed within the body", [goaway(255, 0, ""), half(), goaway(1, 0, "")].concat(), Close, Some(R::TransferBodyTruncated), Some(200)),
        ("going away when done, then closed within the head", [goaway(1, 0, ""), cut_head(12)].concat(), Close, Some(R::TransferH2Goaway), None),
        ("refused", reset(7), Hold, Some(R::TransferH2Refused), None),
        ("a stream reset", reset(1), Hold, Some(R::TransferH2Reset), None),
        ("HTTP/1.1 required", reset(13), Hold, Some(R::TransferH2Reset), None),
        ("a stream reset within a body", [half(), reset(8)].concat(), Hold, Some(R::TransferBodyReset), Some(200)),
        ("a stream reset without an error", [half(), reset(0)].concat(), Hold, Some(R::TransferBodyTruncated), Some(200)),
        ("a conflict, then reset", [conflict(), reset(2)].concat(), Hold, Some(R::ValidateStatus), Some(409)),
        ("a conflict, then going away", [conflict(), goaway(0, 2, "")].concat(), Close, Some(R::ValidateStatus), Some(409)),
        ("a conflict, then nonsense", [conflict(), on_stream(WINDOW_UPDATE, 0, &[0; 4])].concat(), Hold, Some(R::ValidateStatus), Some(409)),
        ("a conflict, then reset by TCP", conflict(), Reset, Some(R::ValidateStatus), Some(409)),
        ("no status", on_stream(HEADERS, END_HEADERS | END_STREAM, &field("server", "x")), Hold, Some(R::TransferStatusInvalid), None),
        ("status 099", head("099", &[], END_STREAM), Hold, Some(R::TransferStatusInvalid), None),
        ("status 2x0", head("2x0", &[], END_STREAM), Hold, Some(R::TransferStatusInvalid), None),
        ("status 1000", head("1000", &[], END_STREAM), Hold, Some(R::TransferStatusInvalid), None),
        ("status twice", on_stream(HEADERS, END_HEADERS, &[0x88, 0x88]), Hold, Some(R::TransferStatusInvalid), None),
        ("a conflict with a name in capitals", head("409", &[("Server", "x")], 0), Hold, Some(R::ValidateStatus), Some(409)),
        ("a conflict with a header of HTTP/1", head("409", &[("connection", "close")], END_STREAM), Hold, Some(R::ValidateStatus), Some(409)),
        ("a conflict with a header of HTTP/1, behind an interim head", [interim(), head("409", &[("connection", "close")], 0)].concat(), Hold, Some(R::ValidateStatus), Some(409)),
        ("a name in capitals", head("200", &[("Server", "x")], 0), Hold, Some(R::TransferH2Protocol), Some(200)),
        ("a header of HTTP/1", head("200", &[("connection", "close")], 0), Hold, Some(R::TransferH2Protocol), Some(200)),
        ("an index that is not there", on_stream(HEADERS, END_HEADERS, &[0x88, 0xff, 0x70]), Hold, Some(R::TransferH2Protocol), Some(200)),
        ("a body without a head", on_stream(DATA, 0, b"x"), Hold, Some(R::TransferH2Protocol), None),
        ("a push", on_stream(PUSH_PROMISE, END_HEADERS, &[0, 0, 0, 2, 0x82]), Hold, Some(R::TransferH2Protocol), None),
        ("a frame too large", control(PING, 0, &[0; 20_000]), Hold, Some(R::TransferH2Protocol), None),
        ("an update by nothing", control(WINDOW_UPDATE, 0, &[0; 4]), Hold, Some(R::TransferH2Protocol), None),
        ("settings out of range", control(SETTINGS, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]), Hold, Some(R::TransferH2Protocol), None),
        ("a length too large", with_length("9", "half"), Hold, Some(R::TransferFraming), Some(200)),
        ("a length too small", with_length("3", "half"), Hold, Some(R::TransferFraming), Some(200)),
        ("a length that fits", with_length("4", "half"), Hold, None, Some(200)),
        ("no body", head("204", &[], END_STREAM), Hold, None, Some(204)),
        ("no body, then reset", head("204", &[], END_STREAM), Reset, None, Some(204)),
        ("interim heads", [interim(), interim(), head("204", &[], END_STREAM)].concat(), Hold, None, Some(204)),
        ("trailers", [half(), on_stream(HEADERS, END_HEADERS | END_STREAM, &field("a", "b"))].concat(), Hold, None, Some(200)),
        ("an empty end", [half(), on_stream(DATA, END_STREAM, b"")].concat(), Hold, None, Some(200)),
        ("padding", [ok(), on_stream(DATA, END_STREAM | PADDED, b"\x02half\0\0")].concat(), Hold, None, Some(200)),
        ("404", head("404", &[], END_STREAM), Hold, Some(R::ValidateStatus), Some(404)),
        ("409", head("409", &[], END_STREAM), Hold, Some(R::ValidateStatus), Some(409)),
    ]
}

/// Who does not begin with settings speaks no HTTP/2.
#[rustfmt::skip]
fn without_settings() -> Vec<(&'static str, Vec<u8>, Then, R)> {
    vec![
        ("nothing at all", vec![], Close, R::FirstByteClosed),
        ("HTTP/1.1", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Close, R::TransferNotHttp),
        ("SSH", b"SSH-2.0-OpenSSH_9\r\n".to_vec(), Hold, R::TransferNotHttp),
        ("TLS", b"\x15\x03\x01\x00\x02\x02\x46padding".to_vec(), Hold, R::TransferNotHttp),
        ("an acknowledgement of nothing", control(SETTINGS, ACK, &[]), Hold, R::TransferH2Protocol),
    ]
}

#[rustfmt::skip]
fn floods() -> Vec<(&'static str, Vec<u8>, R, Option<u16>)> {
    let flood = |frame: Vec<u8>| frame.repeat(5_000);
    let large: Vec<u8> = (0..3_000).flat_map(|n| field(&format!("name-{n}"), &"v".repeat(90))).collect();
    let mut in_pieces = on_stream(HEADERS, 0, &status("200"));
    for piece in large.chunks(16_000) {
        in_pieces.extend(on_stream(CONTINUATION, 0, piece));
    }
    let in_crumbs = [
        on_stream(HEADERS, 0, &status("200")),
        on_stream(CONTINUATION, 0, &field("a", "b")).repeat(100),
    ].concat();
    vec![
        ("flood of PING", flood(control(PING, 0, &[0; 8])), R::TransferH2Flood, None),
        ("flood of SETTINGS", flood(settings()), R::TransferH2Flood, None),
        ("flood of PRIORITY", flood(on_stream(PRIORITY, 0, &[0, 0, 0, 3, 9])), R::TransferH2Flood, None),
        ("flood of WINDOW_UPDATE", flood(control(WINDOW_UPDATE, 0, &[0, 0, 0, 1])), R::TransferH2Flood, None),
        ("flood of unknown frames", flood(control(0xbe, 0, b"x")), R::TransferH2Flood, None),
        ("flood of large unknown frames", control(0xbe, 0, &[0; 16_000]).repeat(100), R::TransferH2Flood, None),
        ("flood of empty DATA", [ok(), flood(on_stream(DATA, 0, b""))].concat(), R::TransferH2Flood, Some(200)),
        ("flood of interim heads", flood(head("103", &[], 0)), R::TransferH2Flood, None),
        ("a large head", in_pieces, R::TransferHeaderTooLarge, None),
        ("a head in crumbs", in_crumbs, R::TransferH2Flood, None),
    ]
}

/// What a server does not grant is not taken, as what it does not read; one that allows no request, or
/// never begins to speak, is told from both.
#[rustfmt::skip]
fn uploads() -> Vec<Behaviour> {
    let conflict = || head("409", &[], END_STREAM);
    let early = || [settings(), conflict()].concat();
    vec![
        upload("no window", settings(), Hold).fails(R::SendTimeout),
        upload("no settings", vec![], Hold).fails(R::TransferH2Stalled),
        upload("not read", wide_open(), Hold).fails(R::SendTimeout),
        upload("reset by TCP", settings(), Reset).fails(R::SendReset),
        upload("refused", [settings(), reset(7)].concat(), Hold).fails(R::TransferH2Refused),
        upload("answered early", early(), Hold).fails(R::ValidateStatus).counts(409),
        upload("answered early, then reset", [early(), reset(0)].concat(), Reset).fails(R::ValidateStatus).counts(409),
    ]
}

/// An upload of 24 MB of which a kilobyte is read.
pub fn upload(name: &str, bytes: Vec<u8>, then: Then) -> Behaviour {
    Behaviour::new(format!("HTTP/2 upload: {name}"), move || {
        let bytes = bytes.clone();
        async move {
            let peer = peer::serve(move |mut stream| {
                let bytes = bytes.clone();
                async move {
                    if stream.read_exact(&mut [0; 1000]).await.is_ok() {
                        stream.write_all(&bytes).await.ok();
                        peer::finish(stream, then).await;
                    }
                }
            });
            Stage::of(peer.await)
        }
    })
    .probed(known)
    .probed(|module| {
        module.method = http::Method::PUT;
        module.body = Bytes::from(vec![b'x'; 24 << 20]).into();
    })
    .also("it was being sent", |outcome| {
        outcome.timeline.phase(Phase::Send).is_some()
    })
    .also("nobody waited for an answer", |outcome| {
        outcome.timeline.phase(Phase::FirstByte).is_none()
    })
}
