use std::future;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::SystemTime;

use axum::http::HeaderMap;
use axum::http::StatusCode;

use super::*;
use crate::outcome::Outcome;
use crate::outcome::detail::Agreed;
use crate::outcome::detail::Chain;
use crate::outcome::detail::Tls;
use crate::outcome::judgement::Judgement;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::outcome::timeline::Timeline;
use crate::server::probe::results::ProbeResult;
use crate::target::address::TargetUrl;

const QUERY: &str = "target=h";

fn outcome(failure: Option<Reason>) -> Outcome {
    Outcome {
        started: SystemTime::UNIX_EPOCH,
        timeline: Timeline::new(),
        connection: None,
        response: None,
        cert_expiry: None,
        judgement: Judgement::default(),
        failure: failure.map(|reason| crate::outcome::Failure {
            reason,
            detail: String::new(),
        }),
    }
}

/// A module whose probes all come to the same.
#[derive(Clone, Debug)]
struct Fake(Arc<Module>, Option<Result<Attempt, String>>);

impl Fake {
    fn endpoint(result: Option<Result<Attempt, String>>) -> Endpoint {
        let fake = Self(Arc::new(Module::http_2xx()), result);
        Endpoint::new(Arc::new(fake), 0.5, 2)
    }
}

impl Modules for Fake {
    fn find(&self, name: &str) -> Option<Arc<dyn ProbeModule>> {
        (name == self.0.name).then(|| -> Arc<dyn ProbeModule> { Arc::new(self.clone()) })
    }
}

impl ProbeModule for Fake {
    fn module(&self) -> &Arc<Module> {
        &self.0
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn probe(&self, _: Target) -> Probing {
        match self.1.clone() {
            None => Box::pin(future::pending()),
            Some(result) => Box::pin(async { result.map(|attempt| (attempt, Box::default())) }),
        }
    }
}

#[tokio::test]
async fn what_the_exporter_could_not_do_is_no_result() {
    for (probed, status, text) in [
        (
            Ok(Attempt::Skipped(SkipReason::FdLimit)),
            503,
            "The exporter could not probe (fd_limit); nothing was measured",
        ),
        (
            Err("no authorities".to_owned()),
            503,
            "The exporter cannot probe: no authorities; nothing was measured",
        ),
    ] {
        let endpoint = Fake::endpoint(Some(probed));
        let answer = endpoint.answer(QUERY, &HeaderMap::new()).await;
        let expected = (StatusCode::from_u16(status).unwrap(), text.to_owned());
        assert_eq!(answer.unwrap_err(), expected);
        assert_eq!(endpoint.results().all().count(), 0);
    }
    let endpoint = Fake::endpoint(Some(Ok(Attempt::Finished(outcome(None)))));
    let answer = endpoint.answer(QUERY, &HeaderMap::new()).await;
    assert!(answer.unwrap().is_success());
    assert_eq!(endpoint.results().all().count(), 1);
}

#[test]
fn only_so_many_probes_are_under_way() {
    let mut endpoint = Fake::endpoint(None);
    endpoint.max_in_flight = 2;
    let headers = HeaderMap::new();
    let ask = || Box::pin(endpoint.answer(QUERY, &headers));
    let mut cx = Context::from_waker(Waker::noop());
    let mut first = ask();
    let mut second = ask();
    assert!(first.as_mut().poll(&mut cx).is_pending());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    let Poll::Ready(Err((status, text))) = ask().as_mut().poll(&mut cx) else {
        panic!("a third was let in");
    };
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "Too many probes are under way; nothing was measured");
    // What is wrong with a request is told whatever else goes on.
    let mistaken = Box::pin(endpoint.answer("", &headers))
        .as_mut()
        .poll(&mut cx);
    assert!(matches!(
        mistaken,
        Poll::Ready(Err((StatusCode::BAD_REQUEST, _)))
    ));
    drop(first);
    assert!(ask().as_mut().poll(&mut cx).is_pending());
}

fn result(target: &str, module: &str, is_success: bool) -> Arc<ProbeResult> {
    let failure = (!is_success).then_some(Reason::ConnectRefused);
    Arc::new(ProbeResult {
        module: Arc::new(Module {
            name: module.to_owned(),
            ..Module::http_2xx()
        }),
        module_timeout: None,
        target: target.to_owned().into(),
        started: SystemTime::UNIX_EPOCH,
        timeout: Duration::from_secs(1),
        found: Ok(results::Found {
            url: TargetUrl::parse("http://h").unwrap(),
            outcome: outcome(failure),
            detail: Box::default(),
        }),
    })
}

#[test]
fn the_newest_results_are_kept_and_failures_for_longer() {
    // A letter is a result, in the order in which they come: f for a failure.
    for (limit, came, kept) in [
        (2, "ss", &[0, 1][..]),
        (2, "sss", &[1, 2]),
        (2, "fss", &[0, 1, 2]),
        (2, "fsfss", &[0, 2, 3, 4]),
        (2, "fsffss", &[2, 3, 4, 5]),
        (2, "fffffss", &[3, 4, 5, 6]),
        (0, "sf", &[]),
    ] {
        let mut results = Results::new(limit);
        for letter in came.chars() {
            results.add(result("t", "m", letter == 's'));
        }
        let ids: Vec<_> = results.all().map(|(id, _)| id).collect();
        assert_eq!(ids, kept, "{limit} {came}");
    }
}

#[test]
fn results_are_found_by_number_and_by_target() {
    let mut results = Results::new(3);
    for (target, module) in [("a", "m"), ("b", "m"), ("a", "n")] {
        results.add(result(target, module, true));
    }
    let id_of = |found: Option<Arc<ProbeResult>>| {
        let found = found?;
        let known = results
            .all()
            .find(|(_, result)| Arc::ptr_eq(result, &found));
        known.map(|(id, _)| id)
    };
    for (target, module, expected) in [
        ("a", None, Some(0)),
        ("a", Some("n"), Some(2)),
        ("b", Some("n"), None),
        ("c", None, None),
    ] {
        assert_eq!(id_of(results.of_target(target, module)), expected);
    }
    assert_eq!(id_of(results.of_id(1)), Some(1));
    assert_eq!(id_of(results.of_id(3)), None);
}

#[test]
fn text_of_certificates_cannot_forge_series() {
    let mut result = result("t", "m", true);
    let probed = Arc::get_mut(&mut result).unwrap();
    let found = probed.found.as_mut().unwrap();
    found.outcome.response = Some(crate::outcome::Response {
        code: 200,
        version: crate::outcome::HttpVersion::Http11,
        conflict: None,
        body_bytes: 0,
        redirects: 0,
        is_redirect: false,
        left_origin: false,
        over_tls: true,
    });
    found.detail.tls = Some(Tls {
        agreed: Some(Agreed {
            version: "TLS 1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
        }),
        chain: Arc::new(Chain {
            subject: "CN=a\"} 1\nprobe_success 0\\".to_owned(),
            ..Chain::default()
        }),
    });
    let mut written = Vec::new();
    page::write(&result, &mut written);
    let written = String::from_utf8(written).unwrap();
    let forged = r#"subject="CN=a\"} 1\nprobe_success 0\\","#;
    assert!(written.contains(forged), "{written}");
    assert_eq!(written.matches("\nprobe_success ").count(), 1);
}
