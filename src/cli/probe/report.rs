//! One probe in words, below its waterfall.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use http::StatusCode;

use crate::cli::probe::look::Colour;
use crate::cli::probe::look::Look;
use crate::cli::probe::waterfall;
use crate::cli::probe::waterfall::LABEL;
use crate::outcome::Attempt;
use crate::outcome::ConflictReason;
use crate::outcome::Outcome;
use crate::outcome::Response;
use crate::outcome::Verdict;
use crate::outcome::detail::Detail;
use crate::outcome::detail::Tls;
use crate::outcome::printable;
use crate::outcome::reason::Place;
use crate::target::Target;

/// How much of a text of others is shown.
const MAX_CHARS: usize = 200;

const CONFLICTS_USUALLY: &str = "Somebody else changed the resource first, or it is not in the \
    state that the request needs: compare the version that was sent with the one that is there.";

/// What is about to be probed.
pub fn heading(target: &Target) -> String {
    let module = &target.module;
    let name = printable(&module.name, MAX_CHARS);
    format!("{} {}, module {name}", module.method, target.url)
}

/// What came of it: the waterfall, and whatever is known of the answer.
pub fn page(attempt: &Attempt, detail: &Detail, target: &Target, look: Look) -> String {
    let outcome = match attempt {
        Attempt::Skipped(reason) => {
            let facts = [
                ("not probed", look.paint(Colour::Red, reason.label())),
                ("that is", reason.sentence().to_owned()),
            ];
            return written(&facts, look.width);
        }
        Attempt::Finished(outcome) => outcome,
    };
    let cut = match outcome
        .failure
        .as_ref()
        .map(|failure| failure.reason.place())
    {
        Some(Place::During(phase)) => Some(phase),
        Some(Place::Redirect | Place::Validate) | None => None,
    };
    let drawn = waterfall::draw(&outcome.timeline, &detail.redirected_to, cut, look);
    let facts = facts(outcome, detail, target, look);
    format!("{drawn}\n{}", written(&facts, look.width))
}

/// How a verdict is coloured.
pub fn colour_of(verdict: Verdict) -> Colour {
    match verdict {
        Verdict::Success => Colour::Green,
        Verdict::Failure => Colour::Red,
        Verdict::Conflict => Colour::Magenta,
    }
}

/// What is known, a line each.
fn facts(
    outcome: &Outcome,
    detail: &Detail,
    target: &Target,
    look: Look,
) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let verdict = outcome.verdict();
    if let Some(response) = &outcome.response {
        facts.push(("status", status(response, verdict, look)));
        facts.extend(conflict(response, target).map(|words| ("conflict", words)));
    }
    if let Some(ends) = outcome.connection {
        let from = ends.local.map(|local| format!(" from {local}"));
        let address = format!("{}{}", ends.remote, from.unwrap_or_default());
        facts.push(("address", address));
    }
    if let Some(tls) = &detail.tls {
        tls_facts(tls, &mut facts);
    }
    let headers = detail.headers.iter().flatten();
    facts.extend(headers.map(|(name, value)| ("header", format!("{name}: {value}"))));
    if let Some(failure) = &outcome.failure {
        let reason = failure.reason;
        let pair = format!("{}/{}", reason.place().label(), reason.label());
        let pair = look.paint(colour_of(verdict), &pair);
        facts.push(("failed", format!("{pair}: {}", reason.sentence())));
        facts.push(("detail", failure.printable_detail()));
        let usually = match verdict {
            Verdict::Conflict => CONFLICTS_USUALLY,
            Verdict::Success | Verdict::Failure => reason.usually(),
        };
        facts.push(("usually", usually.to_owned()));
    }
    facts
}

fn status(response: &Response, verdict: Verdict, look: Look) -> String {
    let code = StatusCode::from_u16(response.code).ok();
    let phrase = code.and_then(|code| code.canonical_reason());
    let status = format!("{} {}", response.code, phrase.unwrap_or_default());
    let status = look.paint(colour_of(verdict), status.trim_end());
    let (version, bytes) = (response.version.name(), response.body_bytes);
    format!("{status}, {version}, {} of body", so_many(bytes, "byte"))
}

