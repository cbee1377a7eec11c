//! Heads of HTTP/1 responses, by their bytes and by how the connection ends.

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::{Close, Hold, Reset};

#[rustfmt::skip]
pub fn all() -> Vec<Behaviour> {
    let head = |name: &str, bytes: &str, then| {
        Behaviour::answering(format!("head: {name}"), bytes, then)
    };
    let many_headers = |count: usize| {
        let headers: String = (0..count).map(|i| format!("H{i}: v\r\n")).collect();
        format!("HTTP/1.1 204 No Content\r\n{headers}\r\n")
    };
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
    let few_interims = format!("{}HTTP/1.1 204 No Content\r\n\r\n", interim.repeat(20));
    let huge_head = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(400_000));
    vec![
        head("closed before", "", Close).fails(R::FirstByteClosed),
        head("reset before", "", Reset).fails(R::FirstByteReset),
        head("silent", "", Hold).fails(R::FirstByteTimeout),
        head("closed in the status line", "HTTP/1.1 2", Close).fails(R::TransferHeaderTruncated),
        head("reset in the status line", "HTTP/1.1 2", Reset).fails(R::TransferHeaderTruncated),
        head("silent behind a header", "HTTP/1.1 200 OK\r\nA: b\r\n", Hold).fails(R::TransferHeaderTimeout),
        head("SSH", "SSH-2.0-OpenSSH\r\n", Close).fails(R::TransferNotHttp),
        head("SMTP", "220 mail ESMTP\r\n\r\n", Hold).fails(R::TransferNotHttp),
        head("TLS", "\x15\x03\x01\x00\x02\x02\x46", Close).fails(R::TransferNotHttp),
        head("HTTP/2.0 in text", "HTTP/2.0 200 OK\r\n\r\n", Hold).fails(R::TransferHttpVersion),
        head("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", Hold).fails(R::TransferHttpVersion),
        head("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", Hold).fails(R::TransferStatusInvalid),
        head("a status with a letter", "HTTP/1.1 2x0 OK\r\n\r\n", Hold).fails(R::TransferStatusInvalid),
        head("NUL in the phrase", "HTTP/1.1 200 a\0b\r\n\r\n", Hold).fails(R::TransferHeaderInvalid),
        head("a line without a colon", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Hold).fails(R::TransferHeaderInvalid),
        head("NUL in a value", "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", Hold).fails(R::TransferHeaderInvalid),
        head("100, then silent", "HTTP/1.1 100 Continue\r\n\r\n", Hold).fails(R::FirstByteTimeout),
        head("half of a 100, then silent", "HTTP/1.1 100 C\r\nA:", Hold).fails(R::FirstByteTimeout),
        head("101 unasked", "HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n", Hold).fails(R::TransferUnexpectedUpgrade).counts(101),
        head("a folded line", "HTTP/1.1 204 No Content\r\nA: folded\r\n  line\r\n\r\n", Hold).counts(204),
        head("bare line feeds", "HTTP/1.0 200 OK\n\nbare line feeds", Close).counts(200),
        head("404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Hold).fails(R::ValidateStatus).counts(404),
        head("999", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", Hold).fails(R::ValidateStatus).counts(999),
        head("409", "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", Hold).fails(R::ValidateStatus).counts(409),
        head("150 headers", &many_headers(150), Hold).counts(204),
        head("1000 headers", &many_headers(1000), Hold).fails(R::TransferHeaderTooLarge),
        head("a header of 400 kB", &huge_head, Hold).fails(R::TransferHeaderTooLarge),
        head("400 kB that are no HTTP", &"x".repeat(400_000), Hold).fails(R::TransferNotHttp),
        head("20 interim heads", &few_interims, Hold).counts(204),
        head("a flood of interim heads", &interim.repeat(20_000), Hold).fails(R::TransferInterimFlood).cut_in(Phase::FirstByte),
    ]
}
