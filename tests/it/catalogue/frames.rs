//! Frames of HTTP/2 that break its rules one by one, and floods of those that keep them.

use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::catalogue::http2::{bare, known, ok, upload};
use crate::catalogue::{Behaviour, Stage};
use crate::support::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, control, field, frame, goaway, head,
    on_stream, read_request, reset, settings, status,
};
use crate::support::peer;
use crate::support::peer::Then::{self, Close, Hold};

/// What a peer sends behind its settings, the reason of the failure and the code that counts.
type Row = (&'static str, Vec<u8>, Option<R>, Option<u16>);

pub fn all() -> Vec<Behaviour> {
    let behind_settings =
        |name: &str, frames: Vec<u8>, then: Then| bare(name, [settings(), frames].concat(), then);
    let mut rows = Vec::new();
    for (name, frames) in breaches() {
        // Nothing behind a breach is a response, though it comes along with it.
        let more = [frames.clone(), head("409", &[], END_STREAM)].concat();
        for (name, frames) in [(name, frames), (&format!("{name}, then a conflict"), more)] {
            rows.push(behind_settings(name, frames, Hold).fails(R::TransferH2Protocol));
        }
    }
    for (name, frames) in broken_heads() {
        let row = behind_settings(name, frames, Hold);
        rows.push(row.fails(R::TransferH2Protocol).counts(200));
    }
    let told = [of_heads(), of_requests(), of_bodies()];
    for (name, frames, reason, code) in told.into_iter().flatten() {
        rows.push(
            behind_settings(name, frames, Hold)
                .fails(reason)
                .counts(code),
        );
    }
    for (name, frames, code) in floods() {
        let row = behind_settings(name, frames, Hold);
        rows.push(row.fails(R::TransferH2Flood).counts(code));
    }
    let leaving = [ok(), on_stream(DATA, 0, b"half"), goaway(1, 1, "")].concat();
    let of_head = head("200", &[("content-length", "5")], END_STREAM);
    let no_stream = || control(SETTINGS, 0, &[0, 3, 0, 0, 0, 0]);
    let no_window = control(SETTINGS, 0, &[0, 4, 0, 0, 0, 0]);
    rows.extend([
        behind_settings("going away for an error within a body", leaving, Close)
            .fails(R::TransferH2Goaway)
            .counts(200),
        behind_settings("the head alone, as asked for", of_head, Hold)
            .probed(|module| module.method = http::Method::HEAD)
            .counts(200),
        bare("silent from the first frame on", Vec::new(), Hold)
            .fails(R::TransferH2Stalled)
            .cut_in(Phase::FirstByte),
        bare("no stream allowed", no_stream(), Hold)
            .fails(R::TransferH2Stalled)
            .cut_in(Phase::FirstByte),
        upload("no stream allowed", no_stream(), Hold).fails(R::TransferH2Stalled),
        upload("a window of nothing", no_window, Hold).fails(R::SendTimeout),
        byte_by_byte(),
    ]);
    rows
}

/// A body that would end after the deadline.
fn byte_by_byte() -> Behaviour {
    Behaviour::new("HTTP/2: a body, byte by byte", || async {
        let peer = peer::serve(|mut stream| async move {
            read_request(&mut stream).await;
            peer::write(&mut stream, &[settings(), ok()].concat()).await;
            while stream.write_all(&on_stream(DATA, 0, b"x")).await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        });
        Stage::of(peer.await)
    })
    .probed(known)
    .fails(R::TransferBodyTimeout)
    .counts(200)
}

/// A head of 200 with a block that goes on like this.
fn with_block(rest: &[u8]) -> Vec<u8> {
    on_stream(HEADERS, END_HEADERS, &[&[0x88], rest].concat())
}

fn with(name: &str, value: &str) -> Vec<u8> {
    head("200", &[(name, value)], 0)
}

/// Heads that arrive whole, with a status that counts and something that h2 refuses.
#[rustfmt::skip]
fn broken_heads() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a header of HTTP/1 about its framing", with("transfer-encoding", "chunked")),
        ("a header of HTTP/1 about its life", with("keep-alive", "timeout=5")),
        ("a header of HTTP/1 about a proxy", with("proxy-connection", "close")),
        ("a header of HTTP/1 about another protocol", with("upgrade", "h2c")),
        ("a te that is not trailers", with("te", "gzip")),
        ("a line end in a value", with("a", "b\r\nc: d")),
        ("NUL in a value", with("a", "b\0c")),
        ("a space in a name", with("a b", "c")),
        ("a name of nothing", with("", "c")),
        ("a pseudo field that nobody knows", with(":odd", "x")),
        ("a table larger than allowed", on_stream(HEADERS, END_HEADERS, &[0x3f, 0xe1, 0xff, 0x7f, 0x88])),
        ("an integer without an end", with_block(&[0xff; 16])),
        ("an index of nothing", with_block(&[0x80])),
        ("a code that is none", with_block(&[0, 1, b'a', 0x84, 0xff, 0xff, 0xff, 0xff])),
        ("a block that is cut", with_block(&[0, 1, b'a', 9, b'b'])),
    ]
}

