//! What a server does wrong once there is a connection: one row, one reason.

use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::reason::Reason as R;
use quinn::VarInt;

use crate::http3::{PATIENCE, probe, probe_with, reason};
use crate::support::http3;
use crate::support::http3::Then::{Close, Finish, Hold, Reset};
use crate::support::http3::{DATA, GOAWAY, HEADERS, SETTINGS, Then, field, frame, head};

/// What is answered, what becomes of the stream, the reason, and the code that counts.
type Row = (
    &'static str,
    Vec<Vec<u8>>,
    Then,
    Option<Reason>,
    Option<u16>,
);

const H3_NO_ERROR: u32 = 0x100;
const H3_INTERNAL_ERROR: u32 = 0x102;

fn rows() -> Vec<Row> {
    let ok = || head("200", &[]);
    let of_length = |length| head("200", &[("content-length", length)]);
    let body = |text: &[u8]| frame(DATA, text);
    let cut = |frame: Vec<u8>, length: usize| frame[..length].to_vec();
    let interim = || head("103", &[("link", "</a>")]);
    let block = |fields: &[Vec<u8>]| frame(HEADERS, &[&[0, 0][..], &fields.concat()].concat());
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
            vec![ok(), body(b""), body(b"a"), block(&[field("x", "y")])],
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
            vec![cut(ok(), 5)],
            Finish,
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "half a head, reset",
            vec![cut(ok(), 5)],
            Reset(H3_INTERNAL_ERROR),
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "half a head, closed",
            vec![cut(ok(), 5)],
            Close(H3_NO_ERROR),
            Some(R::TransferHeaderTruncated),
            None,
        ),
        (
            "body ends early",
            vec![ok(), cut(body(b"abc"), 4)],
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
            vec![head("409", &[]), cut(body(b"abc"), 4)],
            Finish,
            Some(R::ValidateStatus),
            Some(409),
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
            vec![block(&[field("x", "y")])],
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
            vec![ok(), block(&[field("x", "y")]), block(&[field("x", "y")])],
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
    let mut wrong = Vec::new();
    for (what, pieces, then, expected, code) in rows() {
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

/// What comes on the server's own streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_control_stream_has_its_reason() {
    let settings = [&[0][..], &frame(SETTINGS, &[])].concat();
    for (what, control, expected) in [
        (
            "no settings first",
            [&[0][..], &frame(GOAWAY, &[0])].concat(),
            Some(R::TransferFraming),
        ),
        (
            "settings twice",
            [&settings[..], &frame(SETTINGS, &[])].concat(),
            Some(R::TransferFraming),
        ),
        (
            "settings without end",
            [&[0][..], &frame(SETTINGS, &[0x21; 100_000])].concat(),
            Some(R::TransferFraming),
        ),
        ("a push", vec![1, 0], Some(R::FirstByteTimeout)),
        (
            "a stream that means nothing",
            vec![0x21, 1, 2, 3],
            Some(R::FirstByteTimeout),
        ),
    ] {
        let server = http3::by_hand_with(&control, |asked| async move {
            http3::send(asked, b"", Hold).await;
        });
        let outcome = probe_with(&server, std::time::Duration::from_secs(2), |_| {}).await;
        assert_eq!(reason(&outcome), expected, "{what}: {:?}", outcome.failure);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_is_the_answer() {
    let server = http3::answering(|_, mut stream| async move {
        stream.stop_sending(h3::error::Code::H3_NO_ERROR);
        let head = http::Response::builder().status(413).body(()).unwrap();
        stream.send_response(head).await.ok();
        stream.finish().await.ok();
    });
    let outcome = probe_with(&server, PATIENCE, |module| {
        module.method = http::Method::PUT;
        module.body = bytes::Bytes::from(vec![b'x'; 4 << 20]).into();
    })
    .await;
    assert_eq!(
        outcome.response.map(|response| response.code),
        Some(413),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_comes_whole_and_within_its_bound() {
    let server = http3::by_hand(|mut asked| async move {
        let piece = vec![b'x'; 1 << 20];
        asked.sending.write_all(&head("200", &[])).await.ok();
        for _ in 0..8 {
            asked.sending.write_all(&frame(DATA, &piece)).await.ok();
        }
        asked.sending.finish().ok();
        asked.connection.closed().await;
    });
    let outcome = probe(&server).await;
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.response.unwrap().body_bytes, 8 << 20);
    let outcome = probe_with(&server, PATIENCE, |module| {
        module.checks.body.size_limit = std::num::NonZeroU64::new(1 << 20);
    })
    .await;
    assert_eq!(reason(&outcome), Some(R::TransferBodyTooLarge));
}

/// A server that goes away tells it by a close that is of QUIC, not of HTTP/3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_refuses_or_closes() {
    let server = http3::by_hand(|asked| async move {
        asked.connection.close(VarInt::from_u32(0), b"gone");
    });
    let outcome = probe(&server).await;
    assert_eq!(reason(&outcome), Some(R::FirstByteClosed), "{outcome:?}");
}
