//! All histories of a run, batch by batch, on as many threads as there are cores.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use tokio::time::Instant;

use crate::class::BASELINES;
use crate::class::PACES;
use crate::class::Pace;
use crate::class::QUICK_PACES;
use crate::history::History;
use crate::judge::Verdict;
use crate::plan::Plan;
use crate::random::Random;
use crate::replay::Clock;
use crate::replay::replay;
use crate::settings::Settings;
use crate::spikes::Deck;

/// The targets that one Prometheus gets at once: those of one pace in one round of all baselines.
#[derive(Clone, Copy)]
struct Batch {
    pace: Pace,
    round: u64,
}

/// Evaluates the alerts of the plan on all histories. The verdicts are in the order of the alerts.
pub fn run(folder: &Path, settings: &Settings, plan: &Plan) -> Vec<Verdict> {
    let paces: &[Pace] = if settings.is_quick {
        &QUICK_PACES
    } else {
        &PACES
    };
    let rounds = |pace: &Pace| {
        let pace = *pace;
        (0..pace.n_histories).map(move |round| Batch { pace, round })
    };
    // The longest work first, so that no thread is left with it.
    let left: Mutex<Vec<Batch>> = Mutex::new(paces.iter().flat_map(rounds).rev().collect());
    let done: Mutex<BTreeMap<(i64, u64), Vec<Verdict>>> = Mutex::new(BTreeMap::new());
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for number in 0..n_threads {
            let folder = folder.join(format!("batch-{number}"));
            fs::create_dir_all(&folder).unwrap();
            let (left, done) = (&left, &done);
            scope.spawn(move || {
                let _guard = EndsAll(left);
                while let Some(batch) = next(left) {
                    let verdicts = evaluate(&folder, batch, settings, plan);
                    let key = (batch.pace.interval, batch.round);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.insert(key, verdicts);
                }
            });
        }
    });
    // In one order, whichever thread was faster.
    let mut all: Vec<Verdict> = Vec::new();
    all.resize_with(plan.alerts.len(), Verdict::default);
    for verdicts in done.into_inner().unwrap().into_values() {
        for (sum, verdict) in all.iter_mut().zip(verdicts) {
            sum.extend(verdict);
        }
    }
    all
}

/// Leaves no work to other threads if the one that has this fails.
struct EndsAll<'a>(&'a Mutex<Vec<Batch>>);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        }
    }
}

fn next(left: &Mutex<Vec<Batch>>) -> Option<Batch> {
    left.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn evaluate(folder: &Path, batch: Batch, settings: &Settings, plan: &Plan) -> Vec<Verdict> {
    let started = Instant::now();
    let histories = draw(batch, settings.seed);
    let fired = replay(folder, &histories, plan, Clock::OfEachGroup);
    let alerts = plan.alerts.iter().zip(&fired);
    let verdicts = alerts
        .map(|((_, holds), fired)| {
            let mut verdict = Verdict::default();
            for history in &histories {
                let alarms = fired.get(&history.target).map_or(&[][..], Vec::as_slice);
                verdict.add(history, alarms, *holds);
            }
            verdict
        })
        .collect();
    eprintln!(
        "{} targets probed every {} s, round {}: {:.0} s",
        histories.len(),
        batch.pace.interval / 1000,
        batch.round + 1,
        started.elapsed().as_secs_f64()
    );
    verdicts
}

fn draw(batch: Batch, seed: u64) -> Vec<History> {
    let Batch { pace, round } = batch;
    let baselines = (0_u64..).zip(BASELINES);
    baselines
        .map(|(number, baseline)| {
            let purpose = [pace.interval.unsigned_abs(), number];
            // Rounds go on in the deck of their class where the one before has ended.
            let mut deck = Deck::new(&pace, &mut Random::new(seed, &purpose));
            let mut random = Random::new(seed, &[]);
            let mut spikes = Vec::new();
            for earlier in 0..=round {
                random = Random::new(seed, &[purpose[0], number, earlier]);
                spikes = deck.deal(&pace, &mut random);
            }
            let target = format!("{}s-{number}-{round}", pace.interval / 1000);
            History::draw(target, baseline, pace, spikes, None, &mut random)
        })
        .collect()
}
