//! What a module makes of the code of a response.

use httpcycle_exporter::outcome::Verdict;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::module::Module;

use crate::failures::PATIENCE;
use crate::support::peer::Then::Hold;
use crate::support::{peer, probing};

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

/// Every code of the classes is itself, whatever it means to others; so are those beyond, which are
/// counted as one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_is_itself() {
    let peer = peer::serve(|mut stream| async move {
        let request = peer::read_request(&mut stream).await;
        let code = request.split(['/', ' ']).nth(2).unwrap();
        let answer = format!("HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n");
        peer::write(&mut stream, answer.as_bytes()).await;
        peer::finish(stream, Hold).await;
    })
    .await;
    for code in (200..=599).chain([600, 601, 700, 899, 998, 999]) {
        let url = format!("http://{}/{code}", peer.address);
        let prober = probing::prober(&url, Module::http_2xx(), PATIENCE);
        let outcome = probing::probe(&prober).await;
        let found = outcome.response.map(|response| response.code);
        assert_eq!(found, Some(code), "{:?}", outcome.failure);
        let is_good = outcome.verdict() == Verdict::Success;
        assert_eq!(is_good, code < 300, "{code}");
        let is_conflict = outcome.verdict() == Verdict::Conflict;
        assert_eq!(is_conflict, code == 409, "{code}");
    }
}

/// The words say what the reason says: hyper blames the code for all that stands behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_status_line_is_told_as_it_is() {
    for (line, reason, detail) in [
        ("200 a\x1bb", R::TransferHeaderInvalid, "reason phrase"),
        ("2x0 OK", R::TransferStatusInvalid, "status"),
    ] {
        let bytes = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
        let peer = peer::answering(bytes.into_bytes(), Hold).await;
        let url = format!("http://{}/", peer.address);
        let prober = probing::prober(&url, Module::http_2xx(), PATIENCE);
        let failure = probing::probe(&prober).await.failure.unwrap();
        assert_eq!(failure.reason, reason, "{line:?}");
        assert!(failure.detail.contains(detail), "{line:?}: {failure:?}");
    }
}
