//! Judges what arrived when the phases are over, in the order in which blackbox_exporter does:
//! status, headers, the text of the body, its JSON, whether it can be read at all, version, TLS.

mod decode;
pub mod document;

use std::borrow::Cow;
use std::time::Duration;

use cel::common::value::Val;
use http::HeaderMap;
use tokio::runtime::Handle;
use tokio::runtime::RuntimeFlavor;

use crate::outcome::Failure;
use crate::outcome::Response;
use crate::outcome::judgement::Judgement;
use crate::outcome::reason::Reason;
use crate::probe::body::RawBody;
use crate::probe::conflict::Evidence;
use crate::probe::conflict::MAX_KEPT_BYTES;
use crate::probe::judge::decode::Decoded;
use crate::probe::judge::decode::Limits;
use crate::probe::validate;
use crate::probe::walk::Walk;
use crate::target::Target;
use crate::target::body::BodyChecks;
use crate::target::cel::Budget;
use crate::target::cel::Cel;
use crate::target::checks::Checks;

/// A body of so many bytes is looked at for less time than it takes to hand a worker over.
const QUICK_BYTES: usize = 4 * 1024;

/// For how long a body is decoded whose probe has failed: its deadline may have passed.
const CUT_TIME: Duration = Duration::from_millis(10);

/// What is wrong with a body that expressions are for and that nobody reads.
const UNREAD: &str = "the body of a redirect is not read";

/// Judges `response`. What `stopped` the walk, if anything did, left no whole body. What a conflict
/// tells in a compressed body is put among the evidence of `walk`.
pub fn judge(
    target: &Target,
    response: &Response,
    walk: &mut Walk,
    stopped: Option<&Failure>,
) -> (Option<Failure>, Judgement) {
    let checks = &target.module.checks.body;
    let is_plain = !checks.need_text() && checks.compression.is_none();
    aside(
        !is_plain && may_take_long(checks, walk.body.bytes()),
        || judge_here(target, response, walk, stopped),
    )
}

/// A few bytes can decode to many, and a few values be gone over many times.
fn may_take_long(checks: &BodyChecks, raw: &[u8]) -> bool {
    let loops = |cel: &Option<Cel>| cel.as_ref().is_some_and(Cel::loops);
    raw.len() > QUICK_BYTES
        || checks.compression.is_some()
        || loops(&checks.json_matches)
        || loops(&checks.json_not_matches)
}

/// Does `work` so that other probes do not wait behind it, if it may take long and there are other
/// workers.
fn aside<T>(takes_long: bool, work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) if takes_long => tokio::task::block_in_place(work),
        _ => work(),
    }
}

fn judge_here(
    target: &Target,
    response: &Response,
    walk: &mut Walk,
    stopped: Option<&Failure>,
) -> (Option<Failure>, Judgement) {
    let module = &target.module;
    let is_cut = stopped.is_some();
    let body = body_of(target, response, &walk.body, &mut walk.evidence, is_cut);
    let mut judgement = Judgement {
        decoded_bytes: body.bytes,
        ..Judgement::default()
    };
    let unreadable = stopped.or(body.failure.as_ref());
    let failure = validate::status_failure(module, response)
        .or_else(|| header_failure(&module.checks, &walk.headers, &mut judgement))
        .or_else(|| {
            text_failure(
                &module.checks.body,
                body.text.as_deref(),
                unreadable,
                &mut judgement,
            )
        })
        .or_else(|| {
            json_failure(
                &module.checks.body,
                body.text.as_deref(),
                unreadable,
                &mut judgement,
            )
        })
        .or_else(|| unreadable.cloned())
        .or_else(|| validate::version_failure(&module.checks, response))
        .or_else(|| validate::tls_failure(&module.checks, response.over_tls));
    // A walk that did not come to its end says more than what is wrong with the part.
    (stopped.cloned().or(failure), judgement)
}

/// The body as the checks see it. There is no text of one that was not read, as of a redirect.
struct Body<'w> {
    text: Option<Cow<'w, [u8]>>,
    bytes: u64,
    failure: Option<Failure>,
}

fn body_of<'w>(
    target: &Target,
    response: &Response,
    raw: &'w RawBody,
    evidence: &mut Evidence,
    is_cut: bool,
) -> Body<'w> {
    let checks = &target.module.checks.body;
    if response.is_redirect {
        return Body {
            text: None,
            bytes: 0,
            failure: None,
        };
    }
    let Some(compression) = checks.compression else {
        return Body {
            text: Some(Cow::Borrowed(raw.bytes())),
            bytes: response.body_bytes.min(checks.max_bytes()),
            failure: None,
        };
    };
    // One more than is kept, so that it is known to be cut.
    let told_bytes = MAX_KEPT_BYTES as u64 + 1;
    let mut limits = Limits::of_whole(checks.max_bytes());
    if is_cut {
        // No check looks at it: only a conflict may tell something in it.
        limits.bytes = limits.bytes.min(told_bytes);
        limits.time = CUT_TIME;
    }
    limits.kept_bytes = if !is_cut && checks.need_text() && target.module.is_valid(response.code) {
        limits.bytes
    } else if evidence.needs_body() {
        told_bytes
    } else {
        0
    };
    let Decoded {
        text,
        bytes,
        failure,
    } = decode::decode(raw.bytes(), compression, limits);
    // A conflict that was sent as it is, whatever the module expects, tells its reason in that.
    if !text.is_empty() {
        evidence.replace_body(&text);
    }
    Body {
        text: Some(Cow::Owned(text)),
        bytes,
        failure,
    }
}

