//! Routes of this machine that lead nowhere: what a rule forbids or drops is told of the target, and
//! what nobody knows the way to is no fault of it. In a network of its own, where nothing is sent.

use std::env;
use std::process::Command;

use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::target::module::Module;

use crate::failures::PATIENCE;
use crate::support::probing;
use crate::support::real_parts;

const NAME: &str = "failures::routes::routes_that_lead_nowhere_are_told";

/// Says to this test that it already runs where it may set routes.
const ALONE: &str = "HTTPCYCLE_TEST_HAS_ROUTES";

const ROUTES: &str = "ip link set lo up && ip route add unreachable 192.0.2.1 && \
                      ip route add prohibit 192.0.2.2 && ip route add blackhole 192.0.2.3";

#[test]
fn routes_that_lead_nowhere_are_told() {
    if env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        return runtime.unwrap().block_on(probe_all());
    }
    let run = |script: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--net", "sh", "-c", script]);
        unshare
    };
    let tried = run(ROUTES).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        return real_parts::skip("no network of its own, or no routes in it");
    }
    let output = run(&format!(r#"{ROUTES} && exec "$0" "$@""#))
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", NAME])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

async fn probe_all() {
    for (address, expected) in [
        ("192.0.2.1", Ok(Reason::ConnectUnreachable)),
        ("192.0.2.2", Ok(Reason::ConnectDenied)),
        ("192.0.2.3", Ok(Reason::ConnectUnreachable)),
        ("192.0.2.4", Err(SkipReason::NoRoute)),
        ("[2001:db8::1]", Err(SkipReason::NoRoute)),
    ] {
        let url = format!("http://{address}/");
        let prober = probing::prober(&url, Module::http_2xx(), PATIENCE);
        let found = match prober.probe().await {
            Attempt::Skipped(reason) => Err(reason),
            Attempt::Finished(outcome) => {
                assert!(
                    outcome.timeline.phase(Phase::Connect).is_some(),
                    "{address}"
                );
                Ok(outcome.failure.unwrap().reason)
            }
        };
        assert_eq!(found, expected, "{address}");
    }
}