/// Whether a conflict is expected, and why it came.
fn conflict(response: &Response, target: &Target) -> Option<String> {
    let conflict = response.conflict?;
    let (code, module) = (response.code, &target.module);
    let kind = match conflict.expected {
        true => format!("expected, as valid_status_codes lists {code}"),
        false => format!("unexpected, as valid_status_codes does not list {code}"),
    };
    let why = match (conflict.reason, &module.conflict_reason) {
        (ConflictReason::Unspecified, None) => " (the module does not say where one stands)",
        (ConflictReason::Unspecified, Some(_)) => " (there is none where the module looks)",
        (ConflictReason::Other, _) => " (the module does not list the value)",
        (ConflictReason::Listed(_), _) => "",
    };
    let label = module.conflict_label(conflict.reason);
    Some(format!("{kind}; reason {label}{why}"))
}

fn tls_facts(tls: &Tls, facts: &mut Vec<(&'static str, String)>) {
    if let Some(agreed) = tls.agreed {
        facts.push(("tls", format!("{}, {}", agreed.version, agreed.cipher)));
    }
    let chain = &tls.chain;
    if !chain.fingerprint.is_empty() {
        for (label, text) in [
            ("certificate", &chain.subject),
            ("names", &chain.alternative_names),
            ("issuer", &chain.issuer),
        ] {
            if !text.is_empty() {
                facts.push((label, printable(text, MAX_CHARS)));
            }
        }
    }
    let earliest = chain.earliest_expiry;
    for (label, expiry) in [
        ("expires", chain.expiry),
        ("chain until", earliest.filter(|_| earliest != chain.expiry)),
    ] {
        let words = expiry.map(|expiry| expiry_in_words(expiry, SystemTime::now()));
        facts.extend(words.map(|words| (label, words)));
    }
}

/// A number of things.
pub fn so_many(n: impl Into<i128>, thing: &str) -> String {
    let n = n.into();
    match n == 1 {
        true => format!("{n} {thing}"),
        false => format!("{n} {thing}s"),
    }
}

/// When a certificate expires, in seconds since 1970, as a date and by how far that is away.
fn expiry_in_words(expiry: i64, now: SystemTime) -> String {
    let date = date_of(expiry).unwrap_or_else(|| "at a date that no calendar has".to_owned());
    match days_left(expiry, now) {
        days @ ..0 => format!("{date}, expired for {}", so_many(-days, "day")),
        days => format!("{date}, in {}", so_many(days, "day")),
    }
}

/// A point in time, in seconds since 1970, as a date; `None` beyond the years of four digits.
pub fn date_of(seconds: i64) -> Option<String> {
    const YEAR_10000: u64 = 253_402_300_800;
    let seconds = u64::try_from(seconds).ok()?;
    let date = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    (seconds < YEAR_10000).then(|| humantime::format_rfc3339_seconds(date).to_string())
}

/// How many whole days are left until then; less than none afterwards.
pub fn days_left(seconds: i64, now: SystemTime) -> i64 {
    const DAY: i64 = 86_400;
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
    seconds.saturating_sub(now).div_euclid(DAY)
}

/// Facts below each other, in so many columns.
fn written(facts: &[(&str, String)], width: usize) -> String {
    let mut page = String::new();
    for (label, text) in facts {
        let mut label = *label;
        for line in wrapped(text, width.saturating_sub(LABEL)) {
            page.push_str(&format!("{label:<LABEL$}{line}\n"));
            label = "";
        }
    }
    page
}

/// A text in lines of so many columns; a word that is longer has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How many columns a text takes, colours not counted.
fn columns(text: &str) -> usize {
    let mut in_colour = false;
    let shown = text.chars().filter(|&c| {
        in_colour |= c == '\x1b';
        let is_shown = !in_colour;
        in_colour &= c != 'm';
        is_shown
    });
    shown.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_a_date_and_a_distance() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (expiry, expected) in [
            (1_000_864_000, "2001-09-19T01:46:40Z, in 10 days"),
            (1_000_000_001, "2001-09-09T01:46:41Z, in 0 days"),
            (999_999_999, "2001-09-09T01:46:39Z, expired for 1 day"),
            (999_913_600, "2001-09-08T01:46:40Z, expired for 1 day"),
            (
                i64::MAX,
                "at a date that no calendar has, in 106751991155726 days",
            ),
        ] {
            assert_eq!(expiry_in_words(expiry, now), expected);
        }
    }

    #[test]
    fn facts_stay_in_their_columns() {
        let facts = [
            ("failed", "\x1b[31mone two\x1b[0m three four".to_owned()),
            ("detail", "averyveryverylongword and more".to_owned()),
        ];
        let expected = "\
failed       \x1b[31mone two\x1b[0m three
             four
detail       averyveryverylongword
             and more
";
        assert_eq!(written(&facts, LABEL + 13), expected);
    }
}
