//! When: one loop a target. The scheduler owns time and knows neither how to probe nor what
//! becomes of the outcome.

mod slots;
mod target_loop;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::outcome::skip::SkipReason;
use crate::scheduler::slots::Slots;
use crate::target::Target;

/// How long loops may take to end once they are cut.
const CUTTING: Duration = Duration::from_secs(1);

/// What the scheduler runs: one target's probes and the recording of what comes of them.
pub trait Job: Send + Sync + 'static {
    /// What comes of a slot in which it probed.
    type Found: Send;

    /// The target.
    fn target(&self) -> &Arc<Target>;

    /// Gets what a probe needs besides the target, if that is not there, and tells how long it waited for
    /// others. The probe starts when it is over: what takes longer than a slot may be late costs the slot.
    fn prepare(&self) -> impl Future<Output = Duration> + Send {
        async { Duration::ZERO }
    }

    /// Probes once, and is done when `latest`, the next slot, comes.
    fn probe(&self, latest: Instant) -> impl Future<Output = Self::Found> + Send;

    /// Learns when the next probe is due.
    fn waiting(&self, due: Instant);

    /// Learns that a probe starts, `lag` after it was meant to, of which it `waited` so long by its own will.
    fn starting(&self, lag: Duration, waited: Duration);

    /// Learns what came of a probe that started `lag` after it was meant to.
    fn finished(&self, found: Self::Found, lag: Duration);

    /// Learns that `count` slots passed without a probe.
    fn missed(&self, reason: SkipReason, count: u64);
}

/// The loops of all targets. Dropping it ends them at once, probes in flight included.
#[derive(Debug)]
pub struct Scheduler<J> {
    taken_in: u32,
    loops: HashMap<String, Running<J>>,
    /// Loops of targets that were removed, until their last probe is over.
    leaving: HashMap<String, JoinHandle<()>>,
}

#[derive(Debug)]
struct Running<J> {
    job: watch::Sender<Option<Arc<J>>>,
    task: JoinHandle<()>,
}

impl<J: Job> Scheduler<J> {
    /// A scheduler without targets.
    pub fn new() -> Self {
        Self {
            taken_in: 0,
            loops: HashMap::new(),
            leaving: HashMap::new(),
        }
    }

    /// Takes `jobs` as all there is to do. A target that stays keeps its loop and, unless its
    /// interval changed, its slots; its next probe is that of the new job. A target that goes ends
    /// its probe in flight first; if it comes back meanwhile it waits for that, so that the probes
    /// of a target never overlap.
    pub fn reconcile(&mut self, jobs: Vec<Arc<J>>) {
        let start = Instant::now();
        let mut gone = std::mem::take(&mut self.loops);
        for job in jobs {
            let name = job.target().name.clone();
            let running = match gone.remove(&name) {
                Some(running) => {
                    // A loop is not woken for what it has already.
                    running.job.send_if_modified(|current| {
                        let is_same = current.as_ref().is_some_and(|one| Arc::ptr_eq(one, &job));
                        *current = Some(job);
                        !is_same
                    });
                    running
                }
                None => self.start_loop(&name, job, start),
            };
            self.loops.insert(name, running);
        }
        self.leaving.retain(|_, task| !task.is_finished());
        for (name, running) in gone {
            running.job.send_replace(None);
            self.leaving.insert(name, running.task);
        }
    }

    fn start_loop(&mut self, name: &str, job: Arc<J>, start: Instant) -> Running<J> {
        let slots = Slots::spread(start, self.taken_in, job.target().interval);
        self.taken_in = self.taken_in.wrapping_add(1);
        let predecessor = self.leaving.remove(name);
        let (sender, receiver) = watch::channel(Some(job));
        let task = tokio::spawn(async move {
            if let Some(predecessor) = predecessor {
                // A loop that was aborted is over as well.
                predecessor.await.ok();
            }
            target_loop::run(receiver, slots).await;
        });
        Running { job: sender, task }
    }

    /// Starts no more probes and waits for those in flight, each of which has its deadline, but no
    /// longer than for `patience`: those that are cut then are skipped slots.
    pub async fn stop(mut self, patience: impl Future<Output = ()>) {
        let running = std::mem::take(&mut self.loops);
        for running in running.values() {
            running.job.send_replace(None);
        }
        let tasks = running.into_values().map(|running| running.task);
        let leaving = std::mem::take(&mut self.leaving);
        let mut tasks: Vec<_> = tasks.chain(leaving.into_values()).collect();
        tokio::select! {
            () = all_over(&mut tasks) => return,
            () = patience => {}
        }
        for task in &tasks {
            task.abort();
        }
        // A probe that computes is cut only when it is done.
        timeout(CUTTING, all_over(&mut tasks)).await.ok();
    }
}

/// Waits for the end of all tasks and takes out those that have ended.
async fn all_over(tasks: &mut Vec<JoinHandle<()>>) {
    while let Some(task) = tasks.last_mut() {
        // A loop that panicked has said so already.
        task.await.ok();
        tasks.pop();
    }
}

impl<J: Job> Default for Scheduler<J> {
    fn default() -> Self {
        Self::new()
    }
}
