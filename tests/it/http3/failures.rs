//! What a server does wrong once there is a connection: one row, one reason.

use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::reason::Reason as R;

use crate::http3::{PATIENCE, probe_with, reason};
use crate::support::http3;
use crate::support::http3::Then::{Close, Finish, Hold, Reset};
use crate::support::http3::{DATA, HEADERS, SETTINGS, Then, field, frame, head};

/// What is answered, what becomes of the stream, the reason, and the code that counts.
pub type Row = (
    &'static str,
    Vec<Vec<u8>>,
    Then,
    Option<Reason>,
    Option<u16>,
);

const H3_NO_ERROR: u32 = 0x100;
const H3_INTERNAL_ERROR: u32 = 0x102;

fn ok() -> Vec<u8> {
    head("200", &[])
}

fn of_length(length: &str) -> Vec<u8> {
    head("200", &[("content-length", length)])
}

fn body(text: &[u8]) -> Vec<u8> {
    frame(DATA, text)
}

fn cut(frame: &[u8], length: usize) -> Vec<u8> {
    frame[..length].to_vec()
}

fn interim() -> Vec<u8> {
    head("103", &[("link", "</a>")])
}

/// Fields without a status.
fn block() -> Vec<u8> {
    frame(HEADERS, &[&[0, 0][..], &field("x", "y")].concat())
}

/// What is taken.
fn fine() -> Vec<Row> {
    vec![
        (
            "fine",
            vec![of_length("3"), body(b"abc")],
            Finish,
            None,
            Some(200),
        ),
        ("no body", vec![head("204", &[])], Finish, None, Some(204)),
        (
            "pieces of nothing",
            vec![
                ok(),
                body(b""),
                body(b"ab"),
                body(b""),
                body(b"c"),
                body(b""),
            ],
            Finish,
            None,
            Some(200),
        ),
        (
            "trailers",
            vec![ok(), body(b""), body(b"a"), block()],
            Finish,
            None,
            Some(200),
        ),
        (
            "frames that mean nothing",
            vec![
                frame(0x21, b"grease"),
                ok(),
                frame(0x40, b""),
                body(b"a"),
                frame(0x21, b""),
            ],
            Finish,
            None,
            Some(200),
        ),
        (
            "interim",
            vec![interim(), interim(), head("409", &[])],
            Finish,
            Some(R::ValidateStatus),
            Some(409),
        ),
    ]
}

/// Streams and connections that end where they may not.
fn ended() -> Vec<Row> {
    vec![
        ("nothing", vec![], Finish, Some(R::FirstByteClosed), None),
        (
            "reset",
            vec![],
            Reset(H3_INTERNAL_ERROR),
            Some(R::FirstByteReset),
            None,
        ),
        (
            "closed",
            vec![],
            Close(H3_NO_ERROR),
            Some(R::FirstByteClosed),
            None,
        ),
        (
            "only interim",
            vec![interim()],
            Finish,
            Some(R::FirstByteClosed),
            None,
        ),
        (
            "half a head",
            vec![cut(&ok(), 5)],
            Finish,
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "half a head, reset",
            vec![cut(&ok(), 5)],
            Reset(H3_INTERNAL_ERROR),
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "half a head, closed",
            vec![cut(&ok(), 5)],
            Close(H3_NO_ERROR),
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "body ends early",
            vec![ok(), cut(&body(b"abc"), 4)],
            Finish,
            Some(R::TransferBodyTruncated),
            Some(200),
        ),
        (
            "body reset",
            vec![ok(), body(b"abc")],
            Reset(H3_INTERNAL_ERROR),
            Some(R::TransferBodyReset),
            Some(200),
        ),
        (
            "body reset without an error",
            vec![ok(), body(b"abc")],
            Reset(H3_NO_ERROR),
            Some(R::TransferBodyTruncated),
            Some(200),
        ),
        (
            "body closed",
            vec![ok(), body(b"abc")],
            Close(H3_NO_ERROR),
            Some(R::TransferBodyTruncated),
            Some(200),
        ),
        (
            "conflict cut",
            vec![head("409", &[]), cut(&body(b"abc"), 4)],
            Finish,
            Some(R::ValidateStatus),
            Some(409),
        ),
    ]
}