/// Each is an error of the protocol, whatever may come behind it.
#[rustfmt::skip]
fn breaches() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a status behind a field", on_stream(HEADERS, END_HEADERS, &[field("server", "x"), vec![0x88]].concat())),
        ("a status behind a pseudo field that nobody knows", on_stream(HEADERS, END_HEADERS, &[field(":odd", "x"), vec![0x88]].concat())),
        ("a head that is all padding", on_stream(HEADERS, END_HEADERS | PADDED, &[9, 0x88])),
        ("a head interrupted by a ping", [on_stream(HEADERS, 0, &[0x88]), control(PING, 0, &[0; 8])].concat()),
        ("more of a head that has ended", on_stream(CONTINUATION, END_HEADERS, &[0x88])),
        ("a head of the connection", control(HEADERS, END_HEADERS, &[0x88])),
        ("a head of another stream", frame(HEADERS, END_HEADERS, 3, &[0x88])),
        ("a head of a stream that was not promised", frame(HEADERS, END_HEADERS, 2, &[0x88])),
        ("a body of the connection", control(DATA, 0, b"x")),
        ("a body of another stream", frame(DATA, 0, 3, b"x")),
        ("a reset of the connection", control(RST_STREAM, 0, &[0; 4])),
        ("a reset of another stream", frame(RST_STREAM, 0, 3, &[0; 4])),
        ("a reset that is too short", on_stream(RST_STREAM, 0, &[0; 3])),
        ("an update beyond all bounds", control(WINDOW_UPDATE, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("an update of the stream beyond all bounds", on_stream(WINDOW_UPDATE, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("an update of the stream, then settings beyond all bounds", [on_stream(WINDOW_UPDATE, 0, &[0, 0, 0, 1]), control(SETTINGS, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff])].concat()),
        ("an update of another stream", frame(WINDOW_UPDATE, 0, 3, &[0, 0, 0, 1])),
        ("an update of a stream by nothing", on_stream(WINDOW_UPDATE, 0, &[0; 4])),
        ("an update that is too short", control(WINDOW_UPDATE, 0, &[0; 3])),
        ("settings of a stream", on_stream(SETTINGS, 0, &[])),
        ("settings that are cut", control(SETTINGS, 0, &[0, 4, 0, 0, 0])),
        ("settings that acknowledge with words", control(SETTINGS, ACK, &[0, 4, 0, 0, 0, 9])),
        ("a setting that lets the client push", control(SETTINGS, 0, &[0, 2, 0, 0, 0, 1])),
        ("a setting of push that is no choice", control(SETTINGS, 0, &[0, 2, 0, 0, 0, 2])),
        ("a setting of frames of nothing", control(SETTINGS, 0, &[0, 5, 0, 0, 0, 0])),
        ("a setting of frames beyond all bounds", control(SETTINGS, 0, &[0, 5, 1, 0, 0, 0])),
        ("a ping of a stream", on_stream(PING, 0, &[0; 8])),
        ("a ping that is too short", control(PING, 0, &[0; 7])),
        ("a priority that is too short", on_stream(PRIORITY, 0, &[0; 4])),
        ("going away, of a stream", on_stream(GOAWAY, 0, &[0; 8])),
        ("going away, cut", control(GOAWAY, 0, &[0; 4])),
        ("a push of the connection", control(PUSH_PROMISE, END_HEADERS, &[0, 0, 0, 2, 0x82])),
        ("HTTP/1.1 behind settings", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("resets of streams that never were", (1..60).flat_map(|n| frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8])).collect()),
    ]
}

