//! Bodies in order and out of it, and those that are made to cost much.

use std::cell::Cell;
use std::io::Write;

use flate2::Compression as Level;
use flate2::write::DeflateEncoder;
use flate2::write::GzEncoder;
use flate2::write::ZlibEncoder;

use super::*;
use Compression::{Br, Deflate, Gzip};

/// `{"state": "paid"}` in br, whose encoder is not among the dependencies.
const PAID: &[u8] = b"{\"state\": \"paid\"}";
const PAID_BR: &[u8] = include_bytes!("../../../../tests/bodies/paid.br");

/// 100 MB of zeros in br.
const ZEROS_BR: &[u8] = include_bytes!("../../../../tests/bodies/zeros.br");

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Level::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Level::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Those of a whole body, of which so much is kept.
fn keeping(kept_bytes: u64, bytes: u64) -> Limits {
    Limits {
        kept_bytes,
        ..Limits::of_whole(bytes)
    }
}

type Row<'t> = (Compression, Vec<u8>, Option<&'t [u8]>);

#[test]
fn bodies_are_decoded_as_in_go_or_refused() {
    let long: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let twice = [gzip(b"ab"), gzip(b"cd")].concat();
    let rows: &[Row<'_>] = &[
        (Gzip, gzip(PAID), Some(PAID)),
        (Gzip, gzip(&long), Some(&long)),
        (Gzip, gzip(b""), Some(b"")),
        (Gzip, twice, Some(b"abcd")),
        (
            Gzip,
            [&*gzip(b"ab"), b"garbage garbage garbage"].concat(),
            None,
        ),
        (Gzip, Vec::new(), None),
        (Gzip, PAID.to_vec(), None),
        (Gzip, deflate(PAID), None),
        (Deflate, deflate(PAID), Some(PAID)),
        (Deflate, deflate(&long), Some(&long)),
        (Deflate, deflate(b""), Some(b"")),
        (
            Deflate,
            [&*deflate(b"ab"), b"behind it"].concat(),
            Some(b"ab"),
        ),
        (Deflate, Vec::new(), None),
        (Deflate, zlib(PAID), None),
        (Deflate, PAID.to_vec(), None),
        (Br, PAID_BR.to_vec(), Some(PAID)),
        (Br, Vec::new(), Some(b"")),
        (Br, [PAID_BR, b"x"].concat(), None),
        (Br, gzip(PAID), None),
    ];
    for (compression, raw, expected) in rows {
        let decoded = decode(raw, *compression, keeping(1_000_000, 1_000_000));
        let reason = decoded.failure.map(|failure| failure.reason);
        let what = format!("{compression:?} of {:?}", raw.get(..20).unwrap_or(raw));
        match expected {
            Some(text) => {
                assert_eq!(reason, None, "{what}");
                assert!(decoded.text == *text, "{what}");
                assert_eq!(decoded.bytes, text.len() as u64, "{what}");
            }
            None => assert_eq!(reason, Some(Reason::TransferBodyDecode), "{what}"),
        }
    }
}

#[test]
fn what_is_cut_anywhere_is_refused() {
    for (compression, raw) in [
        (Gzip, gzip(PAID)),
        (Deflate, deflate(PAID)),
        (Br, PAID_BR.to_vec()),
    ] {
        for length in 1..raw.len() {
            let decoded = decode(&raw[..length], compression, keeping(1_000, 1_000));
            let reason = decoded.failure.map(|failure| failure.reason);
            assert_eq!(
                reason,
                Some(Reason::TransferBodyDecode),
                "{compression:?}, {length} bytes"
            );
            assert!(PAID.starts_with(&decoded.text));
        }
    }
}

