//! What a flood does to the other targets: a healthy one is probed alone and with the flood beside it,
//! in turns, on the runtime that the program probes on.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use httpcycle_exporter::app;
use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::sleep_until;

use crate::figures;
use crate::figures::ms;
use crate::figures::percentile;
use crate::healthy;
use crate::is_wanted;
use crate::lists::List;
use crate::peers::Cores;
use crate::peers::Peers;
use crate::peers::Staged;
use crate::setting;

/// How long a probe of a flood may take, which is also how long one that is not ended takes.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How soon after its end a flood is probed again; far sooner than anybody would.
const PAUSE: Duration = Duration::from_millis(10);

/// The time between two probes of the healthy target.
const INTERVAL: Duration = Duration::from_millis(4);

/// How long a flood has run before anything is measured beside it.
const RISE: Duration = Duration::from_millis(100);

const N_DEAD_NAMES: u32 = 1_000;

/// The timeout of probes of names whose name server is dead, each probed again at once.
const DEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// By how much the slowest hundredth may become slower.
const MAX_BESIDE_FLOOD: f64 = 3.0;
const MAX_BESIDE_DEAD_NAMES: f64 = 2.0;

/// How many threads there may be more than cores.
const MAX_MORE_THREADS: usize = 4;

/// A flood that is probed over and over until this is dropped.
pub struct Flood {
    _probing: JoinSet<()>,
}

/// Probes `flood` from now on.
pub fn start(runtime: &Runtime, flood: &Staged, heartbeat: &Arc<Heartbeat>) -> Flood {
    let prober = flood.prober(TIMEOUT, heartbeat);
    let mut tasks = JoinSet::new();
    tasks.spawn_on(
        async move {
            loop {
                drop(Box::pin(prober.probe()).await);
                sleep(PAUSE).await;
            }
        },
        runtime.handle(),
    );
    Flood { _probing: tasks }
}

/// Measures and prints all.
pub fn run() {
    let n_rounds = setting("HOSTILE_ROUNDS", 5);
    let n_probes = setting("HOSTILE_PROBES", 500);
    let healthy = Peers::start(List::Healthy, Cores::Equal);
    // A flood of the network does not come from a process on the same cores.
    let floods = Peers::start(List::Floods, Cores::Spare);
    let runtime = app::probing_runtime().unwrap();
    let heartbeat = Arc::<Heartbeat>::default();
    let beating = heartbeat.clone();
    runtime.spawn(async move { beating.beat().await });
    let target = Arc::new(healthy.named(healthy::PLAIN).prober(TIMEOUT, &heartbeat));
    let measure = |target: &Arc<Prober>| {
        let probes = probe_often(target.clone(), n_probes);
        runtime.block_on(runtime.spawn(probes)).unwrap()
    };
    measure(&target);
    println!(
        "\nA healthy target beside one flood, {n_rounds} times {n_probes} probes each; load {}.",
        figures::load()
    );
    figures::head(&[
        "flood",
        "alone, p50 / p99, ms",
        "beside it, p50 / p99, ms",
        "times, p99 of all",
        "of a round, median / worst",
        "skipped",
        "stolen by the host, ms",
        "wanted",
        "reached",
    ]);
    let wanted = floods.staged.iter();
    for flood in wanted.filter(|flood| is_wanted(&flood.behaviour.name)) {
        let stolen = figures::stolen_ms();
        let rounds = (0..n_rounds).map(|_| {
            let alone = measure(&target);
            let running = start(&runtime, flood, &heartbeat);
            thread::sleep(RISE);
            let beside = measure(&target);
            drop(running);
            (alone, beside)
        });
        print(
            &flood.behaviour.name,
            &rounds.collect::<Vec<_>>(),
            stolen,
            MAX_BESIDE_FLOOD,
        );
    }
    let target = Arc::new(healthy.named(healthy::NAMED).prober(TIMEOUT, &heartbeat));
    let dead = healthy.named(healthy::DEAD_NAME);
    let stolen = figures::stolen_ms();
    let rounds = (0..n_rounds).map(|_| {
        let alone = measure(&target);
        let running = probe_dead_names(&runtime, dead, &heartbeat);
        thread::sleep(RISE + DEAD_TIMEOUT);
        let beside = measure(&target);
        let threads = fs::read_dir("/proc/self/task").unwrap().count();
        drop(running);
        (alone, (beside.0, beside.1), threads)
    });
    let rounds: Vec<_> = rounds.collect();
    let threads = rounds.iter().map(|(.., threads)| *threads).max();
    let rounds: Vec<_> = rounds.into_iter().map(|(a, b, _)| (a, b)).collect();
    print(
        &format!("{N_DEAD_NAMES} dead names"),
        &rounds,
        stolen,
        MAX_BESIDE_DEAD_NAMES,
    );
    // The benchmark has two threads of its own besides those of the program.
    let threads = threads.unwrap_or_default().saturating_sub(2);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\nBeside the dead names there were {threads} threads on {cores} cores, wanted are at most {}.",
        cores + MAX_MORE_THREADS
    );
    runtime.shutdown_background();
}

