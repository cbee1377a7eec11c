//! Responses over HTTP/2 that are wrong, by their frames and by how the connection ends.

use std::time::Duration;

use bytes::Bytes;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::outcome::{HttpVersion, Verdict};
use httpcycle_exporter::target::module::Module;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::failures::{PATIENCE, SHORT, reason};
use crate::support::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY,
    PUSH_PROMISE, SETTINGS, WINDOW_UPDATE, control, field, goaway, head, on_stream, read_request,
    reset, settings, status, wide_open,
};
use crate::support::peer::Then::{self, Close, Hold, Reset};
use crate::support::{http2, peer, pki, probing};

/// What a peer sends behind its settings, what it does then, the reason of the failure and the code
/// that counts.
type Row = (&'static str, Vec<u8>, Then, Option<R>, Option<u16>);

fn ok() -> Vec<u8> {
    head("200", &[], 0)
}

fn with_length(length: &str, body: &str) -> Vec<u8> {
    let head = head("200", &[("content-length", length)], 0);
    [head, on_stream(DATA, END_STREAM, body.as_bytes())].concat()
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
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
        ("refused", reset(7), Hold, Some(R::TransferH2Refused), None),
        ("a stream reset", reset(1), Hold, Some(R::TransferH2Reset), None),
        ("HTTP/1.1 required", reset(13), Hold, Some(R::TransferH2Reset), None),
        ("a stream reset within a body", [half(), reset(8)].concat(), Hold, Some(R::TransferH2Reset), Some(200)),
        ("a stream reset without an error", [half(), reset(0)].concat(), Hold, Some(R::TransferH2Reset), Some(200)),
        ("a conflict, then reset", [conflict(), reset(2)].concat(), Hold, Some(R::ValidateStatus), Some(409)),
        ("a conflict, then going away", [conflict(), goaway(0, 2, "")].concat(), Close, Some(R::ValidateStatus), Some(409)),
        ("a conflict, then nonsense", [conflict(), on_stream(WINDOW_UPDATE, 0, &[0; 4])].concat(), Hold, Some(R::ValidateStatus), Some(409)),
        ("a conflict, then reset by TCP", conflict(), Reset, Some(R::ValidateStatus), Some(409)),
        ("no status", on_stream(HEADERS, END_HEADERS | END_STREAM, &field("server", "x")), Hold, Some(R::TransferStatusInvalid), None),
        ("status 099", head("099", &[], END_STREAM), Hold, Some(R::TransferStatusInvalid), None),
        ("status 2x0", head("2x0", &[], END_STREAM), Hold, Some(R::TransferStatusInvalid), None),
        ("status 1000", head("1000", &[], END_STREAM), Hold, Some(R::TransferStatusInvalid), None),
        ("status twice", on_stream(HEADERS, END_HEADERS, &[0x88, 0x88]), Hold, Some(R::TransferH2Protocol), None),
        ("a name in capitals", head("200", &[("Server", "x")], 0), Hold, Some(R::TransferH2Protocol), None),
        ("a header of HTTP/1", head("200", &[("connection", "close")], 0), Hold, Some(R::TransferH2Protocol), None),
        ("an index that is not there", on_stream(HEADERS, END_HEADERS, &[0x88, 0xff, 0x70]), Hold, Some(R::TransferH2Protocol), None),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_are_classified() {
    for (name, frames, then, expected, code) in rows() {
        check((name, [settings(), frames].concat(), then, expected, code)).await;
    }
}

#[rustfmt::skip]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_begin_with_settings_speaks_no_http2() {
    for row in [
        ("nothing", vec![], Close, Some(R::FirstByteClosed), None),
        ("HTTP/1.1", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Close, Some(R::TransferHttpVersion), None),
        ("SSH", b"SSH-2.0-OpenSSH_9\r\n".to_vec(), Hold, Some(R::TransferNotHttp), None),
        ("TLS", b"\x15\x03\x01\x00\x02\x02\x46padding".to_vec(), Hold, Some(R::TransferNotHttp), None),
        ("a head", head("200", &[], END_STREAM), Hold, Some(R::TransferH2Protocol), None),
        ("an acknowledgement", control(SETTINGS, ACK, &[]), Hold, Some(R::TransferH2Protocol), None),
    ] {
        check(row).await;
    }
}

#[rustfmt::skip]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_are_ended() {
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
    for (name, frames, expected, code) in [
        ("PING", flood(control(PING, 0, &[0; 8])), R::TransferH2Flood, None),
        ("SETTINGS", flood(settings()), R::TransferH2Flood, None),
        ("PRIORITY", flood(on_stream(PRIORITY, 0, &[0, 0, 0, 3, 9])), R::TransferH2Flood, None),
        ("WINDOW_UPDATE", flood(control(WINDOW_UPDATE, 0, &[0, 0, 0, 1])), R::TransferH2Flood, None),
        ("unknown", flood(control(0xbe, 0, b"x")), R::TransferH2Flood, None),
        ("large unknown", control(0xbe, 0, &[0; 16_000]).repeat(100), R::TransferH2Flood, None),
        ("empty DATA", [ok(), flood(on_stream(DATA, 0, b""))].concat(), R::TransferH2Flood, Some(200)),
        ("interim heads", flood(head("103", &[], 0)), R::TransferInterimFlood, None),
        ("a large head", in_pieces, R::TransferHeaderTooLarge, None),
        ("a head in crumbs", in_crumbs, R::TransferHeaderTooLarge, None),
    ] {
        check((name, [settings(), frames].concat(), Hold, Some(expected), code)).await;
    }
}

