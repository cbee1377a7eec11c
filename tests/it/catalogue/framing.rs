//! How long bodies are said to be.

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::{self, Close, Hold, Reset};

pub fn all() -> Vec<Behaviour> {
    [lengths(), codings(), without_a_body()]
        .into_iter()
        .flatten()
        .collect()
}

/// A 200 with these headers and this body.
fn framed(name: &str, headers: &str, body: &str, then: Then) -> Behaviour {
    let bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}");
    Behaviour::answering(format!("framing: {name}"), bytes, then).counts(200)
}

fn lengths() -> Vec<Behaviour> {
    let length = |value: &str| {
        let header = format!("Content-Length: {value}");
        framed(&format!("length {value:?}"), &header, "half", Hold)
    };
    let two = |one: &str, other: &str| {
        let headers = format!("Content-Length: {one}\r\nContent-Length: {other}");
        framed(
            &format!("lengths {one} and {other}"),
            &headers,
            "half",
            Hold,
        )
    };
    let mut rows = vec![
        length("4"),
        length("  4\t"),
        length("0004"),
        length("0"),
        length("4, 4"),
        length("3"),
        two("4", "4"),
        two("4", "5").fails(R::TransferFraming),
        two("5", "4").fails(R::TransferFraming),
        two("4", "x").fails(R::TransferFraming),
        // 2^63 fits into 64 bits; nobody sends as much.
        length("9223372036854775808").fails(R::TransferBodyTimeout),
        framed("no length, until closed", "A: b", "until closed", Close),
        framed("no length, until reset", "A: b", "until reset", Reset).fails(R::TransferBodyReset),
        framed("no length, never closed", "A: b", "on and on", Hold).fails(R::TransferBodyTimeout),
    ];
    for value in [
        "-1",
        "+4",
        "0x4",
        "4.0",
        "4e0",
        "",
        "four",
        "4 4",
        "4;",
        "4, 5",
        "4,",
        ",4",
        "\u{664}",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        rows.push(length(value).fails(R::TransferFraming));
    }
    let conflict = "HTTP/1.1 409 Conflict\r\nContent-Length: -1\r\n\r\n";
    let conflict = Behaviour::answering("framing: a conflict of length -1", conflict, Hold);
    rows.push(conflict.fails(R::ValidateStatus).counts(409));
    rows
}

fn codings() -> Vec<Behaviour> {
    let coding = |value: &str, body: &str| {
        let header = format!("Transfer-Encoding: {value}");
        framed(&format!("transfer coding {value:?}"), &header, body, Close)
    };
    const END: &str = "0\r\n\r\n";
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked";
    let both_turned = "Transfer-Encoding: chunked\r\nContent-Length: 5";
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked";
    let old = |name: &str, headers: &str| {
        let bytes = format!("HTTP/1.0 200 OK\r\n{headers}\r\n\r\n{END}");
        Behaviour::answering(format!("framing: HTTP/1.0, {name}"), bytes, Close).counts(200)
    };
    let mut rows = vec![
        coding("chunked", END),
        coding("CHUNKED", END),
        coding("Chunked ", END),
        framed("length and chunked", both, END, Hold).fails(R::TransferFraming),
        framed("chunked and length", both_turned, END, Hold).fails(R::TransferFraming),
        framed("chunked on two lines", twice, END, Hold).fails(R::TransferFraming),
        old("chunked", "Transfer-Encoding: chunked").fails(R::TransferFraming),
        old("length and chunked", both).fails(R::TransferFraming),
        old("until closed", "A: b"),
    ];
    for value in [
        "gzip",
        "identity",
        "xchunked",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked, identity",
        "chunked;q=1",
        "\"chunked\"",
        "",
    ] {
        rows.push(coding(value, END).fails(R::TransferFraming));
    }
    rows
}

/// A body where none may be is no part of the response.
fn without_a_body() -> Vec<Behaviour> {
    let sends = |name: &str, status: &str, body: &str| {
        let bytes = format!("HTTP/1.1 {status}\r\n{body}");
        Behaviour::answering(format!("framing: {name}"), bytes, Hold)
    };
    let head = |name: &str, rest: &str| {
        let row = sends(&format!("HEAD, {name}"), "200 OK", rest);
        row.probed(|module| module.method = http::Method::HEAD)
            .counts(200)
    };
    let body = "Content-Length: 4\r\n\r\nhalf";
    let chunks = "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n";
    vec![
        sends("204 with a body", "204 No Content", body).counts(204),
        sends("204 in chunks", "204 No Content", chunks).counts(204),
        sends("205 with a body", "205 Reset Content", body).counts(205),
        sends("304 with a body", "304 Not Modified", body)
            .fails(R::ValidateStatus)
            .counts(304),
        head("with a length", "Content-Length: 1000000\r\n\r\n"),
        head("with a body", body),
        head("in chunks", chunks),
        head("of no length", "\r\n"),
    ]
}
