//! How bodies are cut into chunks.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::{self, Close, Hold, Reset};

const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

pub fn all() -> Vec<Behaviour> {
    [
        cut_off(),
        sizes(),
        extensions(),
        trailers(),
        broken_trailers(),
        floods(),
        drips(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A 200 with these chunks.
fn chunked(name: &str, chunks: &str, then: Then) -> Behaviour {
    Behaviour::answering(format!("chunks: {name}"), format!("{HEAD}{chunks}"), then).counts(200)
}

#[rustfmt::skip]
fn cut_off() -> Vec<Behaviour> {
    vec![
        chunked("whole", "4\r\nhalf\r\n0\r\n\r\n", Hold),
        chunked("closed before", "", Close).fails(R::TransferBodyTruncated),
        chunked("closed in a size", "4", Close).fails(R::TransferBodyTruncated),
        chunked("closed in a chunk", "4\r\nha", Close).fails(R::TransferBodyTruncated),
        chunked("reset in a chunk", "4\r\nha", Reset).fails(R::TransferBodyReset),
        chunked("silent in a chunk", "4\r\nha", Hold).fails(R::TransferBodyTimeout),
        chunked("closed behind a chunk", "4\r\nhalf\r\n", Close).fails(R::TransferBodyTruncated),
        chunked("closed in the last chunk", "4\r\nhalf\r\n0\r\n", Close).fails(R::TransferBodyTruncated),
        chunked("silent in the last chunk", "4\r\nhalf\r\n0\r\n", Hold).fails(R::TransferBodyTimeout),
        chunked("reset in the last chunk", "4\r\nhalf\r\n0\r\n", Reset).fails(R::TransferBodyReset),
        chunked("something behind the last one", "0\r\n\r\nmore", Hold),
    ]
}

fn sizes() -> Vec<Behaviour> {
    let of_size = |size: &str| {
        let row = format!("size {size:?}");
        chunked(&row, &format!("{size}\r\nhalf\r\n0\r\n\r\n"), Hold)
    };
    let mut rows = vec![
        of_size("4"),
        of_size("0004"),
        of_size("4 "),
        chunked("a size in capitals", "A\r\n0123456789\r\n0\r\n\r\n", Hold),
        chunked("a size of 2^64-1", "ffffffffffffffff\r\nhalf", Close)
            .fails(R::TransferBodyTruncated),
        chunked("a size of 2^64-1, silent", "ffffffffffffffff\r\nhalf", Hold)
            .fails(R::TransferBodyTimeout),
    ];
    for size in [
        "",
        "-4",
        "+4",
        " 4",
        "0x4",
        "x",
        "4h",
        "4 4",
        "10000000000000000",
        "4\0",
        "4\n",
        "4,",
    ] {
        rows.push(of_size(size).fails(R::TransferChunkInvalid));
    }
    for (name, chunks) in [
        ("bare line feeds", "4\nhalf\n0\n\n"),
        ("a bare line feed behind a chunk", "4\r\nhalf\n0\r\n\r\n"),
        ("longer than its size", "4\r\nwhole\r\n0\r\n\r\n"),
        ("shorter than its size", "5\r\nhalf\r\n0\r\n\r\n"),
        ("no line end behind a chunk", "4\r\nhalf0\r\n\r\n"),
        ("a bare CR behind a size", "4\rxhalf"),
    ] {
        rows.push(chunked(name, chunks, Hold).fails(R::TransferChunkInvalid));
    }
    rows
}

#[rustfmt::skip]
fn extensions() -> Vec<Behaviour> {
    let each = |bytes: usize, count: usize| format!("1;{}\r\nx\r\n", "e".repeat(bytes)).repeat(count);
    vec![
        chunked("an extension", "4;a=b;c=\"d\"\r\nhalf\r\n0;e\r\n\r\n", Hold),
        chunked("an extension of 20 KB", &each(20_000, 1), Hold).fails(R::TransferChunkInvalid),
        chunked("50 bytes of extension on each byte", &each(50, 2_000), Hold).fails(R::TransferChunkInvalid),
        chunked("an endless extension", &format!("4;{}", "e".repeat(1_000_000)), Hold).fails(R::TransferChunkInvalid),
        chunked("a line feed in an extension", "4;a\nb\r\nhalf\r\n0\r\n\r\n", Hold).fails(R::TransferChunkInvalid),
        chunked("a CR in an extension", "4;a\rb\r\nhalf\r\n0\r\n\r\n", Hold).fails(R::TransferChunkInvalid),
        chunked("closed in an extension", "4;a", Close).fails(R::TransferBodyTruncated),
        chunked("NUL in an extension", "4;a\0b\r\nhalf\r\n0\r\n\r\n", Hold).fails(R::TransferChunkInvalid),
        chunked("NUL in an extension, then closed", "4;a\0", Close).fails(R::TransferChunkInvalid),
        chunked("control characters in an extension", "4;a=\x01\x7f\r\nhalf\r\n0\r\n\r\n", Hold).fails(R::TransferChunkInvalid),
        chunked("NUL in the last extension", "0;a\0\r\n\r\n", Hold).fails(R::TransferChunkInvalid),
        chunked("a string in an extension without its end", "4;a=\"b\r\nhalf\r\n0\r\n\r\n", Hold).fails(R::TransferChunkInvalid),
        chunked("strings in extensions", "4 ; a = \"\\\";\tü\" ;b;;c=\r\nhalf\r\n0\r\n\r\n", Hold),
        chunked("NUL in a chunk and behind the last one", "4\r\nha\0f\r\n0\r\n\r\n\0\n", Hold),
    ]
}

fn trailers() -> Vec<Behaviour> {
    let with = |name: &str, trailers: &str| {
        let chunks = format!("4\r\nhalf\r\n0\r\n{trailers}\r\n\r\n");
        chunked(name, &chunks, Hold)
    };
    let many = |count: usize| -> String {
        let lines: Vec<String> = (0..count).map(|i| format!("T{i}: v")).collect();
        lines.join("\r\n")
    };
    let bad = R::TransferChunkInvalid;
    vec![
        with("a trailer", "A: b"),
        with("100 trailers", &many(100)),
        with("a length among the trailers", "Content-Length: 9"),
        with("a coding among the trailers", "Transfer-Encoding: gzip"),
        with("300 trailers", &many(300)).fails(bad),
        with("a trailer of 20 KB", &format!("A: {}", "b".repeat(20_000))).fails(bad),
        with("a trailer without a colon", "no colon").fails(bad),
        with("a trailer without a name", ": b").fails(bad),
        with("a space in the name of a trailer", "A b: c").fails(bad),
        with("NUL in a trailer", "A: b\0c").fails(bad),
        with("a bare CR in a trailer", "A: b\rc").fails(bad),
        chunked(
            "endless trailers",
            &format!("0\r\n{}", "A: b\r\n".repeat(100_000)),
            Hold,
        )
        .fails(bad),
        chunked("closed in a trailer", "0\r\nA: b", Close).fails(R::TransferBodyTruncated),
        chunked("silent in a trailer", "0\r\nA: b", Hold).fails(R::TransferBodyTimeout),
    ]
}

/// What is wrong with trailers is told at once, whatever comes of the connection then.
fn broken_trailers() -> Vec<Behaviour> {
    let with_fault = |(name, trailers): (&str, &str)| {
        [
            (Hold, ""),
            (Close, ", then closed"),
            (Reset, ", then reset"),
        ]
        .map(|(then, words)| {
            let name = format!("a broken trailer: {name}{words}");
            let chunks = format!("4\r\nhalf\r\n0\r\n{trailers}");
            chunked(&name, &chunks, then)
                .fails(R::TransferChunkInvalid)
                .also("all of the chunk is delivered", |outcome| {
                    outcome
                        .response
                        .is_some_and(|response| response.body_bytes == 4)
                })
        })
    };
    let conflict = Behaviour::answering(
        "chunks: a broken trailer of a conflict",
        format!("{HEAD}4\r\nhalf\r\n0\r\n\n").replace("200 OK", "409 Conflict"),
        Hold,
    );
    let unread = Behaviour::answering(
        "chunks: a broken trailer that nobody reads",
        format!("{HEAD}0\r\n\n").replace("200 OK", "304 Not Modified"),
        Hold,
    );
    let mut rows: Vec<Behaviour> = [
        ("a bare line feed at the end", "\n"),
        ("a bare line feed", "A: b\n\r\n"),
        ("a bare line feed behind one", "A: b\r\n\n"),
        ("no colon", "garbage\r\n"),
        ("a space in the name", "A b: c\r\n"),
        ("NUL in a value", "A: \0"),
        ("NUL", "\0\0\0"),
        ("a record of TLS", "\x16\x03\x01\x02"),
    ]
    .into_iter()
    .flat_map(with_fault)
    .collect();
    rows.push(conflict.fails(R::ValidateStatus).counts(409));
    rows.push(unread.fails(R::ValidateStatus).counts(304));
    rows
}

/// What no limit of the body would end.
fn floods() -> Vec<Behaviour> {
    let flood = |name: &str, before: &str, bytes: &[u8]| {
        let before = format!("{HEAD}{before}");
        Behaviour::flooding(format!("chunks: {name}"), before, bytes).counts(200)
    };
    vec![
        flood("endless, of a byte", "", b"1\r\nx\r\n").fails(R::TransferBodyTooLarge),
        flood("endless, of eight bytes", "", b"8\r\nabcdefgh\r\n").fails(R::TransferBodyTooLarge),
        flood("zeros before a size", "", b"0").fails(R::TransferChunkInvalid),
        flood("spaces behind a size", "4", b" ").fails(R::TransferChunkInvalid),
        flood("endless, of 4 KiB", "", &four_kib())
            .probed(|module| module.checks.body.size_limit = std::num::NonZeroU64::new(1 << 20))
            .fails(R::TransferBodyTooLarge),
        chunked(
            "a megabyte and more of ten bytes, where more is wanted",
            &format!("{}0\r\n\r\n", "a\r\nten bytes.\r\n".repeat(150_000)),
            Hold,
        )
        .probed(|module| module.checks.body.size_limit = std::num::NonZeroU64::new(4 << 20)),
        chunked(
            "10,000 of a byte",
            &format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(10_000)),
            Hold,
        ),
    ]
}

fn four_kib() -> Vec<u8> {
    [b"1000\r\n", &[b'x'; 4096][..], b"\r\n"].concat()
}

fn drips() -> Vec<Behaviour> {
    const PAUSE: Duration = Duration::from_millis(50);
    let drip = |name: &str, before: &str, drip: &str| {
        let name = format!("chunks: drip of {name}");
        Behaviour::dripping(name, format!("{HEAD}{before}"), drip, PAUSE)
            .fails(R::TransferBodyTimeout)
            .counts(200)
    };
    vec![
        drip("a size", "", "0"),
        drip("spaces", "4", " "),
        drip("an extension", "4;", "e"),
        drip("a chunk", "1000\r\n", "x"),
        drip("chunks", "", "1\r\nx\r\n"),
        drip("a trailer", "0\r\nA: ", "b"),
        drip("trailers", "0\r\n", "A: b\r\n"),
        Behaviour::in_pieces(
            "chunks: drip that ends",
            format!("{HEAD}4;e\r\nhalf\r\n0\r\nA: b\r\n\r\n"),
            1,
            Duration::from_millis(10),
        )
        .counts(200)
        .takes(Duration::from_secs(5)),
    ]
}
