//! The whole catalogue over and over with a deadline that is too short for many: nothing panics,
//! nothing is made up, nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use httpcycle_exporter::target::address::TargetUrl;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::catalogue::{self, Behaviour, Place, Stage};
use crate::support::cut::may_be;
use crate::support::probing;

const N_PASSES: usize = 20;

const TIMEOUT: Duration = Duration::from_millis(200);

/// How many probes are in flight at once.
const AT_ONCE: usize = 16;

/// By how many timeouts nothing may outlive its own, besides what the machine did not run at all.
const NEVER: u32 = 20;

/// What came of one probe.
struct Probed {
    index: usize,
    /// `None` if it panicked.
    attempt: Option<Attempt>,
    took: Duration,
    /// For how long the runtime stood still meanwhile.
    stalled: Duration,
    ports: Vec<u16>,
    /// Kept, so that nobody else gets its ports before they are looked at.
    stage: Option<Stage>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(
    clippy::print_stdout,
    reason = "how late it was is told, not judged: that is the machine"
)]
async fn hostile_days() {
    let behaviours: Arc<[Behaviour]> = catalogue::all().into();
    let mut wrong = Vec::new();
    let mut finished = BTreeSet::new();
    let mut overshoots = Vec::new();
    let heartbeat = Arc::<Heartbeat>::default();
    let beating = heartbeat.clone();
    let beating = tokio::spawn(async move { beating.beat().await });
    for pass in 1..=N_PASSES {
        let (mut ports, mut stages) = (BTreeMap::new(), Vec::new());
        for probed in one_pass(&behaviours, &heartbeat).await {
            let Probed {
                index,
                attempt,
                took,
                stalled,
                ports: own_ports,
                stage,
            } = probed;
            stages.push(stage);
            let behaviour = &behaviours[index];
            let name = &behaviour.name;
            ports.extend(own_ports.into_iter().map(|port| (port, name.as_str())));
            match attempt {
                None => wrong.push(format!("pass {pass}: {name} panics")),
                Some(attempt) if !may_be(behaviour.expected, behaviour.last_phase, &attempt) => {
                    wrong.push(format!("pass {pass}: {name}: {attempt:?}"));
                }
                Some(Attempt::Finished(_)) => {
                    finished.insert(index);
                }
                Some(Attempt::Skipped(_)) => {}
            }
            if took.saturating_sub(stalled) > NEVER * TIMEOUT {
                wrong.push(format!("pass {pass}: {name} takes {took:?}"));
            }
            overshoots.push(took.saturating_sub(TIMEOUT));
        }
        if let Some(left) = left_behind(&ports).await {
            wrong.push(format!("pass {pass}: left behind: {left}"));
        }
        drop(stages);
    }
    beating.abort();
    for (index, behaviour) in behaviours.iter().enumerate() {
        if !finished.contains(&index) && !is_probed_at_last(behaviour).await {
            wrong.push(format!("{} is never probed", behaviour.name));
        }
    }
    overshoots.sort();
    let (p999, worst) = (overshoots.len() * 999 / 1000, overshoots.len() - 1);
    println!(
        "{} probes, beyond the deadline p99.9 {:?}, worst {:?}",
        overshoots.len(),
        overshoots[p999],
        overshoots[worst]
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A busy machine may skip a target in each pass, but not for ever.
async fn is_probed_at_last(behaviour: &Behaviour) -> bool {
    let stage = behaviour.start().await;
    for more in 1..=NEVER {
        let module = behaviour.module(&stage.place);
        let attempt = probing::prober(&stage.place.url, module, more * TIMEOUT);
        let attempt = attempt.probe().await;
        if matches!(attempt, Attempt::Finished(_)) {
            return may_be(behaviour.expected, behaviour.last_phase, &attempt);
        }
    }
    false
}

async fn one_pass(behaviours: &Arc<[Behaviour]>, heartbeat: &Arc<Heartbeat>) -> Vec<Probed> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut probes = JoinSet::new();
    for index in 0..behaviours.len() {
        let (behaviours, places) = (behaviours.clone(), places.clone());
        let heartbeat = heartbeat.clone();
        probes.spawn(async move {
            let _place = places.acquire().await;
            let stage = behaviours[index].start().await;
            let module = behaviours[index].module(&stage.place);
            let prober = probing::prober(&stage.place.url, module, TIMEOUT);
            let prober = prober.with_heartbeat(heartbeat.clone());
            let stalled_before = heartbeat.stalled();
            let began = Instant::now();
            let probe = AssertUnwindSafe(Box::pin(prober.probe()));
            let attempt = probe.catch_unwind().await.ok();
            // A queue that is full is filled by connections of its own.
            let is_queue = behaviours[index].expected == Some(Reason::ConnectTimeout);
            Probed {
                index,
                attempt,
                took: began.elapsed(),
                stalled: heartbeat.stalled().saturating_sub(stalled_before),
                ports: ports_of(&stage.place),
                stage: Some(stage).filter(|_| !is_queue),
            }
        });
    }
    probes.join_all().await
}

/// The ports that a probe may be connected to, as far as they are known beforehand.
fn ports_of(place: &Place) -> Vec<u16> {
    let url = TargetUrl::parse(&place.url).unwrap();
    let resolver = place.resolver.map(|resolver| resolver.port());
    [url.port()].into_iter().chain(resolver).collect()
}

/// The sockets of this process that are connected to one of these ports, once that does not end: the
/// sockets of the other tests, which run meanwhile, are connected to others.
async fn left_behind(ports: &BTreeMap<u16, &str>) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let start = Instant::now();
    loop {
        let left = connected_to(ports);
        if left.is_empty() {
            return None;
        }
        if start.elapsed() > PATIENCE {
            return Some(left.join(", "));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sockets that this process holds, by the remote port, as the kernel lists them (proc(5)). A port that
/// nobody waits at any more may be that of a client by now.
fn connected_to(ports: &BTreeMap<u16, &str>) -> Vec<String> {
    let own = own_sockets();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = fs::read_to_string(format!("/proc/self/net/{table}")).unwrap_or_default();
        let sockets = text.lines().skip(1).map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_held = own.contains(fields[9]);
            (port_of(fields[1]), port_of(fields[2]), is_held)
        });
        let sockets: Vec<_> = sockets.collect();
        let waiting: BTreeSet<u16> = sockets
            .iter()
            .filter_map(|(local, remote, _)| (*remote == 0).then_some(*local))
            .collect();
        for (_, port, is_held) in sockets {
            if let Some(name) = ports
                .get(&port)
                .filter(|_| waiting.contains(&port) && is_held)
            {
                found.push(format!("{table} to {name}"));
            }
        }
    }
    found
}

/// The numbers of the sockets of this process: the kernel lists those of others as well.
fn own_sockets() -> BTreeSet<String> {
    let files = fs::read_dir("/proc/self/fd").unwrap();
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets
        .filter_map(|target| {
            let text = target.to_str()?.strip_prefix("socket:[")?;
            Some(text.strip_suffix(']')?.to_owned())
        })
        .collect()
}

fn port_of(address: &str) -> u16 {
    let (_, port) = address.rsplit_once(':').unwrap();
    u16::from_str_radix(port, 16).unwrap()
}