/// Lengths that are not true, and heads that are none.
fn contradictory() -> Vec<Row> {
    vec![
        (
            "redirect without a location",
            vec![head("302", &[])],
            Hold,
            Some(R::RedirectLocation),
            Some(302),
        ),
        (
            "too short",
            vec![of_length("4"), body(b"abc")],
            Finish,
            Some(R::TransferFraming),
            Some(200),
        ),
        (
            "too long",
            vec![of_length("2"), body(b"abc")],
            Finish,
            Some(R::TransferFraming),
            Some(200),
        ),
        (
            "no length",
            vec![of_length("-1"), body(b"abc")],
            Finish,
            Some(R::TransferFraming),
            Some(200),
        ),
        (
            "no status",
            vec![block()],
            Finish,
            Some(R::TransferStatusInvalid),
            None,
        ),
        (
            "no digits",
            vec![head("2x0", &[])],
            Finish,
            Some(R::TransferStatusInvalid),
            None,
        ),
        (
            "switching",
            vec![head("101", &[])],
            Finish,
            Some(R::TransferUnexpectedUpgrade),
            Some(101),
        ),
        (
            "broken field",
            vec![head("409", &[("a b", "c")])],
            Finish,
            Some(R::ValidateStatus),
            Some(409),
        ),
        (
            "fields that cannot be read",
            vec![frame(HEADERS, &[0, 0, 0xd9, 0x80])],
            Finish,
            Some(R::TransferHeaderInvalid),
            Some(200),
        ),
    ]
}

/// Frames that come where they may not, and more of them than any server has use for.
fn disorderly() -> Vec<Row> {
    vec![
        (
            "body first",
            vec![body(b"abc"), ok()],
            Finish,
            Some(R::TransferFraming),
            None,
        ),
        (
            "settings on the stream",
            vec![frame(SETTINGS, &[]), ok()],
            Finish,
            Some(R::TransferFraming),
            Some(200),
        ),
        (
            "two trailers",
            vec![ok(), block(), block()],
            Finish,
            Some(R::TransferFraming),
            Some(200),
        ),
        (
            "large head",
            vec![head("200", &[("x", &"y".repeat(300_000))])],
            Finish,
            Some(R::TransferHeaderTooLarge),
            None,
        ),
        (
            "many fields",
            vec![head("200", &[("x", "y"); 9_000])],
            Finish,
            Some(R::TransferHeaderTooLarge),
            Some(200),
        ),
        (
            "interim without end",
            vec![interim().repeat(200)],
            Hold,
            Some(R::TransferInterimFlood),
            None,
        ),
        (
            "nothing without end",
            vec![frame(0x21, b"").repeat(5_000)],
            Hold,
            Some(R::TransferFraming),
            None,
        ),
        (
            "a long nothing",
            vec![frame(0x21, &[0; 300_000])],
            Hold,
            Some(R::TransferFraming),
            None,
        ),
        (
            "tiny pieces",
            vec![ok(), body(b"").repeat(30_000)],
            Hold,
            Some(R::TransferFraming),
            Some(200),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_its_reason() {
    assert_reasons([fine(), ended(), contradictory(), disorderly()].concat()).await;
}

pub async fn assert_reasons(rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for (what, pieces, then, expected, code) in rows {
        let server = http3::sending(pieces.concat(), then);
        let outcome = probe_with(&server, PATIENCE, |module| {
            module.valid_status_codes = vec![200, 204];
        })
        .await;
        let found = (
            reason(&outcome),
            outcome.response.map(|response| response.code),
        );
        if found != (expected, code) {
            wrong.push(format!(
                "{what}: {found:?} instead of {expected:?}, {code:?}: {:?}",
                outcome.failure
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