#[test]
fn decoding_ends_at_the_limit() {
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0])
        .collect();
    let zeros = vec![0; 10_000_000];
    let too_large = Some(Reason::TransferBodyTooLarge);
    let bomb = Some(Reason::TransferBodyBomb);
    for (what, compression, raw, max, reason) in [
        ("fits", Gzip, gzip(&noise), 200_000, None),
        ("one less", Gzip, gzip(&noise), 199_999, too_large),
        ("half", Deflate, deflate(&noise), 100_000, too_large),
        ("zeros fit", Gzip, gzip(&zeros), 10_000_000, None),
        ("few zeros", Gzip, gzip(&zeros), 1_000_000, too_large),
        ("zeros", Gzip, gzip(&zeros), 9_999_999, bomb),
        ("zeros", Deflate, deflate(&zeros), 5_000_000, bomb),
        ("zeros", Br, ZEROS_BR.to_vec(), 50_000_000, bomb),
    ] {
        let decoded = decode(&raw, compression, keeping(10, max));
        let found = decoded.failure.map(|failure| failure.reason);
        assert_eq!(found, reason, "{what}, {compression:?}, {max}");
        let bytes = if reason.is_some() { max } else { decoded.bytes };
        assert_eq!(decoded.bytes, bytes, "{what}");
        assert_eq!(decoded.text.len(), 10, "{what}");
    }
}

/// A clock that goes on by so much whenever somebody looks.
fn ticking(by: Duration) -> impl Fn() -> Duration {
    let now = Cell::new(Duration::ZERO);
    move || {
        now.set(now.get() + by);
        now.get()
    }
}

/// Files and blocks that give nothing or hardly anything, of which millions fit into a body.
#[test]
fn what_gives_nothing_does_not_take_for_ever() {
    let many = |one: &[u8]| one.repeat(300_000 / one.len());
    let empty_blocks = many(&[0, 0, 0, 0xff, 0xff]);
    let mut gzip_of_blocks = gzip(b"");
    gzip_of_blocks.truncate(10);
    gzip_of_blocks.extend_from_slice(&empty_blocks);
    // The size of the window stands before the first.
    let empty_metadata = [vec![0x0c], vec![0x06; 300_000]].concat();
    for (what, compression, raw) in [
        ("files", Gzip, many(&gzip(b""))),
        ("files of a byte", Gzip, many(&gzip(b"x"))),
        ("blocks", Gzip, gzip_of_blocks),
        ("blocks", Deflate, empty_blocks),
        ("metadata", Br, empty_metadata),
    ] {
        let clock = ticking(MAX_TIME / 10);
        let decoded = decode_by(&clock, &raw, compression, keeping(1_000_000, 1_000_000));
        let reason = decoded.failure.map(|failure| failure.reason);
        let what = format!("{what}, {compression:?}");
        assert_eq!(reason, Some(Reason::TransferBodyBomb), "{what}");
        assert!(clock() < 2 * MAX_TIME, "{what}: it ends when time is over");
    }
}

#[test]
fn decoding_takes_no_longer_than_it_may() {
    let raw = gzip(b"").repeat(100_000);
    for n_looks in [3, 30] {
        let a_step = Duration::from_millis(1);
        let clock = ticking(a_step);
        let limits = Limits {
            time: n_looks * a_step,
            ..Limits::of_whole(1_000_000)
        };
        let decoded = decode_by(&clock, &raw, Gzip, limits);
        let reason = decoded.failure.map(|failure| failure.reason);
        assert_eq!(reason, Some(Reason::TransferBodyBomb));
        assert!(clock() < (n_looks + 5) * a_step, "{n_looks}");
    }
}

#[test]
fn what_gives_much_has_the_time_for_it() {
    let n_steps = 500;
    let raw = gzip(&vec![0; n_steps * STEP_BYTES]);
    let bomb = Some(Reason::TransferBodyBomb);
    for (seconds, reason) in [(1, None), (2, None), (5, bomb)] {
        let a_step = Duration::from_secs(seconds) / u32::try_from(n_steps).unwrap();
        let decoded = decode_by(&ticking(a_step), &raw, Gzip, keeping(10, u64::MAX));
        let found = decoded.failure.map(|failure| failure.reason);
        assert_eq!(found, reason, "{seconds} s");
    }
}

#[test]
fn the_clock_is_that_of_the_own_work() {
    let before = cpu_time();
    gzip(&vec![0; 1_000_000]);
    assert!(cpu_time() > before);
}
