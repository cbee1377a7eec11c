//! What becomes of a walk.

use std::path::PathBuf;

use super::*;
use crate::outcome::HttpVersion;
use crate::outcome::Response;
use crate::outcome::phase::Phase;
use crate::probe::dns::system::SystemFiles;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;

fn prober() -> Prober {
    let target = Target {
        name: "t".to_owned(),
        url: TargetUrl::parse("http://127.0.0.1:1/").expect("valid"),
        module: Arc::new(Module::http_2xx()),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        labels: Labels::default(),
    };
    let files = SystemFiles::new(PathBuf::new(), PathBuf::new());
    let resolver = Resolver::new(Arc::new(files), None);
    Prober::new(Arc::new(target), Arc::new(resolver), None)
}

/// Where the exporter could not go on, a slot is skipped, but not a conflict that was seen.
#[tokio::test]
async fn a_conflict_is_never_skipped() {
    for (code, is_conflict) in [(409, true), (200, false)] {
        let prober = prober();
        let now = Instant::now();
        let mut walk = Walk::start(now, WallClock::default());
        walk.response = Some(Response {
            code,
            version: HttpVersion::Http11,
            conflict: is_conflict.then_some(Conflict {
                expected: false,
                reason: ConflictReason::Unspecified,
            }),
            body_bytes: 0,
            redirects: 0,
            is_redirect: false,
            left_origin: false,
            over_tls: false,
        });
        let bounds = prober.bounds_until(now + Duration::from_secs(1));
        let walked = Ok(Err(Stop::Skipped(SkipReason::Overload)));
        let Attempt::Finished(outcome) = prober.attempt(bounds, walk, walked, now) else {
            assert!(!is_conflict, "a conflict is skipped");
            continue;
        };
        assert!(is_conflict, "{outcome:?}");
        let failure = outcome.failure.expect("it is not expected");
        assert_eq!(failure.reason, Reason::ValidateStatus);
        assert!(failure.detail.contains("overload"), "{}", failure.detail);
    }
}

/// A phase that begins only after the deadline had no time, and a stall within the one before, which
/// ended by the exporter's clock, is all that can have come between.
#[tokio::test(start_paused = true)]
async fn a_phase_that_begins_after_the_deadline_is_no_fault_of_the_target() {
    for (before, began, skipped) in [
        (Phase::Dns, 500, false),
        (Phase::Dns, 990, false),
        (Phase::Dns, 1_050, false),
        (Phase::Dns, 1_150, true),
        (Phase::Send, 1_050, false),
        (Phase::Send, 1_700, true),
    ] {
        let prober = prober();
        let now = Instant::now();
        let bounds = prober.bounds_until(now + Duration::from_secs(9));
        let mut walk = Walk::start(now, WallClock::default());
        let between = now + Duration::from_millis(began);
        walk.begin(before, now);
        walk.end(Arrival::by_user(between));
        walk.begin(Phase::Connect, between);
        let walked = timeout_at(bounds.deadline, std::future::pending()).await;
        let ended = between.max(bounds.deadline);
        match prober.attempt(bounds, walk, walked, ended) {
            Attempt::Skipped(reason) => {
                assert!(skipped && reason == SkipReason::Overload, "{began}");
            }
            Attempt::Finished(outcome) => {
                assert!(!skipped, "{began}");
                let reason = outcome.failure.map(|failure| failure.reason);
                assert_eq!(reason, Some(Reason::ConnectTimeout));
            }
        }
    }
}