async fn check((name, bytes, then, expected, code): Row) {
    let peer = http2::answering(bytes, then).await;
    let url = http2::url(peer.address);
    let outcome = probing::probe(&probing::prober(&url, http2::module(), SHORT)).await;
    assert_eq!(reason(&outcome), expected, "{name}: {:?}", outcome.failure);
    let response = outcome.response;
    assert_eq!(response.map(|response| response.code), code, "{name}");
    if let Some(response) = response {
        assert_eq!(response.version, HttpVersion::Http2, "{name}");
    }
    let verdict = match (code, expected) {
        (Some(409), _) => Verdict::Conflict,
        (_, Some(_)) => Verdict::Failure,
        (_, None) => Verdict::Success,
    };
    assert_eq!(outcome.verdict(), verdict, "{name}");
    let timeline = &outcome.timeline;
    assert_eq!(
        timeline.phase(Phase::Send),
        Some(Duration::ZERO),
        "{name}: preface, settings and request go out in one piece"
    );
    assert!(timeline.phase(Phase::FirstByte).is_some(), "{name}");
}

/// What a server grants is part of HTTP/2: one that grants nothing is told from one that does not
/// read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_stall_are_told_from_answers_that_break() {
    let conflict = || head("409", &[], END_STREAM);
    for (name, bytes, then, expected, code) in [
        ("no window", settings(), Hold, R::TransferH2Stalled, None),
        ("no settings", vec![], Hold, R::TransferH2Stalled, None),
        ("not read", wide_open(), Hold, R::SendTimeout, None),
        ("reset", settings(), Reset, R::SendReset, None),
        (
            "refused",
            [settings(), reset(7)].concat(),
            Hold,
            R::TransferH2Refused,
            None,
        ),
        (
            "early",
            [settings(), conflict()].concat(),
            Hold,
            R::ValidateStatus,
            Some(409),
        ),
        (
            "early, then reset",
            [settings(), conflict(), reset(0)].concat(),
            Reset,
            R::ValidateStatus,
            Some(409),
        ),
    ] {
        let peer = peer::serve(move |mut stream| {
            let bytes = bytes.clone();
            async move {
                stream.read_exact(&mut [0; 1000]).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
                peer::finish(stream, then).await;
            }
        })
        .await;
        let module = Module {
            method: http::Method::PUT,
            body: Bytes::from(vec![b'x'; 24 << 20]).into(),
            ..http2::module()
        };
        let url = http2::url(peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, SHORT)).await;
        let row = format!("{name}: {:?}, {:?}", outcome.failure, outcome.timeline);
        assert_eq!(reason(&outcome), Some(expected), "{row}");
        assert_eq!(
            outcome.response.map(|response| response.code),
            code,
            "{row}"
        );
        assert!(outcome.timeline.phase(Phase::Send).is_some(), "{row}");
        assert_eq!(outcome.timeline.phase(Phase::FirstByte), None, "{row}");
    }
}

/// A server may answer and not read the rest, though it granted all of it; that it also wants signs
/// of life, which cannot reach it, must not keep its answer from being read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_counts_though_nothing_is_read() {
    let authority = pki::Authority::new();
    let acceptor = authority.server_of("127.0.0.1", &["h2"]);
    for over_tls in [false, true] {
        let acceptor = acceptor.clone();
        let peer = peer::serve(move |mut stream| {
            let acceptor = acceptor.clone();
            async move {
                let late = [
                    [control(PING, 0, &[0; 8]), settings()].concat().repeat(10),
                    head("409", &[], END_STREAM),
                ]
                .concat();
                if over_tls {
                    let mut stream = acceptor.accept(stream).await.unwrap();
                    peer::write(&mut stream, &wide_open()).await;
                    tokio::time::sleep(SHORT / 5).await;
                    peer::write(&mut stream, &late).await;
                    std::future::pending().await
                } else {
                    peer::write(&mut stream, &wide_open()).await;
                    tokio::time::sleep(SHORT / 5).await;
                    peer::write(&mut stream, &late).await;
                    std::future::pending().await
                }
            }
        })
        .await;
        let module = Module {
            method: http::Method::PUT,
            body: Bytes::from(vec![b'x'; 64 << 20]).into(),
            tls: authority.trusted(),
            ..http2::module()
        };
        let scheme = if over_tls { "https" } else { "http" };
        let url = format!("{scheme}://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, SHORT)).await;
        let code = outcome.response.map(|response| response.code);
        assert_eq!(code, Some(409), "{scheme}: {:?}", outcome.failure);
        assert_eq!(outcome.timeline.phase(Phase::FirstByte), None, "{scheme}");
    }
}

/// An upload that is granted piece by piece goes out whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_waits_for_its_window() {
    const BODY_BYTES: usize = 1 << 20;
    let peer = peer::serve(|mut stream| async move {
        stream.write_all(&wide_open()).await.unwrap();
        assert_eq!(read_request(&mut stream).await, Some(BODY_BYTES));
        stream
            .write_all(&head("204", &[], END_STREAM))
            .await
            .unwrap();
        stream.read_u8().await.ok();
    })
    .await;
    let module = Module {
        method: http::Method::PUT,
        body: Bytes::from(vec![b'x'; BODY_BYTES]).into(),
        ..http2::module()
    };
    let url = http2::url(peer.address);
    let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
    assert_eq!(outcome.failure, None);
    assert!(outcome.timeline.phase(Phase::Send) > Some(Duration::ZERO));
}