fn header_failure(
    checks: &Checks,
    headers: &HeaderMap,
    judgement: &mut Judgement,
) -> Option<Failure> {
    let failure = validate::header_failure(checks, headers);
    if checks.need_headers() {
        judgement.failed_by_regexp = Some(failure.is_some());
    }
    failure
}

fn text_failure(
    checks: &BodyChecks,
    text: Option<&[u8]>,
    unreadable: Option<&Failure>,
    judgement: &mut Judgement,
) -> Option<Failure> {
    if !checks.have_regexps() {
        return None;
    }
    let wrong = |detail| Failure {
        reason: Reason::ValidateBody,
        detail,
    };
    let failure = unreadable.cloned().or_else(|| {
        let Some(text) = text.map(String::from_utf8_lossy) else {
            return Some(wrong(UNREAD.to_owned()));
        };
        let matching = checks
            .matches
            .iter()
            .find(|regexp| regexp.is_match(text.as_bytes()));
        if let Some(regexp) = matching {
            return Some(wrong(format!("the body matches {regexp:?}")));
        }
        let mut not_matching = checks.not_matches.iter();
        let regexp = not_matching.find(|regexp| !regexp.is_match(text.as_bytes()))?;
        Some(wrong(format!("the body does not match {regexp:?}")))
    });
    judgement.failed_by_regexp = Some(failure.is_some());
    failure
}

/// What was read for the text is there for the JSON as well: blackbox_exporter, which reads the body
/// once, fails every probe that has both.
fn json_failure(
    checks: &BodyChecks,
    text: Option<&[u8]>,
    unreadable: Option<&Failure>,
    judgement: &mut Judgement,
) -> Option<Failure> {
    if !checks.have_cel() {
        return None;
    }
    let wrong = |detail| Failure {
        reason: Reason::ValidateJson,
        detail,
    };
    let failure = unreadable
        .cloned()
        .or_else(|| cel_detail(checks, text).map(wrong));
    judgement.failed_by_cel = Some(failure.is_some());
    failure
}

fn cel_detail(checks: &BodyChecks, text: Option<&[u8]>) -> Option<String> {
    let Some(text) = text else {
        return Some(UNREAD.to_owned());
    };
    match document::parse(text) {
        Ok(body) => detail_of(checks, body, &Budget::full()),
        Err(why) => Some(why),
    }
}

/// Both expressions share the budget.
fn detail_of(checks: &BodyChecks, body: Box<dyn Val>, budget: &Budget) -> Option<String> {
    let mut body = Some(body);
    let told = [
        (&checks.json_matches, true, "matches"),
        (&checks.json_not_matches, false, "does not match"),
    ];
    told.into_iter().find_map(|(cel, is_wrong, words)| {
        let cel = cel.as_ref()?;
        let body = match checks.json_not_matches.is_some() && is_wrong {
            true => body.clone(),
            false => body.take(),
        }?;
        match cel.is_true_of(body, budget) {
            Ok(result) if result == is_wrong => Some(format!("the body {words} {cel:?}")),
            Ok(_) => None,
            Err(why) => Some(format!("{cel:?} cannot be told: {why}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_expressions_cost_no_more_than_one() {
        let body = format!("[0{}]", ", 0".repeat(999));
        let cel = |text| Some(Cel::new(text).expect("an expression"));
        let checks = BodyChecks {
            json_matches: cel("body.exists(x, x == 1)"),
            json_not_matches: cel("body.all(x, x == 0)"),
            ..BodyChecks::default()
        };
        for (steps, said) in [
            (2_000, None),
            (
                1_999,
                Some("\"body.all(x, x == 0)\" cannot be told: loops: "),
            ),
            (
                999,
                Some("\"body.exists(x, x == 1)\" cannot be told: loops: "),
            ),
        ] {
            let body = document::parse(body.as_bytes()).expect("a document");
            let detail = detail_of(&checks, body, &Budget::of(steps));
            match said {
                Some(said) => assert!(detail.is_some_and(|why| why.starts_with(said)), "{steps}"),
                None => assert_eq!(detail, None, "{steps}"),
            }
        }
    }
}
