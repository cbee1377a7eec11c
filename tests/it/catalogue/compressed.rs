//! Bodies that are compressed, or said to be.

use std::num::NonZeroU64;

use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::body::Compression::{self, Br, Deflate, Gzip};

use crate::catalogue::Behaviour;
use crate::support::compress::{deflate, gzip, zlib};
use crate::support::peer::Then::{Close, Hold};

const TEXT: &[u8] = b"{\"state\": \"paid\"}";
/// The same in br, whose encoder is not among the dependencies.
const TEXT_BR: &[u8] = include_bytes!("../../bodies/paid.br");
/// 100 MB of zeros.
const ZEROS_BR: &[u8] = include_bytes!("../../bodies/zeros.br");
const LIMIT: u64 = 4 * 1024 * 1024;

pub fn all() -> Vec<Behaviour> {
    [good(), broken(), bombs(), cut_bombs()]
        .into_iter()
        .flatten()
        .collect()
}

/// A 200 with this body, said to be in this coding, probed by a module that decodes it or not.
fn body(name: &str, said: &str, raw: &[u8], module: Option<Compression>) -> Behaviour {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {said}\r\nContent-Length: {}\r\n\r\n",
        raw.len()
    );
    let bytes = [head.as_bytes(), raw].concat();
    Behaviour::answering(format!("compressed: {name}"), bytes, Hold)
        .probed(move |probing| {
            probing.checks.body.compression = module;
            probing.checks.body.size_limit = NonZeroU64::new(LIMIT);
        })
        .counts(200)
}

fn good() -> Vec<Behaviour> {
    let row = |name: &str, raw: &[u8], by| body(name, "x", raw, Some(by));
    vec![
        row("gzip", &gzip(TEXT), Gzip),
        row("gzip of nothing", &gzip(b""), Gzip),
        row(
            "several files of gzip",
            &[gzip(TEXT), gzip(TEXT)].concat(),
            Gzip,
        ),
        // One coding is undone, as blackbox_exporter does whatever the response says.
        row("gzip twice", &gzip(&gzip(TEXT)), Gzip),
        row(
            "gzip as long as the limit",
            &gzip(&vec![0; LIMIT as usize]),
            Gzip,
        ),
        row("deflate", &deflate(TEXT), Deflate),
        row("br", TEXT_BR, Br),
        body("gzip that nobody decodes", "gzip", &gzip(TEXT), None),
        body("an unknown coding that nobody decodes", "rot13", TEXT, None),
        body("no gzip, and nobody decodes", "gzip", TEXT, None),
    ]
}

fn broken() -> Vec<Behaviour> {
    let row = |name: &str, said: &str, raw: &[u8], by| {
        body(name, said, raw, Some(by)).fails(R::TransferBodyDecode)
    };
    let cut = |mut raw: Vec<u8>| {
        raw.truncate(raw.len() - 5);
        raw
    };
    let mut wrong_sum = gzip(TEXT);
    let sum_at = wrong_sum.len() - 8;
    wrong_sum[sum_at] ^= 1;
    let truncated = {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n";
        let bytes = [head.as_bytes(), &gzip(TEXT)].concat();
        Behaviour::answering("compressed: gzip whose body is cut", bytes, Close)
            .probed(|module| module.checks.body.compression = Some(Gzip))
            .fails(R::TransferBodyTruncated)
            .counts(200)
    };
    vec![
        row("gzip that is cut", "gzip", &cut(gzip(TEXT)), Gzip),
        row(
            "deflate that is cut",
            "deflate",
            &cut(deflate(TEXT)),
            Deflate,
        ),
        row("br that is cut", "br", &cut(TEXT_BR.to_vec()), Br),
        row("no gzip", "gzip", TEXT, Gzip),
        row("no deflate", "deflate", TEXT, Deflate),
        row("no br", "br", &[0xff; 40], Br),
        row("nothing as gzip", "gzip", b"", Gzip),
        row("nothing as deflate", "deflate", b"", Deflate),
        row(
            "an unknown coding",
            "zstd",
            b"\x28\xb5\x2f\xfd\x04\x00",
            Gzip,
        ),
        row("deflate as gzip", "gzip", &deflate(TEXT), Gzip),
        row("zlib as deflate", "deflate", &zlib(TEXT), Deflate),
        row("gzip as br", "br", &gzip(TEXT), Br),
        row("gzip with a wrong sum", "gzip", &wrong_sum, Gzip),
        row(
            "something behind gzip",
            "gzip",
            &[&*gzip(TEXT), &[b'x'; 40]].concat(),
            Gzip,
        ),
        row("something behind br", "br", &[TEXT_BR, b"x"].concat(), Br),
        truncated,
    ]
}

/// A body that does not come to its end is hardly decoded, as that would take time behind the deadline.
fn cut_bombs() -> Vec<Behaviour> {
    let zeros = vec![0; LIMIT as usize];
    [
        ("gzip", Gzip, gzip(&zeros)),
        ("deflate", Deflate, deflate(&zeros)),
        ("br", Br, ZEROS_BR.to_vec()),
    ]
    .into_iter()
    .flat_map(|(name, coding, raw)| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            raw.len() + 1
        );
        let bytes = [head.as_bytes(), &raw].concat();
        [
            ("silent", Hold, R::TransferBodyTimeout),
            ("closed", Close, R::TransferBodyTruncated),
        ]
        .map(|(words, then, reason)| {
            let name = format!("compressed: much {name}, then {words}");
            Behaviour::answering(name, bytes.clone(), then)
                .probed(move |module| module.checks.body.compression = Some(coding))
                .fails(reason)
                .counts(200)
                .also("hardly anything is decoded", |outcome| {
                    (1..100_000).contains(&outcome.judgement.decoded_bytes)
                })
        })
    })
    .collect()
}

fn bombs() -> Vec<Behaviour> {
    let zeros = vec![0; 5 * LIMIT as usize];
    let noise: Vec<u8> = (0..LIMIT as u32 + 1)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let bomb =
        |name: &str, raw: &[u8], by| body(name, "x", raw, Some(by)).fails(R::TransferBodyBomb);
    vec![
        bomb("a bomb of gzip", &gzip(&zeros), Gzip),
        bomb("a bomb of deflate", &deflate(&zeros), Deflate),
        bomb("a bomb of br", ZEROS_BR, Br),
        bomb(
            "a bomb of many files",
            &gzip(&zeros[..LIMIT as usize / 2]).repeat(4),
            Gzip,
        ),
        body(
            "gzip a byte longer than the limit",
            "gzip",
            &gzip(&noise),
            Some(Gzip),
        )
        .fails(R::TransferBodyTooLarge),
        body(
            "gzip that is longer than the limit by itself",
            "gzip",
            &vec![0x1f; 5 << 20],
            Some(Gzip),
        )
        .fails(R::TransferBodyTooLarge),
    ]
}
