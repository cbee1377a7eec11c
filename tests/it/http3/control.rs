//! What comes on the server's own streams, while the answer does not.

use std::time::Duration;

use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::reason::Reason as R;

use crate::http3::{probe_with, reason};
use crate::support::http3;
use crate::support::http3::Then::Hold;
use crate::support::http3::{GOAWAY, SETTINGS, Server, frame};

const ENCODER: u8 = 2;
const DECODER: u8 = 3;

fn settings() -> Vec<u8> {
    [&[0][..], &frame(SETTINGS, &[])].concat()
}

fn goaway(payload: &[u8]) -> Vec<u8> {
    [settings(), frame(GOAWAY, payload)].concat()
}

async fn probed(server: &Server) -> Outcome {
    probe_with(server, Duration::from_secs(2), |_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_control_stream_has_its_reason() {
    let behind_settings = |rest: &[u8]| [&settings(), rest].concat();
    for (what, control, expected) in [
        (
            "no settings first",
            [&[0][..], &frame(GOAWAY, &[0])].concat(),
            R::TransferFraming,
        ),
        (
            "nothing that matters first",
            [&[0][..], &frame(0x21, b"x")].concat(),
            R::TransferFraming,
        ),
        (
            "settings twice",
            behind_settings(&frame(SETTINGS, &[])),
            R::TransferFraming,
        ),
        (
            "settings without end",
            [&[0][..], &frame(SETTINGS, &[0x21; 100_000])].concat(),
            R::TransferFraming,
        ),
        ("going away, cut", goaway(&[]), R::TransferFraming),
        ("going away, too long", goaway(&[4, 0]), R::TransferFraming),
        (
            "a field for a table",
            vec![ENCODER, 0x41, b'a', 1, b'b'],
            R::TransferFraming,
        ),
        (
            "a larger table",
            vec![ENCODER, 0x3f, 0xe1, 0x1f],
            R::TransferFraming,
        ),
        ("no table", vec![ENCODER, 0x20], R::FirstByteTimeout),
        ("a push", vec![1, 0], R::FirstByteTimeout),
        (
            "a stream that means nothing",
            vec![0x21, 1, 2, 3],
            R::FirstByteTimeout,
        ),
    ] {
        let server = http3::by_hand_with(&control, |asked| async move {
            http3::send(asked, b"", Hold).await;
        });
        let outcome = probed(&server).await;
        let expected = Some(expected);
        assert_eq!(reason(&outcome), expected, "{what}: {:?}", outcome.failure);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_about_tables_are_read_on_and_may_not_end() {
    for (what, kind, more, is_closed) in [
        ("closed", ENCODER, None, true),
        ("the other one closed", DECODER, None, true),
        ("a field later", ENCODER, Some(b"\x41a\x01b"), false),
    ] {
        let server = http3::by_hand(move |asked| async move {
            let mut own = asked.connection.open_uni().await.unwrap();
            own.write_all(&[kind]).await.unwrap();
            if let Some(more) = more {
                // Once the kind is likely to have been read.
                tokio::time::sleep(Duration::from_millis(100)).await;
                own.write_all(more).await.unwrap();
            }
            if is_closed {
                own.finish().unwrap();
            }
            http3::send(asked, b"", Hold).await;
        });
        let outcome = probed(&server).await;
        let expected = Some(R::TransferFraming);
        assert_eq!(reason(&outcome), expected, "{what}: {:?}", outcome.failure);
    }
}