/// The durations of probes, sorted, and how many were skipped.
type Measured = (Vec<Duration>, usize);

async fn probe_often(target: Arc<Prober>, n_probes: u32) -> Measured {
    let mut durations = Vec::new();
    let mut skipped = 0;
    let mut due = Instant::now();
    for _ in 0..n_probes {
        due = (due + INTERVAL).max(Instant::now());
        sleep_until(due).await;
        match Box::pin(target.probe()).await {
            Attempt::Finished(outcome) => {
                assert_eq!(outcome.failure, None, "it is healthy");
                durations.push(outcome.timeline.total());
            }
            Attempt::Skipped(_) => skipped += 1,
        }
    }
    durations.sort();
    (durations, skipped)
}

/// Probes names that nobody answers for, spread over their timeout.
fn probe_dead_names(runtime: &Runtime, dead: &Staged, heartbeat: &Arc<Heartbeat>) -> JoinSet<()> {
    let prober = Arc::new(dead.prober(DEAD_TIMEOUT, heartbeat));
    let mut tasks = JoinSet::new();
    for index in 0..N_DEAD_NAMES {
        let prober = prober.clone();
        let probing = async move {
            sleep(DEAD_TIMEOUT * index / N_DEAD_NAMES).await;
            loop {
                drop(Box::pin(prober.probe()).await);
            }
        };
        tasks.spawn_on(probing, runtime.handle());
    }
    tasks
}

/// Prints a row; `stolen_before` is what the host had taken before the rounds.
fn print(name: &str, rounds: &[(Measured, Measured)], stolen_before: u64, wanted: f64) {
    let mut ratios: Vec<f64> = rounds
        .iter()
        .map(|((alone, _), (beside, _))| {
            percentile(beside, 0.99).as_secs_f64() / percentile(alone, 0.99).as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let all = |pick: fn(&(Measured, Measured)) -> &Measured| {
        let of_rounds = rounds.iter().flat_map(|round| &pick(round).0);
        let mut all: Vec<Duration> = of_rounds.copied().collect();
        all.sort();
        all
    };
    let (alone, beside) = (all(|(alone, _)| alone), all(|(_, beside)| beside));
    let told = |all: &[Duration]| {
        let at = |share| ms(percentile(all, share));
        format!("{} / {}", at(0.5), at(0.99))
    };
    let times = percentile(&beside, 0.99).as_secs_f64() / percentile(&alone, 0.99).as_secs_f64();
    let (median, worst) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    let skipped: usize = rounds.iter().map(|(_, (_, skipped))| skipped).sum();
    figures::row(&[
        &name,
        &told(&alone),
        &told(&beside),
        &format!("{times:.1}"),
        &format!("{median:.1} / {worst:.1}"),
        &skipped,
        &(figures::stolen_ms() - stolen_before),
        &format!("<= {wanted}"),
        &if times <= wanted { "yes" } else { "**no**" },
    ]);
}
