//! Responses that are wrong, by their bytes and by how the connection ends.

use httpcycle_exporter::outcome::Verdict;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::module::Module;

use crate::failures::{PATIENCE, SHORT, reason};
use crate::support::peer::Then::{Close, Hold, Reset};
use crate::support::{peer, probing};

/// What a peer sends, what it does then, the reason of the failure and the code that counts.
type Row<'a> = (&'a str, peer::Then, Option<R>, Option<u16>);

#[rustfmt::skip]
const ROWS: &[Row<'_>] = &[
    ("", Close, Some(R::FirstByteClosed), None),
    ("", Reset, Some(R::FirstByteReset), None),
    ("", Hold, Some(R::FirstByteTimeout), None),
    ("HTTP/1.1 2", Close, Some(R::TransferHeaderTruncated), None),
    ("HTTP/1.1 2", Reset, Some(R::TransferHeaderTruncated), None),
    ("HTTP/1.1 200 OK\r\nA: b\r\n", Hold, Some(R::TransferHeaderTimeout), None),
    ("SSH-2.0-OpenSSH\r\n", Close, Some(R::TransferNotHttp), None),
    ("220 mail ESMTP\r\n\r\n", Hold, Some(R::TransferNotHttp), None),
    ("\x15\x03\x01\x00\x02\x02\x46", Close, Some(R::TransferNotHttp), None),
    ("HTTP/2.0 200 OK\r\n\r\n", Hold, Some(R::TransferHttpVersion), None),
    ("HTTP/1.2 200 OK\r\n\r\n", Hold, Some(R::TransferHttpVersion), None),
    ("HTTP/1.1 20 OK\r\n\r\n", Hold, Some(R::TransferStatusInvalid), None),
    ("HTTP/1.1 2x0 OK\r\n\r\n", Hold, Some(R::TransferStatusInvalid), None),
    ("HTTP/1.1 200 a\0b\r\n\r\n", Hold, Some(R::TransferHeaderInvalid), None),
    ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Hold, Some(R::TransferHeaderInvalid), None),
    ("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", Hold, Some(R::TransferHeaderInvalid), None),
    ("HTTP/1.1 100 Continue\r\n\r\n", Hold, Some(R::FirstByteTimeout), None),
    ("HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n", Hold, Some(R::TransferUnexpectedUpgrade), Some(101)),
    ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Hold, Some(R::TransferFraming), None),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Hold, Some(R::TransferFraming), None),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Hold, Some(R::TransferFraming), Some(200)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nbody", Close, Some(R::TransferFraming), Some(200)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Hold, Some(R::TransferFraming), Some(200)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Close, Some(R::TransferBodyTruncated), Some(200)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Reset, Some(R::TransferBodyReset), Some(200)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Hold, Some(R::TransferBodyTimeout), Some(200)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhole", Hold, None, Some(200)),
    ("HTTP/1.1 200 OK\r\n\r\nuntil closed", Close, None, Some(200)),
    ("HTTP/1.1 200 OK\r\n\r\nuntil reset", Reset, Some(R::TransferBodyReset), Some(200)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", Close, Some(R::TransferBodyTruncated), Some(200)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", Hold, Some(R::TransferChunkInvalid), Some(200)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n", Hold, None, Some(200)),
    ("HTTP/1.1 204 No Content\r\nA: folded\r\n  line\r\n\r\n", Hold, None, Some(204)),
    ("HTTP/1.1 100 C\r\nA:", Hold, Some(R::FirstByteTimeout), None),
    ("HTTP/1.0 200 OK\n\nbare line feeds", Close, None, Some(200)),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Hold, Some(R::ValidateStatus), Some(404)),
    ("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", Hold, Some(R::RedirectLimit), Some(301)),
    ("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", Hold, Some(R::ValidateStatus), Some(999)),
    ("HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", Hold, Some(R::ValidateStatus), Some(409)),
    ("HTTP/1.1 409 Conflict\r\nContent-Length: 9\r\n\r\nhalf", Close, Some(R::ValidateStatus), Some(409)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_are_classified() {
    for &row in ROWS {
        check(row).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_of_heads_are_kept() {
    let many_headers = |count: usize| {
        let headers: String = (0..count).map(|i| format!("H{i}: v\r\n")).collect();
        format!("HTTP/1.1 204 No Content\r\n{headers}\r\n")
    };
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
    let few_interims = format!("{}HTTP/1.1 204 No Content\r\n\r\n", interim.repeat(20));
    let huge_head = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(400_000));
    for (bytes, reason, code) in [
        (many_headers(150), None, Some(204)),
        (many_headers(1000), Some(R::TransferHeaderTooLarge), None),
        (huge_head, Some(R::TransferHeaderTooLarge), None),
        ("x".repeat(400_000), Some(R::TransferNotHttp), None),
        (few_interims, None, Some(204)),
        (interim.repeat(20_000), Some(R::TransferInterimFlood), None),
    ] {
        check((&bytes, Hold, reason, code)).await;
    }
}

async fn check((bytes, then, expected, code): Row<'_>) {
    let shown: String = bytes.chars().take(60).collect();
    let row = format!("{shown:?} of {} bytes, then {then:?}", bytes.len());
    let peer = peer::answering(bytes.as_bytes().to_vec(), then).await;
    let outcome = probing::probe_plain(peer.address, SHORT).await;
    assert_eq!(reason(&outcome), expected, "{row}: {:?}", outcome.failure);
    assert_eq!(
        outcome.response.map(|response| response.code),
        code,
        "{row}"
    );
    let verdict = match (code, expected) {
        (Some(409), _) => Verdict::Conflict,
        (_, Some(_)) => Verdict::Failure,
        (_, None) => Verdict::Success,
    };
    assert_eq!(outcome.verdict(), verdict, "{row}");
    let no_first_byte = matches!(
        expected,
        Some(
            R::FirstByteClosed | R::FirstByteReset | R::FirstByteTimeout | R::TransferInterimFlood
        )
    );
    let transferred = outcome.timeline.phase(Phase::Transfer).is_some();
    assert_eq!(transferred, !no_first_byte, "{row}: {:?}", outcome.timeline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_are_expected_only_where_they_are_listed() {
    let conflict = b"HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nhalf".to_vec();
    for (valid, body, verdict) in [
        (vec![], &b""[..], Verdict::Conflict),
        (vec![200], b"", Verdict::Conflict),
        (vec![200, 409], b"", Verdict::Success),
    ] {
        let peer = peer::answering([&conflict[..], body].concat(), Hold).await;
        let module = Module {
            valid_status_codes: valid,
            ..Module::http_2xx()
        };
        let url = format!("http://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        assert_eq!(outcome.verdict(), verdict);
        let response = outcome.response.unwrap();
        assert_eq!(
            response.conflict.unwrap().expected,
            verdict == Verdict::Success
        );
        assert_eq!(response.body_bytes, 4);
    }
}
