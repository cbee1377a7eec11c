//! The response of a peer, whole and cut into pieces, through the exchange and the judging.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::runtime::Runtime;

use crate::config;
use crate::config::file;
use crate::outcome::Attempt;
use crate::outcome::ConflictReason;
use crate::outcome::Outcome;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::probe::Prober;
use crate::probe::dns::Resolver;
use crate::probe::dns::system::SystemFiles;
use crate::probe::fuzzing::Answered;

/// A target for each way to look at a response; the first byte of an input is the place of one,
/// counted from `0`.
const FILE: &str = include_str!("response.yml");

/// Which of them speaks HTTP/2 from the first byte on, by its name.
const HTTP2: &str = "http2";

/// Far beyond what anything takes here: nothing may wait for a peer that has closed.
const DEADLINE: Duration = Duration::from_secs(300);

thread_local! {
    static STAGE: Stage = Stage::new();
}

struct Stage {
    runtime: Runtime,
    probers: Vec<Prober>,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("this system has what a runtime needs");
        let parse = || config::parse("response.yml", Path::new(""), FILE, &|_| Ok(()));
        let (config, _) = file::while_shut(parse);
        let mut targets = config.expect("the file is in order").targets;
        let nowhere = || SystemFiles::new("/nowhere".into(), "/nowhere".into());
        let resolver = Arc::new(Resolver::new(Arc::new(nowhere()), None));
        let probers = targets.drain(..).map(|mut target| {
            target.timeout = DEADLINE;
            Prober::new(Arc::new(target), resolver.clone(), None)
        });
        Self {
            probers: probers.collect(),
            runtime,
        }
    }
}

/// The first byte chooses how to look at the response, the second how it is cut.
pub fn run(data: &[u8]) {
    let [way, cut, response @ ..] = data else {
        return;
    };
    STAGE.with(|stage| {
        let way = usize::from(way.wrapping_sub(b'0')) % stage.probers.len();
        let prober = &stage.probers[way];
        let answered = |pieces: &[&[u8]]| {
            let answered = stage.runtime.block_on(prober.answered(pieces));
            check(prober, response, answered.expect("this system has sockets"))
        };
        let whole = answered(&[response]);
        let in_pieces = answered(&pieces(response, *cut));
        let is_http2 = prober.target().module.name == HTTP2;
        let have_failed = whole.failure.is_some() && in_pieces.failure.is_some();
        let (whole, in_pieces) = match (is_http2, whole.failure, in_pieces.failure) {
            // Of several faults of frames that came at once the first to be told is not said.
            (true, Some(_), Some(_)) => (whole.without_reason(), in_pieces.without_reason()),
            _ => (whole, in_pieces),
        };
        // A head may come together with a fault before it, or behind it and too late.
        let is_behind_fault = is_http2 && in_pieces.code.is_none() && have_failed;
        if !is_behind_fault {
            assert_eq!(whole, in_pieces, "whole and in pieces");
        }
    });
}

/// The response cut into pieces of one byte, or of lengths that differ.
fn pieces(mut response: &[u8], cut: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut state = u32::from(cut);
    while !response.is_empty() {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let length = match cut {
            b'1' if pieces.len() < 1_000 => 1,
            _ => {
                1 + usize::try_from((state >> 16) % 61)
                    .unwrap_or_default()
                    .pow(2)
            }
        };
        let (piece, rest) = response.split_at(length.min(response.len()));
        pieces.push(piece);
        response = rest;
    }
    pieces
}

/// What must not depend on how a response is cut.
#[derive(Debug, Eq, PartialEq)]
struct Found {
    code: Option<u16>,
    conflict: Option<ConflictReason>,
    failure: Option<Reason>,
    body_bytes: Option<u64>,
}

impl Found {
    fn without_reason(self) -> Self {
        Self {
            failure: None,
            ..self
        }
    }
}

