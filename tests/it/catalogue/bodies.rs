//! Bodies that break off.

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::{Close, Hold, Reset};

#[rustfmt::skip]
pub fn all() -> Vec<Behaviour> {
    let half = |name: &str, status: &str, then| {
        let bytes = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\nhalf");
        Behaviour::answering(format!("body: {name}"), bytes, then)
    };
    vec![
        half("closed", "200 OK", Close).fails(R::TransferBodyTruncated).counts(200),
        half("reset", "200 OK", Reset).fails(R::TransferBodyReset).counts(200),
        half("silent", "200 OK", Hold).fails(R::TransferBodyTimeout).counts(200),
        half("a conflict, then closed", "409 Conflict", Close).fails(R::ValidateStatus).counts(409),
    ]
}
