//! Decodes a body that is compressed as the module says, and no further than it is allowed to go.

use std::io::Read;

use brotli_decompressor::BrotliDecompressStream;
use brotli_decompressor::BrotliResult;
use brotli_decompressor::BrotliState;
use brotli_decompressor::StandardAlloc;
use flate2::Decompress;
use flate2::FlushDecompress;
use flate2::Status;
use flate2::bufread::MultiGzDecoder;

use crate::outcome::Failure;
use crate::outcome::reason::Reason;
use crate::target::body::Compression;

/// How much is decoded at once.
const STEP_BYTES: usize = 32 * 1024;

/// A body that is longer than its limit is a bomb if it has more bytes than this and is so many
/// times what it was decoded from. Text becomes ten times as long, and seldom thirty.
const BOMB_BYTES: u64 = 1024 * 1024;
const BOMB_RATIO: u64 = 100;

/// What came of decoding.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Its first bytes, as many as were to be kept.
    pub text: Vec<u8>,
    /// How many bytes there are, up to the limit.
    pub bytes: u64,
    /// Why there are no more.
    pub failure: Option<Failure>,
}

/// Decodes `raw` to at most `max_bytes`, of which the first `kept_bytes` are kept.
pub fn decode(raw: &[u8], compression: Compression, max_bytes: u64, kept_bytes: u64) -> Decoded {
    match compression {
        Compression::Gzip => drain(
            &mut Gzip(MultiGzDecoder::new(raw)),
            raw,
            max_bytes,
            kept_bytes,
        ),
        Compression::Deflate => drain(&mut Deflate::new(raw), raw, max_bytes, kept_bytes),
        // blackbox_exporter's decoder takes nothing for the whole of nothing.
        Compression::Br if raw.is_empty() => Decoded::default(),
        Compression::Br => drain(&mut Br::new(raw), raw, max_bytes, kept_bytes),
    }
}

/// A stream that gives what it decodes piece by piece.
trait Decoder {
    /// The next bytes, none at the end.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, String>;

    /// How much of the raw bytes was not used so far.
    fn rest(&self) -> usize;
}

fn drain(decoder: &mut dyn Decoder, raw: &[u8], max_bytes: u64, kept_bytes: u64) -> Decoded {
    let mut decoded = Decoded::default();
    let mut piece = vec![0; STEP_BYTES];
    loop {
        let length = match decoder.read(&mut piece) {
            Ok(0) => return decoded,
            Ok(length) => length,
            Err(detail) => {
                decoded.failure = Some(Failure {
                    reason: Reason::TransferBodyDecode,
                    detail,
                });
                return decoded;
            }
        };
        let room = usize::try_from(kept_bytes).unwrap_or(usize::MAX) - decoded.text.len();
        let piece = piece.get(..length).unwrap_or_default();
        decoded
            .text
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
        decoded.bytes += length as u64;
        if decoded.bytes > max_bytes {
            let used = (raw.len() - decoder.rest()) as u64;
            decoded.failure = Some(too_long(decoded.bytes, used, max_bytes));
            decoded.bytes = max_bytes;
            return decoded;
        }
    }
}

fn too_long(bytes: u64, used: u64, max_bytes: u64) -> Failure {
    if bytes > BOMB_BYTES && bytes / BOMB_RATIO > used {
        return Failure {
            reason: Reason::TransferBodyBomb,
            detail: format!("{used} bytes of the body become more than {max_bytes}"),
        };
    }
    Failure {
        reason: Reason::TransferBodyTooLarge,
        detail: format!("the decoded body has more than {max_bytes} bytes"),
    }
}

/// gzip; what follows the last file must be another one, as in Go.
struct Gzip<'r>(MultiGzDecoder<&'r [u8]>);

impl Decoder for Gzip<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, String> {
        self.0
            .read(out)
            .map_err(|error| format!("the body is no gzip: {error}"))
    }

    fn rest(&self) -> usize {
        self.0.get_ref().len()
    }
}

/// Bare deflate; what follows its end is left alone, as in Go.
struct Deflate<'r> {
    rest: &'r [u8],
    state: Decompress,
    is_over: bool,
}

impl<'r> Deflate<'r> {
    fn new(raw: &'r [u8]) -> Self {
        Self {
            rest: raw,
            state: Decompress::new(false),
            is_over: false,
        }
    }
}

impl Decoder for Deflate<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, String> {
        if self.is_over {
            return Ok(0);
        }
        let before = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(self.rest, out, FlushDecompress::None)
            .map_err(|error| format!("the body is no bare deflate: {error}"))?;
        let since = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let used = since(self.state.total_in(), before.0);
        let made = since(self.state.total_out(), before.1);
        self.rest = self.rest.get(used..).unwrap_or_default();
        self.is_over = status == Status::StreamEnd;
        // The whole body is there: a stream that neither ends nor goes on is cut.
        match made {
            0 if !self.is_over => Err("the deflate in the body is cut".to_owned()),
            made => Ok(made),
        }
    }

    fn rest(&self) -> usize {
        self.rest.len()
    }
}

/// Brotli; nothing may follow its end, as in Go.
struct Br<'r> {
    raw: &'r [u8],
    used: usize,
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    is_over: bool,
}

impl<'r> Br<'r> {
    fn new(raw: &'r [u8]) -> Self {
        let state = BrotliState::new(
            StandardAlloc::default(),
            StandardAlloc::default(),
            StandardAlloc::default(),
        );
        Self {
            raw,
            used: 0,
            state: Box::new(state),
            is_over: false,
        }
    }
}

impl Decoder for Br<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, String> {
        if self.is_over {
            return Ok(0);
        }
        let (mut room, mut made, mut total) = (out.len(), 0, 0);
        let mut left = self.raw.len() - self.used;
        let result = BrotliDecompressStream(
            &mut left,
            &mut self.used,
            self.raw,
            &mut room,
            &mut made,
            out,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::NeedsMoreOutput => Ok(made),
            BrotliResult::ResultSuccess if left > 0 => {
                Err(format!("{left} bytes follow the end of the br in the body"))
            }
            BrotliResult::ResultSuccess => {
                self.is_over = true;
                Ok(made)
            }
            BrotliResult::NeedsMoreInput => Err("the br in the body is cut".to_owned()),
            BrotliResult::ResultFailure => Err("the body is no br".to_owned()),
        }
    }

    fn rest(&self) -> usize {
        self.raw.len() - self.used
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression as Level;
    use flate2::write::DeflateEncoder;
    use flate2::write::GzEncoder;
    use flate2::write::ZlibEncoder;

    use super::*;
    use Compression::{Br, Deflate, Gzip};

    /// `{"state": "paid"}` in br, whose encoder is not among the dependencies.
    const PAID: &[u8] = b"{\"state\": \"paid\"}";
    const PAID_BR: &[u8] = include_bytes!("../../../tests/bodies/paid.br");

    /// 100 MB of zeros in br.
    const ZEROS_BR: &[u8] = include_bytes!("../../../tests/bodies/zeros.br");

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
            let decoded = decode(raw, *compression, 1_000_000, 1_000_000);
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
                let decoded = decode(&raw[..length], compression, 1_000, 1_000);
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
            let decoded = decode(&raw, compression, max, 10);
            let found = decoded.failure.map(|failure| failure.reason);
            assert_eq!(found, reason, "{what}, {compression:?}, {max}");
            let bytes = if reason.is_some() { max } else { decoded.bytes };
            assert_eq!(decoded.bytes, bytes, "{what}");
            assert_eq!(decoded.text.len(), 10, "{what}");
        }
    }
}
