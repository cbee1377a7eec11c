//! Decodes a body that is compressed as the module says, and no further than it is allowed to go.

use std::io;
use std::io::BufRead;
use std::io::ErrorKind;
use std::io::Read;
use std::time::Duration;

use brotli_decompressor::BrotliDecompressStream;
use brotli_decompressor::BrotliResult;
use brotli_decompressor::BrotliState;
use brotli_decompressor::StandardAlloc;
use flate2::Decompress;
use flate2::FlushDecompress;
use flate2::Status;
use flate2::bufread::MultiGzDecoder;
use nix::time::ClockId;
use nix::time::clock_gettime;

use crate::outcome::Failure;
use crate::outcome::reason::Reason;
use crate::target::body::Compression;

/// How much is decoded at once.
const STEP_BYTES: usize = 32 * 1024;

/// How much of the raw bytes is looked at in one step: what gives nothing can take long as well, such
/// as files of gzip that are empty, or blocks.
const STEP_RAW_BYTES: usize = 8 * 1024;

/// How much of the CPU a body may take to decode: so much, and more for what it gives, of which text
/// takes a tenth. It is no time of the wall, as no target can help that this machine is busy.
const MAX_TIME: Duration = Duration::from_secs(2);
const BYTES_A_MICROSECOND: u64 = 16;

/// A body that is longer than its limit is a bomb if it has more bytes than this and is so many
/// times what it was decoded from. Text becomes ten times as long, and seldom thirty.
const BOMB_BYTES: u64 = 1024 * 1024;
const BOMB_RATIO: u64 = 100;

/// How far decoding may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many bytes it may give.
    pub bytes: u64,
    /// How many of the first ones are kept.
    pub kept_bytes: u64,
    /// How much of the CPU it may take, besides what it gives.
    pub time: Duration,
}

impl Limits {
    /// Those of a whole body of at most `bytes`, of which nothing is kept.
    pub fn of_whole(bytes: u64) -> Self {
        Self {
            bytes,
            kept_bytes: 0,
            time: MAX_TIME,
        }
    }
}

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

/// Decodes `raw` within `limits`.
pub fn decode(raw: &[u8], compression: Compression, limits: Limits) -> Decoded {
    decode_by(&cpu_time, raw, compression, limits)
}

/// What this thread has taken of the CPU so far.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn decode_by(
    clock: &dyn Fn() -> Duration,
    raw: &[u8],
    compression: Compression,
    limits: Limits,
) -> Decoded {
    let mut decoder: Box<dyn Decoder + '_> = match compression {
        Compression::Gzip => Box::new(Gzip(MultiGzDecoder::new(Turns::new(raw)))),
        Compression::Deflate => Box::new(Deflate::new(raw)),
        // blackbox_exporter's decoder takes nothing for the whole of nothing.
        Compression::Br if raw.is_empty() => return Decoded::default(),
        Compression::Br => Box::new(Br::new(raw)),
    };
    let mut decoded = Decoded::default();
    let drained = drain(&mut *decoder, clock, limits, &mut decoded);
    decoded.failure = drained.err().map(|why| {
        let used = (raw.len() - decoder.rest()) as u64;
        match why {
            Stop::Broken(detail) => Failure {
                reason: Reason::TransferBodyDecode,
                detail,
            },
            Stop::TooSlow => too_slow(decoded.bytes, used),
            Stop::TooLong => too_long(decoded.bytes, used, limits.bytes),
        }
    });
    decoded.bytes = decoded.bytes.min(limits.bytes);
    decoded
}

/// Why there are no more bytes although there may be some.
enum Stop {
    Broken(String),
    TooSlow,
    TooLong,
}

/// How far one step got.
enum Step {
    /// So many bytes were made, which may be none.
    Made(usize),
    /// There are no more.
    Ended,
}

/// A stream that gives what it decodes piece by piece.
trait Decoder {
    /// The next bytes, of no more than `STEP_RAW_BYTES` of the raw ones.
    fn step(&mut self, out: &mut [u8]) -> Result<Step, String>;

    /// How much of the raw bytes was not used so far.
    fn rest(&self) -> usize;
}