#[rustfmt::skip]
fn of_heads() -> Vec<Row> {
    let length = |value: &str, flags| head("200", &[("content-length", value)], flags);
    let conflict = |value: &str, flags| head("409", &[("content-length", value)], flags);
    let setting_of_window = |bytes: [u8; 4]| control(SETTINGS, 0, &[&[0, 4][..], &bytes].concat());
    let widest = || [setting_of_window([0x7f, 0xff, 0xff, 0xff]), control(WINDOW_UPDATE, 0, &[0x7f, 0xff, 0, 0])].concat();
    let narrowed = || [on_stream(WINDOW_UPDATE, 0, &[0x7f, 0xff, 0, 0]), setting_of_window([0; 4]), on_stream(WINDOW_UPDATE, 0, &[0, 0, 0xff, 0xff])].concat();
    let two_lengths = |one, other| head("200", &[("content-length", one), ("content-length", other)], 0);
    // One field kept in the table, and thousands of references to it.
    let kept = [&[0x40, 1, b'n', 120][..], &[b'v'; 120]].concat();
    let bomb = with_block(&[kept, vec![0xbe; 2_000]].concat());
    // A long name in Huffman's code, and thousands of values for it.
    let long_name = [&[0x40, 0xff, 0xa1, 0x1e][..], &[0xf8; 4_000], &[0]].concat();
    let named = with_block(&[long_name, [0x7e, 0].repeat(6_000)].concat());
    let crumbs = || field("a", "b").repeat(2_500);
    let many_fields = [
        on_stream(HEADERS, 0, &[0x88]),
        on_stream(CONTINUATION, 0, &crumbs()),
        on_stream(CONTINUATION, 0, &crumbs()),
        on_stream(CONTINUATION, 0, &crumbs()),
        on_stream(CONTINUATION, END_HEADERS, &crumbs()),
    ].concat();
    vec![
        ("an empty status", head("", &[], END_STREAM), Some(R::TransferStatusInvalid), None),
        ("status abc", head("abc", &[], END_STREAM), Some(R::TransferStatusInvalid), None),
        ("status +20", head("+20", &[], END_STREAM), Some(R::TransferStatusInvalid), None),
        ("status 20", head("20", &[], END_STREAM), Some(R::TransferStatusInvalid), None),
        ("a head without fields", on_stream(HEADERS, END_HEADERS | END_STREAM, &[]), Some(R::TransferStatusInvalid), None),
        ("two different statuses", on_stream(HEADERS, END_HEADERS, &[0x88, 0x8d]), Some(R::TransferStatusInvalid), None),
        ("a length that is no number", length("abc", 0), Some(R::TransferFraming), Some(200)),
        ("a negative length", length("-1", 0), Some(R::TransferFraming), Some(200)),
        ("an empty length", length("", 0), Some(R::TransferFraming), Some(200)),
        ("a length of twenty digits", length("18446744073709551615", 0), Some(R::TransferFraming), Some(200)),
        ("a length of many zeros", length("0000000000000000000004", 0), Some(R::TransferFraming), Some(200)),
        ("a length beyond all bounds", length("18446744073709551616", 0), Some(R::TransferFraming), Some(200)),
        ("a length and no body", length("5", END_STREAM), Some(R::TransferFraming), Some(200)),
        ("two lengths", two_lengths("4", "5"), Some(R::TransferFraming), Some(200)),
        ("a conflict with a length and no body", conflict("5", END_STREAM), Some(R::ValidateStatus), Some(409)),
        ("a conflict of a negative length", conflict("-1", 0), Some(R::ValidateStatus), Some(409)),
        ("a conflict of an empty length", conflict("", 0), Some(R::ValidateStatus), Some(409)),
        ("a conflict of two lengths", head("409", &[("content-length", "4"), ("content-length", "5")], 0), Some(R::ValidateStatus), Some(409)),
        ("one length twice", [two_lengths("4", "4"), on_stream(DATA, END_STREAM, b"half")].concat(), None, Some(200)),
        ("a length of what 204 has not", head("204", &[("content-length", "5")], END_STREAM), None, Some(204)),
        ("a long name again and again", named, Some(R::TransferHeaderTooLarge), Some(200)),
        ("a small head that unfolds", bomb, Some(R::TransferHeaderTooLarge), Some(200)),
        ("a head of many small fields", many_fields, Some(R::TransferHeaderTooLarge), Some(200)),
        ("settings that forbid a push", [control(SETTINGS, 0, &[0, 2, 0, 0, 0, 0]), head("204", &[], END_STREAM)].concat(), None, Some(204)),
        ("the widest windows", [widest(), head("204", &[], END_STREAM)].concat(), None, Some(204)),
        ("a window that is narrowed and widened again", [narrowed(), head("204", &[], END_STREAM)].concat(), None, Some(204)),
        ("frames that nobody knows", [(0x0a..0x10).flat_map(|kind| control(kind, 0xff, b"x")).collect(), head("204", &[], END_STREAM)].concat(), None, Some(204)),
        ("going away behind the answer", [head("204", &[], END_STREAM), goaway(1, 0, "")].concat(), None, Some(204)),
        ("going away before the answer", [goaway(1, 0, ""), head("204", &[], END_STREAM)].concat(), None, Some(204)),
        ("going away twice, the second time at once", [goaway(1, 0, ""), goaway(0, 0, "")].concat(), Some(R::TransferH2Goaway), None),
        ("a stream reset for an inner error", reset(2), Some(R::TransferH2Reset), None),
        ("a stream reset without an error before its answer", reset(0), Some(R::TransferH2Reset), None),
        ("a stream reset, then answered", [reset(8), ok()].concat(), Some(R::TransferH2Reset), None),
    ]
}

