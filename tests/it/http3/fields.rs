//! Fields that a head or trailers may not have (RFC 9114, 4.2 and 4.3): the code counts, and nothing is
//! followed.

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::http3::failures::{Row, assert_reasons};
use crate::http3::{PATIENCE, probe_with, reason};
use crate::support::http3;
use crate::support::http3::Then::Finish;
use crate::support::http3::{DATA, HEADERS, field, frame, head};

const OK: u8 = 0xd9;
const PATH: u8 = 0xc1;
const METHOD: u8 = 0xd1;

fn of(fields: &[&[u8]]) -> Vec<u8> {
    frame(HEADERS, &[&[0, 0], &fields.concat()[..]].concat())
}

/// A field whose value has the sign of the end of Huffman's code.
fn ended() -> Vec<u8> {
    b"\x21a\x84\xff\xff\xff\xff".to_vec()
}

#[rustfmt::skip]
fn heads() -> Vec<(&'static str, Vec<u8>, R, Option<u16>)> {
    let with = |name, value| head("200", &[(name, value)]);
    let other = field("server", "x");
    vec![
        ("status twice", of(&[&[OK, OK]]), R::TransferStatusInvalid, None),
        ("two statuses", of(&[&[OK], &field(":status", "409")]), R::TransferStatusInvalid, None),
        ("a status behind a field", of(&[&other, &[OK]]), R::TransferHeaderInvalid, None),
        ("a status behind a field that looks like one", of(&[&field("a", "409"), &[OK]]), R::TransferHeaderInvalid, None),
        ("a path", of(&[&[OK, PATH]]), R::TransferHeaderInvalid, Some(200)),
        ("a path in full", with(":path", "/"), R::TransferHeaderInvalid, Some(200)),
        ("a method first", of(&[&[METHOD, OK]]), R::TransferHeaderInvalid, None),
        ("a pseudo field that nobody knows", with(":odd", "x"), R::TransferHeaderInvalid, Some(200)),
        ("a header of HTTP/1", with("connection", "close"), R::TransferHeaderInvalid, Some(200)),
        ("a header of HTTP/1 about its framing", with("transfer-encoding", "chunked"), R::TransferHeaderInvalid, Some(200)),
        ("a header of HTTP/1 about its life", with("keep-alive", "timeout=5"), R::TransferHeaderInvalid, Some(200)),
        ("a header of HTTP/1 about a proxy", with("proxy-connection", "close"), R::TransferHeaderInvalid, Some(200)),
        ("a header of HTTP/1 about another protocol", with("upgrade", "h2c"), R::TransferHeaderInvalid, Some(200)),
        ("a te that is not trailers", with("te", "gzip"), R::TransferHeaderInvalid, Some(200)),
        ("a name in capitals", with("Server", "x"), R::TransferHeaderInvalid, Some(200)),
        ("a code that is none", of(&[&[OK], &ended()]), R::TransferHeaderInvalid, Some(200)),
        ("an index of nothing", of(&[&[0x80]]), R::TransferHeaderInvalid, None),
        ("an interim head with a path", of(&[&[0xd8, PATH]]), R::TransferHeaderInvalid, None),
        ("a conflict with a header of HTTP/1", head("409", &[("connection", "close")]), R::ValidateStatus, Some(409)),
        ("a conflict with a path", head("409", &[(":path", "/")]), R::ValidateStatus, Some(409)),
        ("a conflict with a code that is none", of(&[&field(":status", "409"), &ended()]), R::ValidateStatus, Some(409)),
    ]
}

/// What comes behind the body.
fn trailers() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a path", of(&[&[PATH]])),
        ("a second head", of(&[&[OK]])),
        ("another head", head("500", &[])),
        ("a name in capitals", of(&[&field("Abc", "x")])),
        ("a header of HTTP/1", of(&[&field("connection", "close")])),
        ("a code that is none", of(&[&ended()])),
        ("an index of nothing", of(&[&[0x80]])),
        ("a text that is cut", of(&[&[0x21, b'a', 9, b'b']])),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_may_not_be_there_are_told() {
    let mut rows: Vec<Row> = Vec::new();
    for (what, head, expected, code) in heads() {
        rows.push((what, vec![head], Finish, Some(expected), code));
    }
    for (what, trailers) in trailers() {
        for (code, expected) in [
            ("200", R::TransferHeaderInvalid),
            ("409", R::ValidateStatus),
        ] {
            let pieces = vec![head(code, &[]), frame(DATA, b"x"), trailers.clone()];
            rows.push((what, pieces, Finish, Some(expected), code.parse().ok()));
        }
    }
    let te = head("200", &[("te", "trailers")]);
    rows.push(("a te of trailers", vec![te], Finish, None, Some(200)));
    let interim = head("103", &[("connection", "close")]);
    let conflict = head("409", &[]);
    for pieces in [
        vec![interim.clone(), conflict.clone()],
        vec![[interim, conflict].concat()],
    ] {
        let what = "a conflict behind an interim head with a header of HTTP/1";
        rows.push((what, pieces, Finish, Some(R::ValidateStatus), Some(409)));
    }
    assert_reasons(rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_with_such_fields_is_not_followed() {
    for name in ["connection", ":path"] {
        let found = head("302", &[("location", "/x"), (name, "x")]);
        let server = http3::sending(found, Finish);
        let outcome = probe_with(&server, PATIENCE, |module| {
            module.follow_redirects = true;
        })
        .await;
        let response = outcome.response.expect("it counts");
        assert_eq!((response.code, response.redirects), (302, 0), "{name}");
        assert_eq!(reason(&outcome), Some(R::TransferHeaderInvalid), "{name}");
    }
}
