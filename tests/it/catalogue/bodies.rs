//! Bodies that break off, are too long or take too long.

use std::num::NonZeroU64;
use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::{Close, Hold, Reset};

const LIMIT: usize = 100_000;

#[rustfmt::skip]
pub fn all() -> Vec<Behaviour> {
    let half = |name: &str, status: &str, then| {
        let bytes = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\nhalf");
        Behaviour::answering(format!("body: {name}"), bytes, then)
    };
    let mut rows = vec![
        half("closed", "200 OK", Close).fails(R::TransferBodyTruncated).counts(200),
        half("reset", "200 OK", Reset).fails(R::TransferBodyReset).counts(200),
        half("silent", "200 OK", Hold).fails(R::TransferBodyTimeout).counts(200),
        half("a conflict, then closed", "409 Conflict", Close).fails(R::ValidateStatus).counts(409),
        half("a conflict, then reset", "409 Conflict", Reset).fails(R::ValidateStatus).counts(409),
        half("a conflict, then silent", "409 Conflict", Hold).fails(R::ValidateStatus).counts(409).until_cut(),
        half("an error, then closed", "500 Error", Close).fails(R::TransferBodyTruncated).counts(500),
    ];
    rows.extend(limits());
    rows.extend(drips());
    rows
}

/// Probed by a module with a limit.
fn limited(row: Behaviour) -> Behaviour {
    row.probed(|module| module.checks.body.size_limit = NonZeroU64::new(LIMIT as u64))
        .counts(200)
}

fn limits() -> Vec<Behaviour> {
    let of_length = |name: &str, length: usize| {
        let bytes = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}",
            "x".repeat(length)
        );
        limited(Behaviour::answering(format!("body: {name}"), bytes, Hold))
    };
    let until_closed = |name: &str, length: usize| {
        let bytes = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(length));
        limited(Behaviour::answering(format!("body: {name}"), bytes, Close))
    };
    let endless = |name: &str, head: &str| {
        let before = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        let row = Behaviour::flooding(format!("body: {name}"), before, &[b'x'; 4096]);
        limited(row).fails(R::TransferBodyTooLarge)
    };
    vec![
        of_length("as long as the limit", LIMIT),
        of_length("a byte longer than the limit", LIMIT + 1).fails(R::TransferBodyTooLarge),
        until_closed("as long as the limit, until closed", LIMIT),
        until_closed("a byte longer than the limit, until closed", LIMIT + 1)
            .fails(R::TransferBodyTooLarge),
        endless("endless", ""),
        endless(
            "endless, of 2^63 bytes",
            "Content-Length: 9223372036854775808\r\n",
        ),
    ]
}

fn drips() -> Vec<Behaviour> {
    const PAUSE: Duration = Duration::from_millis(50);
    let drip = |name: &str, head: &str| {
        let before = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        Behaviour::dripping(format!("body: drip {name}"), before, "x", PAUSE)
            .fails(R::TransferBodyTimeout)
            .counts(200)
    };
    vec![
        drip("of a known length", "Content-Length: 1000\r\n"),
        drip("until closed", ""),
        Behaviour::in_pieces(
            "body: drip that ends",
            "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nof bytes",
            1,
            Duration::from_millis(10),
        )
        .counts(200)
        .takes(Duration::from_secs(5)),
    ]
}