fn check(prober: &Prober, response: &[u8], answered: Answered) -> Found {
    let Attempt::Finished(outcome) = answered.attempt else {
        panic!("{:?}, which is no fault of this machine", answered.attempt);
    };
    check_timeline(&outcome);
    let failure = outcome.failure.as_ref();
    if let Some(failure) = failure {
        assert_ne!(failure.reason.label(), "other", "not foreseen: {failure:?}");
        assert_ne!(
            failure.reason.label(),
            "timeout",
            "waited for nothing: {failure:?}"
        );
    }
    let code = outcome.response.map(|response| response.code);
    assert!(
        code.is_some() || failure.is_some(),
        "neither response nor failure"
    );
    if let Some(code) = code {
        assert!(
            answered.is_complete,
            "a response before its head was complete: {outcome:?}"
        );
        assert!((100..=999).contains(&code), "{code}");
        assert!(
            outcome.timeline.phase(Phase::Transfer).is_some(),
            "{outcome:?}"
        );
    }
    if prober.target().module.name != HTTP2 {
        check_status(
            response,
            &answered.head.unwrap_or_default(),
            code,
            failure.map(|f| f.reason),
        );
    }
    Found {
        code,
        conflict: outcome.response.and_then(|r| Some(r.conflict?.reason)),
        failure: failure.map(|failure| failure.reason),
        body_bytes: match failure {
            None => outcome.response.map(|response| response.body_bytes),
            Some(_) => None,
        },
    }
}

fn check_timeline(outcome: &Outcome) {
    let timeline = &outcome.timeline;
    let mut before = Duration::ZERO;
    let mut last = None;
    for span in timeline.spans() {
        assert!(
            before <= span.start && span.start <= span.end,
            "{timeline:?}"
        );
        assert!(last < Some(span.phase), "{timeline:?}");
        (before, last) = (span.end, Some(span.phase));
    }
    assert!(before <= timeline.total(), "{timeline:?}");
}

/// Holds the code that counts against the one in the text.
fn check_status(response: &[u8], followed: &[u8], code: Option<u16>, failure: Option<Reason>) {
    if let Some(code) = code {
        let digits = followed.get(9..12).unwrap_or_default();
        assert_eq!(
            digits,
            code.to_string().as_bytes(),
            "the follower saw another head"
        );
    }
    let Some(written) = written_status(response) else {
        return;
    };
    // What is well-formed and yet no response: lengths that contradict each other, and too much.
    let may_be_refused = [Reason::TransferFraming, Reason::TransferInterimFlood];
    if code.is_none() && failure.is_some_and(|reason| may_be_refused.contains(&reason)) {
        return;
    }
    assert_eq!(
        code,
        Some(written),
        "a status is lost, failed with {failure:?}"
    );
}

/// The status of a response whose heads are beyond doubt: small, and without anything that could be
/// taken for wrong.
fn written_status(mut text: &[u8]) -> Option<u16> {
    for _ in 0..50 {
        let (line, rest) = split_line(text)?;
        let rest_of_line = line
            .strip_prefix(b"HTTP/1.1 ")
            .or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
        let (digits, reason) = rest_of_line.split_at_checked(3)?;
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
        if !(reason.is_empty() || reason.starts_with(b" ")) || !reason.iter().all(is_plain) {
            return None;
        }
        let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
        text = rest;
        for n_headers in 0.. {
            let (line, rest) = split_line(text)?;
            text = rest;
            if line.is_empty() {
                break;
            }
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(colon);
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
            if name.is_empty() || !name.iter().all(is_word) || !value.iter().all(is_plain) {
                return None;
            }
            if n_headers > 50 {
                return None;
            }
        }
        match code {
            ..=99 => return None,
            101 | 200.. => return Some(code),
            _ => {}
        }
    }
    None
}

fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = text.split_at(end);
    Some((line.strip_suffix(b"\r")?, rest.get(1..)?))
}