/// Heads with fields that requests have, and such as answer a request that was not made.
#[rustfmt::skip]
fn of_requests() -> Vec<Row> {
    let block = |block: &[u8]| on_stream(HEADERS, END_HEADERS, block);
    let before = |first: Vec<u8>, code: &str| block(&[first, status(code)].concat());
    let behind = |code: &str, last: &[u8]| block(&[&status(code), last].concat());
    let answer = || head("204", &[], END_STREAM);
    vec![
        ("a method behind the status", behind("200", &[0x82]), Some(R::TransferH2Protocol), Some(200)),
        ("a scheme behind the status, by name", with(":scheme", "http"), Some(R::TransferH2Protocol), Some(200)),
        ("a protocol behind the status", with(":protocol", "websocket"), Some(R::TransferH2Protocol), Some(200)),
        ("a path before the status", before(vec![0x84], "200"), Some(R::TransferH2Protocol), Some(200)),
        ("an authority before the status, by name", before(field(":authority", "a"), "200"), Some(R::TransferH2Protocol), Some(200)),
        ("a method and no status", block(&[0x82]), Some(R::TransferH2Protocol), None),
        ("a path in a redirect", head("302", &[("location", "/x"), (":path", "/")], END_STREAM), Some(R::TransferH2Protocol), Some(302)),
        ("a conflict with a method behind its status", behind("409", &[0x82]), Some(R::ValidateStatus), Some(409)),
        ("a conflict with a path before its status", before(vec![0x84], "409"), Some(R::ValidateStatus), Some(409)),
        ("a path in an interim head", [behind("103", &[0x84]), answer()].concat(), Some(R::TransferH2Protocol), None),
        ("a path before an interim status", [before(vec![0x84], "103"), answer()].concat(), Some(R::TransferH2Protocol), None),
        ("a method behind an interim head", [head("103", &[("a", "b")], 0), behind("200", &[0x82])].concat(), Some(R::TransferH2Protocol), Some(200)),
        ("101", head("101", &[], 0), Some(R::TransferUnexpectedUpgrade), Some(101)),
        ("101 that ends the stream", head("101", &[], END_STREAM), Some(R::TransferUnexpectedUpgrade), Some(101)),
        ("101, then an answer", [head("101", &[], 0), answer()].concat(), Some(R::TransferUnexpectedUpgrade), Some(101)),
        ("101 by a name that an interim head left", [head("103", &[], 0), block(b"\x7e\x03101")].concat(), Some(R::TransferUnexpectedUpgrade), Some(101)),
    ]
}

