//! Frames of responses, cut anywhere, and the bounds on them.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::probe::frames::PRIORITY;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let stream = u8::from(kind < 2 || kind == 9);
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

#[test]
fn the_first_byte_is_that_of_the_final_head_however_it_is_cut() {
    let interim = [0x48, 3, b'1', b'0', b'3'];
    let before = [
        frame(SETTINGS, 0, &[]),
        frame(HEADERS, END_HEADERS, &interim),
        frame(6, 0, &[0; 8]),
        frame(HEADERS, END_HEADERS, &[0xbe]),
    ]
    .concat();
    let head = [
        // Padding, priority, then a status over two frames.
        frame(
            HEADERS,
            PADDED | PRIORITY,
            &[2, 0, 0, 0, 0, 9, 0x48, 3, b'4', 0, 0],
        ),
        frame(9, END_HEADERS, b"09"),
    ]
    .concat();
    let body = [
        frame(DATA, 0, b"bo"),
        frame(SETTINGS, ACK, &[]),
        frame(DATA, END_STREAM, b"dy"),
    ]
    .concat();
    let bytes = [&before[..], &head, &body, &frame(6, 0, &[0; 8])].concat();
    let (first, complete) = (before.len(), before.len() + head.len());
    let start = Instant::now();
    for size in 1..=bytes.len() {
        let mut frames = ResponseFrames::new(0, false);
        let (mut read, mut last) = (0, 0);
        for piece in bytes.chunks(size) {
            let at = Arrival::by_user(start + Duration::from_secs(read as u64));
            if frames.feed(piece, at).expect("nothing is wrong") {
                last = read;
            }
            read += piece.len();
            assert_eq!(frames.is_complete(), read >= complete, "pieces of {size}");
        }
        let expected = start + Duration::from_secs((first / size * size) as u64);
        assert_eq!(frames.first_byte().map(|byte| byte.at), Some(expected));
        let last_of_body = complete + body.len() - 1;
        assert_eq!(last, last_of_body / size * size, "pieces of {size}");
    }
}

#[test]
fn an_interim_head_is_not_the_first_byte() {
    let now = Arrival::by_user(Instant::now());
    let interim = frame(HEADERS, END_HEADERS, &[0x48, 3, b'1', b'0', b'3']);
    let bytes = [frame(SETTINGS, 0, &[]), interim].concat();
    let mut frames = ResponseFrames::new(0, false);
    let mut firsts = Vec::new();
    for piece in bytes.chunks(1) {
        frames.feed(piece, now).expect("nothing is wrong");
        firsts.push(frames.first_byte().is_some());
    }
    assert!(firsts[9 + 9], "its status is unknown yet");
    assert!(!firsts[bytes.len() - 1]);
}

#[test]
fn bounds_are_kept() {
    use FrameFault as F;
    let now = Arrival::by_user(Instant::now());
    let interim = frame(HEADERS, END_HEADERS, &[0x48, 3, b'1', b'0', b'3']);
    let settings = frame(SETTINGS, 0, &[]);
    let head = || frame(HEADERS, END_HEADERS, &[0x88]);
    let body = |piece: &[u8], flags, n| [head(), frame(DATA, flags, piece).repeat(n)].concat();
    let piece_and_settings = [frame(DATA, 0, &[0; 4_096]), settings.clone()].concat();
    for (bytes, expected) in [
        (b"HTTP/1.1 400 Bad Request".to_vec(), Err(F::Http1)),
        (b"SSH-2.0-OpenSSH".to_vec(), Err(F::NotHttp)),
        (vec![0x15, 3, 3, 0, 2, 2, 70, 0, 0], Err(F::NotHttp)),
        (frame(6, 0, &[0; 8]), Err(F::NoSettings)),
        (frame(SETTINGS, ACK, &[]), Err(F::NoSettings)),
        (frame(HEADERS, END_HEADERS, &[0x88]), Err(F::NoSettings)),
        (settings.repeat(900), Ok(false)),
        (settings.repeat(1_100), Err(F::Flood)),
        (body(&[], 0, 1_100), Err(F::Flood)),
        (body(&[9; 10], PADDED, 1_100), Err(F::Flood)),
        (frame(0xbe, 0, &[0; 16_000]).repeat(70), Err(F::Flood)),
        (
            [head(), piece_and_settings.repeat(4_000)].concat(),
            Ok(true),
        ),
        (interim.repeat(101), Err(F::Interims)),
        (body(b"x", 0, 9_000), Ok(true)),
        (body(b"x", 0, 11_000), Err(F::Flood)),
        (body(&[9; 60], 0, 100_000), Ok(true)),
        (body(&[9; 12], PADDED, 11_000), Err(F::Flood)),
        (body(&[255; 356], PADDED, 8_000), Err(F::Flood)),
        (
            [
                frame(HEADERS, 0, &[0x20; 16_000]),
                frame(9, 0, &[0x20; 16_000]).repeat(16),
            ]
            .concat(),
            Err(F::Head(HeadFault::Bytes)),
        ),
    ] {
        let bytes = match expected {
            Err(F::Http1 | F::NotHttp | F::NoSettings) => bytes,
            _ => [settings.clone(), bytes].concat(),
        };
        let mut frames = ResponseFrames::new(0, false);
        assert_eq!(frames.feed(&bytes, now), expected);
    }
    let mut after_upload = ResponseFrames::new(64 << 20, false);
    let updates = [settings, frame(8, 0, &[0, 0, 0, 1]).repeat(60_000)].concat();
    assert_eq!(after_upload.feed(&updates, now), Ok(false));
}

#[test]
fn fields_are_looked_at_once_however_many_trailers_there_are() {
    let now = Arrival::by_user(Instant::now());
    let (answer, trailers) = ([0x88], [0x40, 1, b'a', 1, b'b']);
    let begun = [
        frame(SETTINGS, 0, &[]),
        frame(HEADERS, END_HEADERS, &answer),
        frame(DATA, 0, b"body"),
        frame(HEADERS, END_HEADERS, &trailers),
    ]
    .concat();
    let more = [
        frame(HEADERS, END_HEADERS, &trailers).repeat(1_000),
        // It would be a fault of the trailers themselves.
        frame(HEADERS, END_HEADERS, &answer),
    ];
    let mut frames = ResponseFrames::new(0, false);
    let found = frames.feed(&[&begun[..], &more.concat()].concat(), now);
    assert_eq!(found, Ok(true));
    let mut frames = ResponseFrames::new(0, false);
    let flood = frame(HEADERS, END_HEADERS, &trailers).repeat(20_000);
    let found = frames.feed(&[begun, flood].concat(), now);
    assert_eq!(found, Err(FrameFault::Head(HeadFault::Bytes)));
}
