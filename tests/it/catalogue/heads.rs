//! Heads of HTTP/1 responses, by their bytes and by how the connection ends.

use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::{self, Close, Hold, Reset};

const MAX_HEAD_BYTES: usize = 256 * 1024;
const INTERIM: &str = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
const FINAL: &str = "HTTP/1.1 204 No Content\r\n\r\n";

pub fn all() -> Vec<Behaviour> {
    [
        cut_off(),
        no_http(),
        status_lines(),
        fields(),
        conflicts(),
        bounds(),
        interim(),
        interim_floods(),
        drips(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn head(name: &str, bytes: impl Into<Vec<u8>>, then: Then) -> Behaviour {
    Behaviour::answering(format!("head: {name}"), bytes, then)
}

/// A 204 with these header lines.
fn with(name: &str, lines: impl Into<Vec<u8>>) -> Behaviour {
    let bytes = [b"HTTP/1.1 204 No Content\r\n", &*lines.into(), b"\r\n\r\n"].concat();
    head(name, bytes, Hold)
}

#[rustfmt::skip]
fn cut_off() -> Vec<Behaviour> {
    vec![
        head("closed before", "", Close).fails(R::FirstByteClosed),
        head("reset before", "", Reset).fails(R::FirstByteReset),
        head("silent", "", Hold).fails(R::FirstByteTimeout),
        head("closed behind an empty line", "\r\n", Close).fails(R::FirstByteClosed),
        head("closed in the name of HTTP", "HTT", Close).fails(R::TransferHeaderTruncated),
        head("closed in the status line", "HTTP/1.1 2", Close).fails(R::TransferHeaderTruncated),
        head("reset in the status line", "HTTP/1.1 2", Reset).fails(R::TransferHeaderTruncated),
        head("silent in the status line", "HTTP/1.1 200 O", Hold).fails(R::TransferHeaderTimeout),
        head("closed behind the status line", "HTTP/1.1 200 OK\r\n", Close).fails(R::TransferHeaderTruncated),
        head("closed in a name", "HTTP/1.1 200 OK\r\nConte", Close).fails(R::TransferHeaderTruncated),
        head("closed in a value", "HTTP/1.1 200 OK\r\nA: b", Close).fails(R::TransferHeaderTruncated),
        head("closed in the empty line", "HTTP/1.1 200 OK\r\nA: b\r\n\r", Close).fails(R::TransferHeaderTruncated),
        head("reset behind a header", "HTTP/1.1 200 OK\r\nA: b\r\n", Reset).fails(R::TransferHeaderTruncated),
        head("silent behind a header", "HTTP/1.1 200 OK\r\nA: b\r\n", Hold).fails(R::TransferHeaderTimeout),
        head("silent behind a broken header", "HTTP/1.1 200 OK\r\nno colon\r\nA: b\r\n", Hold).fails(R::TransferHeaderInvalid).until_cut(),
        head("closed behind a broken header", "HTTP/1.1 200 OK\r\nno colon\r\nA: b\r\n", Close).fails(R::TransferHeaderInvalid),
        head("reset behind a broken header", "HTTP/1.1 200 OK\r\nno colon\r\nA: b\r\n", Reset).fails(R::TransferHeaderInvalid),
    ]
}

#[rustfmt::skip]
fn no_http() -> Vec<Behaviour> {
    let no_http = |name: &str, bytes: &[u8], then| {
        head(name, bytes, then).fails(R::TransferNotHttp).cut_in(Phase::Transfer)
    };
    vec![
        no_http("SSH", b"SSH-2.0-OpenSSH\r\n", Close),
        no_http("SSH, then silent", b"SSH-2.0-OpenSSH\r\n", Hold),
        no_http("SMTP", b"220 mail ESMTP\r\n\r\n", Hold),
        no_http("one byte", b"S", Hold),
        no_http("TLS", b"\x15\x03\x01\x00\x02\x02\x46", Close),
        no_http("NUL", &[0; 100], Hold),
        no_http("ICY", b"ICY 200 OK\r\n\r\n", Hold),
        no_http("HTTP/0.9", b"<html>hello</html>", Close),
        no_http("lower case", b"http/1.1 200 OK\r\n\r\n", Hold),
        no_http("a space before", b" HTTP/1.1 200 OK\r\n\r\n", Hold),
        no_http("no version", b"HTTP 200 OK\r\n\r\n", Hold),
        no_http("a version in letters", b"HTTP/one 200 OK\r\n\r\n", Hold),
        no_http("bare returns", b"\r\n\r\r\n\r\r", Close),
        no_http("bare returns, then silent", b"\r\n\r\r\n\r\r", Hold),
        no_http("a bare return before", b"\rHTTP/1.1 200 OK\r\n\r\n", Hold),
        Behaviour::in_pieces("head: bare returns one by one", "\r\n\r\r\n\r\r", 1, Duration::from_millis(20))
            .fails(R::TransferNotHttp)
            .cut_in(Phase::Transfer),
        no_http("a byte order mark", b"\xef\xbb\xbfHTTP/1.1 200 OK\r\n\r\n", Hold),
        no_http("frames of HTTP/2", &[0, 0, 0, 4, 0, 0, 0, 0, 0], Hold),
        no_http("a version without an end", &[b"HTTP/", &[b'x'; 400_000][..]].concat(), Hold),
        no_http("400 kB that are no HTTP", &[b'x'; 400_000], Hold),
        head("400 kB of empty lines", "\n".repeat(400_000), Hold).fails(R::TransferNotHttp).cut_in(Phase::FirstByte),
    ]
}

#[rustfmt::skip]
fn status_lines() -> Vec<Behaviour> {
    let line = |line: &str| {
        let bytes = format!("{line}\r\nContent-Length: 0\r\n\r\n");
        head(&format!("{line:?}"), bytes, Hold)
    };
    let mut rows = vec![
        line("HTTP/2.0 200 OK").fails(R::TransferHttpVersion),
        line("HTTP/2 200 OK").fails(R::TransferHttpVersion),
        line("HTTP/1.2 200 OK").fails(R::TransferHttpVersion),
        line("HTTP/9.9 200 OK").fails(R::TransferHttpVersion),
        line("HTTP/1 200 OK").fails(R::TransferHttpVersion),
        line("HTTP/1.1200 OK").fails(R::TransferHttpVersion),
        line("HTTP/1.1 200 a\0b").fails(R::TransferHeaderInvalid).counts(200),
        line("HTTP/1.1 200 a\rb").fails(R::TransferHeaderInvalid).counts(200),
        line("HTTP/1.1 200 a\x07b").fails(R::TransferHeaderInvalid).counts(200),
        line("HTTP/1.1 200").counts(200),
        line("HTTP/1.1 200 ").counts(200),
        line("HTTP/1.1 200 gru\u{fc}\u{df}").counts(200),
        line("HTTP/1.0 200 OK").counts(200),
        head("empty lines before", format!("\r\n\n\r\n{FINAL}"), Hold).counts(204),
        head("bare line feeds", "HTTP/1.0 200 OK\n\nbare line feeds", Close).counts(200),
    ];
    for code in ["20", "2x0", "1000", "2000", "abc", "", "-10", "+20", "000", "099", " 200", "200\tOK", "0x1", "2 00"] {
        rows.push(line(&format!("HTTP/1.1 {code}")).fails(R::TransferStatusInvalid));
    }
    rows.push(line("HTTP/1.1\t200 OK").fails(R::TransferStatusInvalid));
    rows.push(line("HTTP/1.1").fails(R::TransferStatusInvalid));
    // The fault is told as soon as it is there.
    let endless = format!("HTTP/1.1 {}", "2".repeat(400_000));
    rows.push(head("a status without an end", endless, Hold).fails(R::TransferStatusInvalid));
    rows.push(head("half of a wrong status", "HTTP/1.1 2x", Hold).fails(R::TransferStatusInvalid));
    rows.push(head("half of a wrong version", "HTTP/3", Hold).fails(R::TransferHttpVersion));
    rows
}

#[rustfmt::skip]
fn fields() -> Vec<Behaviour> {
    vec![
        with("a folded line", "A: folded\r\n  line").counts(204),
        with("bytes beyond ASCII in a value", b"A: \xff\xfe".to_vec()).counts(204),
        with("a tab in a value", "A: b\tc").counts(204),
        with("an empty value", "A:").counts(204),
        with("a name twice", "A: b\r\nA: c").counts(204),
        with("no space behind the colon", "A:b").counts(204),
        with("Connection: close", "Connection: close").counts(204),
        with("an unasked upgrade", "Connection: upgrade\r\nUpgrade: h2c").counts(204),
        with("a header of 100 kB", format!("A: {}", "b".repeat(100_000))).counts(204),
        with("a line without a colon", "no colon").fails(R::TransferHeaderInvalid).counts(204),
        with("a folded line before any", " folded").fails(R::TransferHeaderInvalid).counts(204),
        with("no name", ": b").fails(R::TransferHeaderInvalid).counts(204),
        with("a space in a name", "A b: c").fails(R::TransferHeaderInvalid).counts(204),
        with("a space before the colon", "A : b").fails(R::TransferHeaderInvalid).counts(204),
        with("a name beyond ASCII", "\u{e4}: b").fails(R::TransferHeaderInvalid).counts(204),
        with("NUL in a name", "A\0: b").fails(R::TransferHeaderInvalid).counts(204),
        with("NUL in a value", "A: b\0c").fails(R::TransferHeaderInvalid).counts(204),
        with("a bare CR in a value", "A: b\rc").fails(R::TransferHeaderInvalid).counts(204),
        with("a bare CR in a name", "A\rb: c").fails(R::TransferHeaderInvalid).counts(204),
        with("a control character in a value", "A: b\x01c").fails(R::TransferHeaderInvalid).counts(204),
        with("DEL in a value", "A: b\x7fc").fails(R::TransferHeaderInvalid).counts(204),
    ]
}

/// Whatever else is wrong with a head that is whole.
#[rustfmt::skip]
fn conflicts() -> Vec<Behaviour> {
    let conflict = |name: &str, lines: &str| {
        let bytes = format!("HTTP/1.1 409 Conflict\r\n{lines}\r\n\r\n");
        head(&format!("a conflict with {name}"), bytes, Hold).fails(R::ValidateStatus).counts(409)
    };
    let many: Vec<String> = (0..1_000).map(|i| format!("H{i}: v")).collect();
    vec![
        conflict("1000 headers", &many.join("\r\n")),
        conflict("a line without a colon", "no colon"),
        conflict("NUL in a value", "A: b\0c"),
        conflict("a name of 70 kB", &format!("{}: b", "a".repeat(70_000))),
        head("a conflict with a line without a colon, cut", "HTTP/1.1 409 Conflict\r\nno colon\r\n", Hold).fails(R::TransferHeaderInvalid).until_cut(),
        Behaviour::in_pieces("head: a conflict with a line without a colon, in pieces", "HTTP/1.1 409 Conflict\r\nno colon\r\nA: b\r\n\r\n", 34, Duration::from_millis(20))
            .fails(R::ValidateStatus)
            .counts(409),
    ]
}

fn bounds() -> Vec<Behaviour> {
    let headers = |count: usize| -> String {
        let lines: Vec<String> = (0..count).map(|i| format!("H{i}: v")).collect();
        lines.join("\r\n")
    };
    let of_length = |length: usize| {
        let around = "HTTP/1.1 204 No Content\r\nA: \r\n\r\n".len();
        format!("A: {}", "a".repeat(length - around))
    };
    let in_pieces = |name: &str, line: String| {
        let bytes = format!("HTTP/1.1 204 No Content\r\n{line}\r\n\r\n");
        Behaviour::in_pieces(
            format!("head: {name}"),
            bytes,
            4_001,
            Duration::from_millis(1),
        )
    };
    let too_large = R::TransferHeaderTooLarge;
    vec![
        with("150 headers", headers(150)).counts(204),
        with("256 headers", headers(256)).counts(204),
        with("257 headers", headers(257))
            .fails(too_large)
            .counts(204),
        with("1000 headers", headers(1_000))
            .fails(too_large)
            .counts(204),
        with("256 KiB", of_length(MAX_HEAD_BYTES)).counts(204),
        with("256 KiB and a byte", of_length(MAX_HEAD_BYTES + 1)).fails(too_large),
        in_pieces("256 KiB in pieces", of_length(MAX_HEAD_BYTES)).counts(204),
        in_pieces(
            "256 KiB and a byte in pieces",
            of_length(MAX_HEAD_BYTES + 1),
        )
        .fails(too_large),
        with("500 kB", of_length(500_000)).fails(too_large),
        with("a name of 70 kB", format!("{}: b", "a".repeat(70_000)))
            .fails(too_large)
            .counts(204),
        head(
            "an endless value",
            format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(400_000)),
            Hold,
        )
        .fails(too_large),
        head(
            "an endless phrase",
            format!("HTTP/1.1 200 {}", "a".repeat(400_000)),
            Hold,
        )
        .fails(too_large),
        head(
            "endless headers",
            format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(80_000)),
            Hold,
        )
        .fails(too_large),
    ]
}

#[rustfmt::skip]
fn interim() -> Vec<Behaviour> {
    let then_final = |name: &str, before: &str| head(name, format!("{before}{FINAL}"), Hold);
    let mut rows = vec![
        head("100, then silent", "HTTP/1.1 100 Continue\r\n\r\n", Hold).fails(R::FirstByteTimeout),
        head("100, then closed", "HTTP/1.1 100 Continue\r\n\r\n", Close).fails(R::FirstByteClosed),
        head("100, then reset", "HTTP/1.1 100 Continue\r\n\r\n", Reset).fails(R::FirstByteReset),
        head("half of a 100, then silent", "HTTP/1.1 100 C\r\nA:", Hold).fails(R::FirstByteTimeout),
        head("100, then half a head", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n", Hold).fails(R::TransferHeaderTimeout),
        head("101 unasked", "HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n", Hold).fails(R::TransferUnexpectedUpgrade).counts(101),
        head("101 behind a 100", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 101 Up\r\n\r\n", Hold).fails(R::TransferUnexpectedUpgrade).counts(101),
        then_final("100 with a length", "HTTP/1.1 100 C\r\nContent-Length: 5\r\n\r\n").counts(204),
        then_final("100 with a length that is none", "HTTP/1.1 100 C\r\nContent-Length: x\r\n\r\n").counts(204),
        then_final("103 that is chunked", "HTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\n\r\n").counts(204),
        then_final("100 with a body", "HTTP/1.1 100 C\r\nContent-Length: 5\r\n\r\nhello").fails(R::TransferNotHttp),
        then_final("100 with a broken header", "HTTP/1.1 100 C\r\nno colon\r\n\r\n").fails(R::TransferHeaderInvalid),
        then_final("100 of another version", "HTTP/1.2 100 C\r\n\r\n").fails(R::TransferHttpVersion),
        head("100 behind the final one", format!("{FINAL}HTTP/1.1 100 C\r\n\r\n"), Hold).counts(204),
        head("the final one twice", FINAL.repeat(2), Hold).counts(204),
    ];
    for code in ["100", "102", "103", "104", "150", "199"] {
        rows.push(then_final(&format!("{code} before"), &format!("HTTP/1.1 {code} I\r\n\r\n")).counts(204));
    }
    rows
}

fn interim_floods() -> Vec<Behaviour> {
    let flood = |name: &str, bytes: String| {
        let row = head(name, bytes, Hold).fails(R::TransferInterimFlood);
        row.cut_in(Phase::FirstByte)
    };
    let large = format!("HTTP/1.1 103 E\r\nLink: {}\r\n\r\n", "a".repeat(60_000));
    vec![
        head(
            "20 interim heads",
            format!("{}{FINAL}", INTERIM.repeat(20)),
            Hold,
        )
        .counts(204),
        head(
            "100 interim heads",
            format!("{}{FINAL}", INTERIM.repeat(100)),
            Hold,
        )
        .counts(204),
        flood(
            "101 interim heads",
            format!("{}{FINAL}", INTERIM.repeat(101)),
        ),
        flood("a flood of interim heads", INTERIM.repeat(20_000)),
        flood("a flood of 100", "HTTP/1.1 100 C\r\n\r\n".repeat(20_000)),
        flood("large interim heads", large.repeat(8)),
    ]
}

/// A byte now and then keeps no timeout of a read from running, and no deadline.
fn drips() -> Vec<Behaviour> {
    const OFTEN: Duration = Duration::from_millis(20);
    let drip = |name: &str, before: &str, drip: &str| {
        let name = format!("head: drip of {name}");
        Behaviour::dripping(name, before, drip, Duration::from_millis(50))
    };
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    vec![
        drip("empty lines", "", "\r\n").fails(R::FirstByteTimeout),
        drip("a phrase", "HTTP/1.1 200 ", "x").fails(R::TransferHeaderTimeout),
        drip("a name", "HTTP/1.1 200 OK\r\n", "x").fails(R::TransferHeaderTimeout),
        drip("a value", "HTTP/1.1 200 OK\r\nA: ", "x").fails(R::TransferHeaderTimeout),
        drip("headers", "HTTP/1.1 200 OK\r\n", "A: b\r\n").fails(R::TransferHeaderTimeout),
        drip("folded lines", "HTTP/1.1 200 OK\r\nA: b\r\n", " c\r\n")
            .fails(R::TransferHeaderTimeout),
        drip("an interim head", "HTTP/1.1 103 E\r\nA: ", "x").fails(R::FirstByteTimeout),
        drip("no HTTP", "", "hello").fails(R::TransferNotHttp),
        Behaviour::in_pieces("head: drip that ends", whole, 1, OFTEN)
            .counts(200)
            .takes(Duration::from_secs(5)),
        Behaviour::in_pieces(
            "head: drip with interim heads that ends",
            format!("HTTP/1.1 103 E\r\n\r\n{whole}"),
            1,
            OFTEN,
        )
        .counts(200)
        .takes(Duration::from_secs(5)),
    ]
}
