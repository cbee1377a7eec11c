//! The ways by which somebody can have an address probed, each with what is denied and, so that it
//! would be seen if nothing got through anyway, with all of it allowed.

use std::sync::Arc;

use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;

use crate::reach::Row;
use crate::reach::notations::{ALLOWING, DENYING, Leads};
use crate::reach::on_request;
use crate::reach::scene::{self, Scene};
use crate::support::probing;

/// Tries all of them with all rows.
pub async fn all(scene: &Scene, rows: &[Row]) {
    straight(scene, rows).await;
    through_a_proxy(scene, rows).await;
}

/// Those on which it is the probe that connects, and not a proxy for it.
pub async fn straight(scene: &Scene, rows: &[Row]) {
    as_a_target(scene, rows).await;
    by_a_redirect(scene, rows).await;
    as_a_proxy(scene, rows).await;
    on_request::all(scene, rows).await;
}

impl Scene {
    /// Whether what is not denied gets to the canary, or to the proxy that is asked for it.
    pub fn leads(&self, leads: Leads) -> bool {
        match leads {
            Leads::Here | Leads::ByHosts => true,
            Leads::OverV6 => self.has_v6,
            Leads::Nowhere => false,
        }
    }
}

/// That a probe ended before anything was connected to; names have been looked up by then.
fn assert_blocked(url: &str, outcome: &Outcome, reason: Reason) {
    let failure = outcome.failure.as_ref();
    assert_eq!(failure.map(|failure| failure.reason), Some(reason), "{url}");
    let last = outcome.timeline.spans().last();
    let is_redirect = reason == Reason::RedirectBlocked;
    // What did not run has no time.
    let connected = outcome.timeline.phase(Phase::Connect).is_some();
    assert_eq!(connected, is_redirect, "{url}: {last:?}");
    // There may have been a try at an address that is allowed and to which there is no route.
    let ends = outcome.connection.and_then(|ends| ends.local);
    assert!(is_redirect || ends.is_none(), "{url}");
}

async fn as_a_target(scene: &Scene, rows: &[Row]) {
    for (url, leads) in rows {
        let http = "follow_redirects: false";
        let outcome = scene.probe(url, DENYING, http).await;
        if let Some(outcome) = &outcome {
            assert_blocked(url, outcome, Reason::ConnectBlocked);
        }
        assert_eq!(scene.n_caught().await, 0, "{url}");
        scene.probe_freely(url, ALLOWING, http).await;
        let n_caught = scene.n_caught().await;
        assert_eq!(n_caught > 0, scene.leads(*leads), "{url} when allowed");
    }
}

/// How URLs begin that have a host for browsers alone.
const HOSTLESS: [&str; 3] = ["http:///", "http://\\", "http:\\"];

async fn by_a_redirect(scene: &Scene, rows: &[Row]) {
    let prober = |rules: &str| {
        let target = scene.target("http://REDIRECTING/", "", rules);
        scene::prober(target.unwrap())
    };
    let (denying, allowing) = (prober(DENYING), prober(ALLOWING));
    for (url, leads) in rows {
        let relative = url.strip_prefix("http:").filter(|rest| {
            let host = rest.strip_prefix("//");
            host.is_some_and(|host| !host.starts_with(['/', '\\']))
        });
        for location in [Some(*url), relative].into_iter().flatten() {
            scene.redirect_to(location);
            let outcome = probing::probe(&denying).await;
            let reason = outcome.failure.as_ref().map(|failure| failure.reason);
            if reason != Some(Reason::RedirectLocation) {
                assert_blocked(location, &outcome, Reason::RedirectBlocked);
            }
            assert_eq!(scene.n_caught().await, 0, "{location}");
            scene::freely(&allowing).await;
            let n_caught = scene.n_caught().await;
            // A tab is no part of a `Location`, and a host is.
            let lacks_host = HOSTLESS.iter().any(|start| location.starts_with(start));
            let leads = scene.leads(*leads) && !location.contains('\t') && !lacks_host;
            assert_eq!(n_caught > 0, leads, "{location} when allowed");
        }
    }
}

/// Forwarded, by `CONNECT` and by SOCKS: the proxy would connect.
async fn through_a_proxy(scene: &Scene, rows: &[Row]) {
    for (proxy, scheme) in [("http", "http:"), ("http", "https:"), ("socks5", "http:")] {
        let prober = |rules: &str| {
            let http = format!("follow_redirects: false, {rules}, proxy_url: '{proxy}://PROXY'");
            // https, so that there is what TLS needs; and the same for all rows, as it takes long.
            scene::prober(scene.target("https://127.0.0.77/", "", &http).unwrap())
        };
        let (denying, allowing) = (prober(DENYING), prober(ALLOWING));
        for (url, leads) in rows {
            let url = scene.fill(url);
            let rest = url
                .get(..5)
                .filter(|start| start.eq_ignore_ascii_case("http:"));
            let Some(rest) = rest.and_then(|_| url.get(5..)) else {
                continue;
            };
            let Ok(url) = TargetUrl::parse(&format!("{scheme}{rest}")) else {
                continue;
            };
            let at = |template: &Arc<Target>| Target {
                url: url.clone(),
                ..Target::clone(template)
            };
            let what = format!("{url} through {proxy}");
            let outcome = probing::probe(&denying.aimed_at(at(denying.target()))).await;
            assert_blocked(&what, &outcome, Reason::ConnectBlocked);
            assert_eq!(scene.n_proxied().await, 0, "{what}");
            scene::freely(&allowing.aimed_at(at(allowing.target()))).await;
            let n_proxied = scene.n_proxied().await;
            // The proxy could connect where this machine cannot.
            assert!(n_proxied > 0 || !scene.leads(*leads), "{what} when allowed");
            assert_eq!(
                scene.n_caught().await,
                0,
                "{what}: nobody goes past the proxy"
            );
        }
    }
}

/// Whoever says which proxy to take says what is connected to.
async fn as_a_proxy(scene: &Scene, rows: &[Row]) {
    for (url, leads) in rows {
        let proxy = serde_json::to_string(&scene.fill(url)).unwrap();
        let http = format!("follow_redirects: false, proxy_url: {proxy}");
        let target = "http://127.0.0.77/";
        if let Some(outcome) = scene.probe(target, DENYING, &http).await {
            assert_blocked(url, &outcome, Reason::ConnectBlocked);
        }
        assert_eq!(scene.n_caught().await, 0, "{url} as proxy");
        let is_one = scene.probe_freely(target, ALLOWING, &http).await;
        let n_caught = scene.n_caught().await;
        let expected = is_one && scene.leads(*leads);
        assert_eq!(n_caught > 0, expected, "{url} as proxy when allowed");
    }
}
