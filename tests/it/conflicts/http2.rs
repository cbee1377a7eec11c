//! The same rules over HTTP/2, in which a response may break off in more ways.

use httpcycle_exporter::outcome::{HttpVersion, Verdict};

use crate::conflicts::{PATIENCE, module, reason};
use crate::support::http2::{self, DATA, END_STREAM, goaway, head, on_stream, reset, settings};
use crate::support::peer::Then;
use crate::support::probing;

const JSON: &str = "json: /type, values: {gone: gone, stale: stale}";
const HEADER: &str = "header: X-Why, values: {stale: stale}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reasons_are_told_over_http2_as_well() {
    let conflict = |body: &[&[u8]]| {
        let mut frames = [settings(), head("409", &[("x-why", " stale ")], 0)].concat();
        for piece in body {
            frames.extend(on_stream(DATA, 0, piece));
        }
        frames
    };
    let whole: [&[u8]; 2] = [b"{\"type\":", b"\"stale\"}"];
    let end = || on_stream(DATA, END_STREAM, b"");
    for (rule, frames, then, expected) in [
        (
            JSON,
            [conflict(&whole), end()].concat(),
            Then::Hold,
            "stale",
        ),
        (
            JSON,
            [conflict(&whole), reset(0)].concat(),
            Then::Hold,
            "stale",
        ),
        (
            JSON,
            [conflict(&whole), goaway(0, 1, "")].concat(),
            Then::Close,
            "stale",
        ),
        (JSON, conflict(&whole), Then::Reset, "stale"),
        (
            JSON,
            [conflict(&[b"{}"]), end()].concat(),
            Then::Hold,
            "unspecified",
        ),
        (
            JSON,
            [conflict(&[b"{\"type\":1}"]), end()].concat(),
            Then::Hold,
            "other",
        ),
        (
            JSON,
            [conflict(&whole[..1]), reset(8)].concat(),
            Then::Hold,
            "unspecified",
        ),
        (
            HEADER,
            [conflict(&[]), reset(8)].concat(),
            Then::Hold,
            "stale",
        ),
        (HEADER, conflict(&[]), Then::Close, "stale"),
    ] {
        let keys = format!(
            "follow_redirects: false, valid_http_versions: [HTTP/2.0], conflict: {{reason: {{{rule}}}}}"
        );
        let module = module(&keys);
        let peer = http2::answering(frames, then).await;
        let url = http2::url(peer.address);
        let prober = probing::prober(&url, module.clone(), PATIENCE);
        let outcome = probing::probe(&prober).await;
        let row = format!("{rule}, {then:?}: {:?}", outcome.failure);
        assert_eq!(reason(&module, &outcome), Some(expected), "{row}");
        assert_eq!(outcome.verdict(), Verdict::Conflict, "{row}");
        let version = outcome.response.map(|response| response.version);
        assert_eq!(version, Some(HttpVersion::Http2), "{row}");
    }
}