#[rustfmt::skip]
fn of_bodies() -> Vec<Row> {
    let half = || [ok(), on_stream(DATA, 0, b"half")].concat();
    let whole = || [ok(), on_stream(DATA, END_STREAM, b"whole")].concat();
    let of_length = |length, flags, block: &[u8]| {
        let body = [head("200", &[("content-length", length)], 0), on_stream(DATA, 0, b"half")];
        [body.concat(), on_stream(HEADERS, END_HEADERS | flags, block)].concat()
    };
    let long = |flags, block: &[u8]| of_length("9", flags, block);
    let fitting = |flags, block: &[u8]| of_length("4", flags, block);
    let trailers = |flags, block: &[u8]| [half(), on_stream(HEADERS, END_HEADERS | flags, block)].concat();
    vec![
        ("a piece of a body that is too large", [ok(), on_stream(DATA, 0, &[0; 20_000])].concat(), Some(R::TransferH2Protocol), Some(200)),
        ("a piece of a body that is all padding", [ok(), on_stream(DATA, PADDED, &[9, 0])].concat(), Some(R::TransferH2Protocol), Some(200)),
        ("an update of the stream beyond all bounds, within a body", [half(), on_stream(WINDOW_UPDATE, 0, &[0x7f, 0xff, 0xff, 0xff])].concat(), Some(R::TransferH2Protocol), Some(200)),
        ("a setting that lets the client push, within a body", [half(), control(SETTINGS, 0, &[0, 2, 0, 0, 0, 1])].concat(), Some(R::TransferH2Protocol), Some(200)),
        ("an update beyond all bounds behind the end", [whole(), on_stream(WINDOW_UPDATE, 0, &[0x7f, 0xff, 0xff, 0xff])].concat(), None, Some(200)),
        ("a status in trailers", trailers(END_STREAM, &[0x88]), Some(R::TransferH2Protocol), Some(200)),
        ("a length that does not fit, then trailers", long(END_STREAM, &field("a", "b")), Some(R::TransferFraming), Some(200)),
        ("a length that fits, then trailers", fitting(END_STREAM, &field("a", "b")), None, Some(200)),
        ("a length that fits, then wrong trailers", fitting(END_STREAM, &field("A", "b")), Some(R::TransferH2Protocol), Some(200)),
        ("a length that fits, then trailers that do not end", fitting(0, &field("a", "b")), Some(R::TransferH2Protocol), Some(200)),
        ("trailers that do not end", trailers(0, &field("a", "b")), Some(R::TransferH2Protocol), Some(200)),
        ("trailers again and again", [half(), on_stream(HEADERS, END_HEADERS, &field("a", "b")).repeat(5_000)].concat(), Some(R::TransferH2Protocol), Some(200)),
        ("an end twice", [whole(), on_stream(DATA, END_STREAM, b"more")].concat(), None, Some(200)),
        ("a head behind the end", [whole(), head("500", &[], END_STREAM)].concat(), None, Some(200)),
        ("a stream reset behind the end", [whole(), reset(0)].concat(), None, Some(200)),
        ("a stream reset for an error behind the end", [whole(), reset(2)].concat(), None, Some(200)),
        ("a stream refused within a body", [half(), reset(7)].concat(), Some(R::TransferBodyReset), Some(200)),
        ("a body of small pieces", [ok(), on_stream(DATA, 0, b"x").repeat(5_000), on_stream(DATA, END_STREAM, b"")].concat(), None, Some(200)),
        ("a body of pieces with padding", [control(SETTINGS, ACK, &[]), ok(), on_stream(DATA, PADDED, &[&[255][..], &[b'x'; 1_000]].concat()).repeat(2_000), on_stream(DATA, END_STREAM, b"")].concat(), None, Some(200)),
    ]
}

#[rustfmt::skip]
fn floods() -> Vec<(&'static str, Vec<u8>, Option<u16>)> {
    let begun = |more: Vec<u8>| [on_stream(HEADERS, 0, &[0x88]), more].concat();
    let body = |more: Vec<u8>| [ok(), more].concat();
    vec![
        ("flood of empty pieces of a head", begun(on_stream(CONTINUATION, 0, &[]).repeat(5_000)), None),
        ("flood of pieces of a head", begun(on_stream(CONTINUATION, 0, &field("a", &"b".repeat(100)).repeat(9)).repeat(5_000)), None),
        ("flood of settings with many settings", control(SETTINGS, 0, &[0, 9, 0, 0, 0, 0].repeat(2_000)).repeat(200), None),
        ("flood of acknowledged pings", control(PING, ACK, &[0; 8]).repeat(5_000), None),
        ("flood of padding", body(on_stream(DATA, PADDED, &[&[99][..], &[0; 99]].concat()).repeat(5_000)), Some(200)),
        ("flood of padding around bytes", [control(SETTINGS, ACK, &[]), body(on_stream(DATA, PADDED, &[&[200][..], &[0; 201]].concat()).repeat(9_000))].concat(), Some(200)),
        ("flood of bytes", body(on_stream(DATA, 0, b"x").repeat(20_000)), Some(200)),
        ("flood of pings within a body", body([on_stream(DATA, 0, b"x"), control(PING, 0, &[0; 8])].concat().repeat(5_000)), Some(200)),
    ]
}