fn drain(
    decoder: &mut dyn Decoder,
    clock: &dyn Fn() -> Duration,
    limits: Limits,
    decoded: &mut Decoded,
) -> Result<(), Stop> {
    let began = clock();
    let mut piece = vec![0; STEP_BYTES];
    loop {
        let length = match decoder.step(&mut piece).map_err(Stop::Broken)? {
            Step::Ended => return Ok(()),
            Step::Made(length) => length,
        };
        let room = usize::try_from(limits.kept_bytes).unwrap_or(usize::MAX) - decoded.text.len();
        let piece = piece.get(..length).unwrap_or_default();
        decoded
            .text
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
        decoded.bytes += length as u64;
        if decoded.bytes > limits.bytes {
            return Err(Stop::TooLong);
        }
        let earned = Duration::from_micros(decoded.bytes / BYTES_A_MICROSECOND);
        if clock().saturating_sub(began) > limits.time + earned {
            return Err(Stop::TooSlow);
        }
    }
}

fn too_slow(bytes: u64, used: u64) -> Failure {
    Failure {
        reason: Reason::TransferBodyBomb,
        detail: format!("{used} bytes of the body take too long to decode, and become {bytes}"),
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
struct Gzip<'r>(MultiGzDecoder<Turns<'r>>);

impl Decoder for Gzip<'_> {
    fn step(&mut self, out: &mut [u8]) -> Result<Step, String> {
        self.0.get_mut().left = STEP_RAW_BYTES;
        match self.0.read(out) {
            Ok(0) => Ok(Step::Ended),
            Ok(made) => Ok(Step::Made(made)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::Made(0)),
            Err(error) => Err(format!("the body is no gzip: {error}")),
        }
    }

    fn rest(&self) -> usize {
        self.0.get_ref().rest.len()
    }
}

/// Raw bytes that are given in turns: its reader goes over file after file, and would else come back
/// only with something or at the end.
struct Turns<'r> {
    rest: &'r [u8],
    left: usize,
}

impl<'r> Turns<'r> {
    fn new(rest: &'r [u8]) -> Self {
        Self {
            rest,
            left: STEP_RAW_BYTES,
        }
    }
}

impl Read for Turns<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Turns<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 && !self.rest.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(up_to(self.left, self.rest))
    }

    fn consume(&mut self, length: usize) {
        self.left = self.left.saturating_sub(length);
        self.rest = self.rest.get(length..).unwrap_or_default();
    }
}

/// At most the first `length` bytes.
fn up_to(length: usize, bytes: &[u8]) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
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
    fn step(&mut self, out: &mut [u8]) -> Result<Step, String> {
        if self.is_over {
            return Ok(Step::Ended);
        }
        let before = (self.state.total_in(), self.state.total_out());
        let raw = up_to(STEP_RAW_BYTES, self.rest);
        let status = self
            .state
            .decompress(raw, out, FlushDecompress::None)
            .map_err(|error| format!("the body is no bare deflate: {error}"))?;
        let since = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let used = since(self.state.total_in(), before.0);
        let made = since(self.state.total_out(), before.1);
        self.rest = self.rest.get(used..).unwrap_or_default();
        self.is_over = status == Status::StreamEnd;
        // The whole body is there: a stream that neither ends nor goes on is cut.
        match used + made {
            0 if !self.is_over => Err("the deflate in the body is cut".to_owned()),
            _ => Ok(Step::Made(made)),
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
    fn step(&mut self, out: &mut [u8]) -> Result<Step, String> {
        if self.is_over {
            return Ok(Step::Ended);
        }
        let (mut room, mut made, mut total) = (out.len(), 0, 0);
        let mut left = self.rest().min(STEP_RAW_BYTES);
        let end = self.used + left;
        let result = BrotliDecompressStream(
            &mut left,
            &mut self.used,
            self.raw.get(..end).unwrap_or_default(),
            &mut room,
            &mut made,
            out,
            &mut total,
            &mut self.state,
        );
        match (result, self.rest()) {
            (BrotliResult::NeedsMoreOutput, _) => Ok(Step::Made(made)),
            (BrotliResult::ResultSuccess, 0) => {
                self.is_over = true;
                Ok(Step::Made(made))
            }
            (BrotliResult::ResultSuccess, left) => {
                Err(format!("{left} bytes follow the end of the br in the body"))
            }
            (BrotliResult::NeedsMoreInput, 0) => Err("the br in the body is cut".to_owned()),
            (BrotliResult::NeedsMoreInput, _) => Ok(Step::Made(made)),
            (BrotliResult::ResultFailure, _) => Err("the body is no br".to_owned()),
        }
    }

    fn rest(&self) -> usize {
        self.raw.len() - self.used
    }
}

#[cfg(test)]
mod tests;
