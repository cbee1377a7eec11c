//! How long a probe of a flood keeps the core: the time of this thread in each step that its future makes
//! before others may run.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_fn;
use httpcycle_exporter::app;
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use nix::time::ClockId;

use crate::figures;
use crate::figures::percentile;
use crate::is_wanted;
use crate::lists::List;
use crate::peers::Cores;
use crate::peers::Peers;
use crate::setting;

/// How long a probe of a flood may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Measures and prints all.
pub fn run() {
    let n_probes = setting("HOSTILE_ROUNDS", 5);
    let floods = Peers::start(List::Floods, Cores::Spare);
    let runtime = app::probing_runtime().unwrap();
    let heartbeat = Arc::<Heartbeat>::default();
    println!(
        "\nHow long probes of floods keep the core, {n_probes} probes each; load {}.",
        figures::load()
    );
    figures::head(&["flood", "turns", "p50, µs", "p99, µs", "longest, µs"]);
    let wanted = floods.staged.iter();
    for flood in wanted.filter(|flood| is_wanted(&flood.behaviour.name)) {
        let prober = Arc::new(flood.prober(TIMEOUT, &heartbeat));
        let mut turns = Vec::new();
        for _ in 0..n_probes {
            let of_probe = runtime.spawn(turns_of(prober.clone()));
            turns.extend(runtime.block_on(of_probe).unwrap());
        }
        turns.sort();
        let us = |share| format!("{:.0}", percentile(&turns, share).as_secs_f64() * 1e6);
        figures::row(&[
            &flood.behaviour.name,
            &turns.len(),
            &us(0.5),
            &us(0.99),
            &us(1.0),
        ]);
    }
    runtime.shutdown_background();
}

/// The time of each turn of one probe.
async fn turns_of(prober: Arc<Prober>) -> Vec<Duration> {
    let mut turns = Vec::new();
    let mut probing = pin!(prober.probe());
    poll_fn(|cx| {
        let before = of_this_thread();
        let polled = probing.as_mut().poll(cx);
        turns.push(of_this_thread().saturating_sub(before));
        match polled {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    turns
}

/// How long this thread has run.
fn of_this_thread() -> Duration {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().unwrap().into()
}
