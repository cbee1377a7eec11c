use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[test]
fn the_first_byte_is_that_of_the_final_response_however_it_is_cut() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: <x>\n\n\
                  HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
    let final_at = 25 + 31;
    assert_eq!(&bytes[final_at..final_at + 12], b"HTTP/1.1 200");
    let start = Instant::now();
    for size in 1..=bytes.len() {
        let mut head = ResponseHead::default();
        let mut expected = None;
        for (index, piece) in bytes.chunks(size).enumerate() {
            let at = Arrival::by_user(start + Duration::from_secs(index as u64));
            if (index * size..index * size + piece.len()).contains(&final_at) {
                expected = Some(at);
            }
            assert_eq!(head.feed(piece, at), Ok(()));
        }
        assert!(head.is_complete());
        assert_eq!(head.first_byte(), expected, "pieces of {size}");
        assert!(head.bytes.ends_with(b"A: b\r\n\r\n"));
    }
}

#[test]
fn a_head_that_turns_out_to_be_interim_is_not_the_first_byte() {
    let now = Arrival::by_user(Instant::now());
    let mut head = ResponseHead::default();
    for (bytes, is_first) in [
        (&b"HTTP/1.1 "[..], true),
        (b"100 C\r\nA:", false),
        (b"b\r\nno\0name", true),
    ] {
        head.feed(bytes, now).expect("within bounds");
        assert_eq!(head.first_byte().is_some(), is_first);
    }
}

fn fed(bytes: &[u8], size: usize) -> Result<ResponseHead, HeadFault> {
    let now = Arrival::by_user(Instant::now());
    let mut head = ResponseHead::default();
    bytes
        .chunks(size)
        .try_for_each(|piece| head.feed(piece, now))?;
    Ok(head)
}

#[test]
fn bounds_are_kept() {
    let flood = b"HTTP/1.1 103 E\r\n\r\n".repeat(200);
    let large = [&b"HTTP/1.1 103 E\r\nA: "[..], &[b'a'; 90_000], b"\r\n\r\n"].concat();
    let endless = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'a'; 300_000]].concat();
    let broken = HeadFault::Broken;
    for (bytes, expected) in [
        (flood, HeadFault::Interims),
        (large.repeat(3), HeadFault::Interims),
        (endless, HeadFault::Bytes),
        (vec![b'x'; 300_000], broken(Reason::TransferNotHttp)),
        (vec![b'\n'; 300_000], HeadFault::Blank),
        (
            b"HTTP/1.1 103 E\r\nno colon\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec(),
            broken(Reason::TransferHeaderInvalid),
        ),
    ] {
        assert_eq!(fed(&bytes, 1000).err(), Some(expected));
        assert_eq!(fed(&bytes, bytes.len()).err(), Some(expected));
    }
}

/// Whether it comes in one piece or in many, behind interim heads or not.
#[test]
fn the_bound_is_met_to_the_byte() {
    let of_length = |length: usize| {
        let (begin, end) = (&b"HTTP/1.1 200 OK\r\nA: "[..], &b"\r\n\r\n"[..]);
        let value = vec![b'a'; length - begin.len() - end.len()];
        [begin, &value, end].concat()
    };
    let interim = b"HTTP/1.1 103 E\r\n\r\n".repeat(20);
    for before in [&b""[..], &interim] {
        for size in [1_000, 16_384, 1_000_000] {
            let fits = [before, &of_length(MAX_HEAD_BYTES), b"body"].concat();
            assert!(fed(&fits, size).is_ok_and(|head| head.is_complete()));
            let too_long = [before, &of_length(MAX_HEAD_BYTES + 1), b"body"].concat();
            assert_eq!(fed(&too_long, size).err(), Some(HeadFault::Bytes));
        }
    }
}

#[test]
fn faults_are_told_apart() {
    use Reason as R;
    for (bytes, reason) in [
        (&b"SSH-2.0-x\r\n\r\n"[..], R::TransferNotHttp),
        (
            b"HTTP/1.1 100\x0b C\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            R::TransferStatusInvalid,
        ),
        (
            b"HTTP/1.1 100 C\r\nno colon\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            R::TransferHeaderInvalid,
        ),
        (b"HT", R::TransferHeaderTruncated),
        (b"HX", R::TransferNotHttp),
        (b"\r\n\r\r\n", R::TransferNotHttp),
        (b"\rHTTP/1.1 200 OK\r\n\r\n", R::TransferNotHttp),
        (b"HTTP/1.", R::TransferHeaderTruncated),
        (b"HTTP/1.1 2", R::TransferHeaderTruncated),
        (b"HTTP/1.1 2x", R::TransferStatusInvalid),
        (b"HTTP/1.1 200 O", R::TransferHeaderTruncated),
        (b"HTTP/1.1 200 \0", R::TransferHeaderInvalid),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", R::TransferHeaderTruncated),
        (b"HTTP/x y\r\n\r\n", R::TransferNotHttp),
        (b"HTTP/2.0 200 OK\r\n\r\n", R::TransferHttpVersion),
        (b"HTTP/1.2 200 OK\r\n\r\n", R::TransferHttpVersion),
        (b"HTTP/1.1 20\r\n\r\n", R::TransferStatusInvalid),
        (b"HTTP/1.1 2000 x\r\n\r\n", R::TransferStatusInvalid),
        (b"HTTP/1.1 +20 x\r\n\r\n", R::TransferStatusInvalid),
        (b"HTTP/1.1\r\n\r\n", R::TransferStatusInvalid),
        (b"HTTP/1.1 200 a\0b\r\n\r\n", R::TransferHeaderInvalid),
        (
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            R::TransferHeaderInvalid,
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: x\r\n\r\n",
            R::TransferFraming,
        ),
    ] {
        let fault = match fed(bytes, bytes.len()) {
            Ok(head) => head.fault(),
            Err(fault) => fault.reason(),
        };
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(fault, reason, "{text:?}");
    }
}
