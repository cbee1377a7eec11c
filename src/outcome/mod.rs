//! What happened: the result of one probe as a plain value, free of I/O.

pub mod detail;
pub mod judgement;
mod meaning;
pub mod phase;
pub mod reason;
pub mod skip;
pub mod timeline;

use std::net::SocketAddr;
use std::time::SystemTime;

use crate::outcome::judgement::Judgement;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::outcome::timeline::Timeline;

/// What came of one slot of the schedule.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every attempt is finished, and none is kept"
)]
#[derive(Clone, Debug)]
pub enum Attempt {
    /// The probe ran, well or not.
    Finished(Outcome),
    /// The exporter could not probe; nothing is charged to the target.
    Skipped(SkipReason),
}

/// What one probe found. A failed probe is an outcome like any other.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The wall clock at the start of the probe.
    pub started: SystemTime,
    /// When each phase ran.
    pub timeline: Timeline,
    /// Both ends of the last connection that was tried.
    pub connection: Option<Endpoints>,
    /// The final response, present once its head was complete.
    pub response: Option<Response>,
    /// When the first certificate of the presented chain expires, in seconds since 1970.
    pub cert_expiry: Option<i64>,
    /// What judging the response found besides the failure.
    pub judgement: Judgement,
    /// Where and why it failed, `None` if it succeeded.
    pub failure: Option<Failure>,
}

impl Outcome {
    /// The wall clock at the end of the probe.
    pub fn finished(&self) -> SystemTime {
        self.started + self.timeline.total()
    }

    /// The value of the label `outcome`: an unexpected conflict is one whatever else went wrong.
    pub fn verdict(&self) -> Verdict {
        let conflict = self
            .response
            .as_ref()
            .and_then(|response| response.conflict);
        match (conflict, &self.failure) {
            (
                Some(Conflict {
                    expected: false, ..
                }),
                _,
            ) => Verdict::Conflict,
            (_, Some(_)) => Verdict::Failure,
            (_, None) => Verdict::Success,
        }
    }
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Endpoints {
    /// The exporter's end; `None` if the connection did not come about.
    pub local: Option<SocketAddr>,
    /// The target's end.
    pub remote: SocketAddr,
}

/// How a probe ended, in one word.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// As the module wants it.
    Success,
    /// Not as the module wants it.
    Failure,
    /// A conflict that the module does not expect.
    Conflict,
}

impl Verdict {
    /// How many verdicts there are.
    pub const COUNT: usize = 3;

    /// All verdicts; `Self::ALL[v as usize] == v`.
    pub const ALL: [Self; Self::COUNT] = [Self::Success, Self::Failure, Self::Conflict];

    /// The value of the label `outcome`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Conflict => "conflict",
        }
    }
}

/// The final response of a probe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Response {
    /// The status code as sent, 100 to 999.
    pub code: u16,
    /// The version of HTTP that the status line named, or that was agreed on.
    pub version: HttpVersion,
    /// The conflict that it is, if its code is one.
    pub conflict: Option<Conflict>,
    /// How many bytes of the body arrived, after the transfer coding was undone.
    pub body_bytes: u64,
    /// How many redirects led to it.
    pub redirects: u8,
    /// Whether a redirect led to another origin before it, so that what lets in had been left behind.
    pub left_origin: bool,
    /// Whether it is a redirect that was not followed; its body was not read then.
    pub is_redirect: bool,
    /// Whether it came over TLS.
    pub over_tls: bool,
}

/// A response whose code is among the module's conflict codes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// Whether the module lists the code as valid.
    pub expected: bool,
    /// Why, as far as the response tells.
    pub reason: ConflictReason,
}

/// The reason of a conflict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConflictReason {
    /// The module has no rule, or the response no value.
    Unspecified,
    /// The value is not in the module's list.
    Other,
    /// The one at this place of the module's list, which has its name.
    Listed(u8),
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HttpVersion {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
    /// HTTP/3.
    Http3,
}

impl HttpVersion {
    /// The version as a status line has it, or would have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
            Self::Http3 => "HTTP/3.0",
        }
    }

    /// The version as a number, as `probe_http_version` of blackbox_exporter has it.
    pub fn number(self) -> f64 {
        match self {
            Self::Http10 => 1.0,
            Self::Http11 => 1.1,
            Self::Http2 => 2.0,
            Self::Http3 => 3.0,
        }
    }
}

/// Where and why a probe failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The reason, which also says where.
    pub reason: Reason,
    /// The same in words, never for a label: it may hold text from the network.
    pub detail: String,
}

impl Failure {
    /// The detail made fit to be shown: nothing that steers a terminal or breaks a line, and not too
    /// much of it.
    pub fn printable_detail(&self) -> String {
        const MAX_CHARS: usize = 200;
        printable(&self.detail, MAX_CHARS)
    }
}

/// The beginning of a text made fit to be shown: nothing that steers a terminal or breaks a line.
pub fn printable(text: &str, max_chars: usize) -> String {
    let printable = text
        .chars()
        .map(|c| if is_printable(c) { c } else { '\u{fffd}' });
    printable.take(max_chars).collect()
}

/// Whether a character shows as itself: no control, no format such as one that turns the direction of
/// text, no separator of lines.
fn is_printable(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_network_cannot_forge_lines() {
        let printable = |detail: &str| {
            let failure = Failure {
                reason: Reason::TransferNotHttp,
                detail: detail.to_owned(),
            };
            failure.printable_detail()
        };
        assert_eq!(
            printable("a\nlevel=error\x1b[31m"),
            "a\u{fffd}level=error\u{fffd}[31m"
        );
        assert_eq!(
            printable("\u{202e}a\u{2028}\"it's\" ä\\"),
            "\u{fffd}a\u{fffd}\"it's\" ä\\"
        );
        assert_eq!(printable(&"ä".repeat(300)).chars().count(), 200);
    }
}
