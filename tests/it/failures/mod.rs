//! Every behaviour of the catalogue is probed, and what is found is what stands there; beside it what
//! is no row: what takes several probes, or more than one place to look.

mod checking;
mod connections;
mod http2;
mod look_ups;
mod responses;
mod routes;

use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::reason::Reason;

use crate::catalogue;
use crate::catalogue::Behaviour;
use crate::support::probing;

/// Longer than any probe takes that is not meant to be cut.
const PATIENCE: Duration = Duration::from_secs(10);

/// The timeout of probes that are meant to be cut, and of those that share a table with them.
const SHORT: Duration = Duration::from_millis(1_500);

/// How many behaviours run at once.
const AT_ONCE: usize = 8;

/// Says to this test that it already runs where there is nothing but loopback.
const ALONE: &str = "HTTPCYCLE_TEST_ON_LOOPBACK_ALONE";

fn reason(outcome: &Outcome) -> Option<Reason> {
    outcome.failure.as_ref().map(|failure| failure.reason)
}

/// Where the system allows it, in a network that has loopback and nothing else.
#[test]
fn every_behaviour_of_the_catalogue_is_told() {
    const UP: &str = "ip link set lo up";
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--net", "sh", "-c"]);
        unshare
    };
    let can_be_alone = || {
        let tried = unshare().arg(UP).output();
        tried.is_ok_and(|output| output.status.success())
    };
    if env::var_os(ALONE).is_some() || !can_be_alone() {
        return probe_all();
    }
    let output = unshare()
        .arg(format!(r#"{UP} && exec "$0" "$@""#))
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("failures::every_behaviour_of_the_catalogue_is_told")
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

fn probe_all() {
    let only = env::var("BEHAVIOUR").unwrap_or_default();
    let rows = catalogue::all();
    assert!(rows.len() >= 170, "only {} behaviours", rows.len());
    let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
    assert_eq!(names.len(), rows.len(), "each has a name of its own");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let rows = rows.iter().filter(|row| row.name.contains(&only));
    let found = stream::iter(rows).map(wrong_with).buffer_unordered(AT_ONCE);
    let wrong: Vec<String> = runtime.block_on(found.collect::<Vec<_>>()).concat();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Probes a behaviour once and says what is not as it should be.
async fn wrong_with(row: &Behaviour) -> Vec<String> {
    let stage = row.start().await;
    let timeout = if row.lasts() { SHORT } else { PATIENCE };
    let timeout = timeout.max(row.takes);
    let module = row.module(&stage.place);
    let uploads = !module.body.expose().is_empty();
    let prober = probing::prober(&stage.place.url, module, timeout);
    let outcome = probing::probe(&prober).await;
    let url = &prober.target().url;
    let wrong = checking::wrong(row, url, uploads, timeout, &outcome);
    let told = format!("{:?}, {:?}", outcome.failure, outcome.timeline);
    wrong
        .iter()
        .map(|what| format!("{}: {what}: {told}", row.name))
        .collect()
}
