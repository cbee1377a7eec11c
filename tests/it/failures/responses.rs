//! What a module makes of the code of a response.

use httpcycle_exporter::outcome::Verdict;
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
