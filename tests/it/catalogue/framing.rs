//! How long bodies are, and how chunks are written.

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::{self, Close, Hold, Reset};

#[rustfmt::skip]
pub fn all() -> Vec<Behaviour> {
    vec![
        framed("a negative length", "Content-Length: -1", "", Hold).fails(R::TransferFraming).counts(None),
        framed("two lengths", "Content-Length: 1\r\nContent-Length: 2", "", Hold).fails(R::TransferFraming).counts(None),
        framed("length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n", Hold).fails(R::TransferFraming),
        framed("transfer coding gzip", "Transfer-Encoding: gzip", "body", Close).fails(R::TransferFraming),
        framed("transfer codings gzip and chunked", "Transfer-Encoding: gzip, chunked", "0\r\n\r\n", Hold).fails(R::TransferFraming),
        framed("more than its length", "Content-Length: 4", "whole", Hold),
        chunked("closed behind a chunk", "4\r\nhalf\r\n", Close).fails(R::TransferBodyTruncated),
        chunked("a size that is no number", "x\r\n", Hold).fails(R::TransferChunkInvalid),
        chunked("whole", "4\r\nhalf\r\n0\r\n\r\n", Hold),
        framed("until closed", "A: b", "until closed", Close),
        framed("until reset", "A: b", "until reset", Reset).fails(R::TransferBodyReset),
    ]
}

/// A 200 with these headers and this body.
fn framed(name: &str, headers: &str, body: &str, then: Then) -> Behaviour {
    let bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}");
    Behaviour::answering(format!("framing: {name}"), bytes, then).counts(200)
}

/// A 200 with these chunks.
fn chunked(name: &str, chunks: &str, then: Then) -> Behaviour {
    framed(
        &format!("chunks: {name}"),
        "Transfer-Encoding: chunked",
        chunks,
        then,
    )
}
