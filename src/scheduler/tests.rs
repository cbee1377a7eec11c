//! The scheduler on a paused clock, with jobs that only sleep.

use std::future::pending;
use std::sync::Mutex;
use std::time::SystemTime;

use tokio::time::sleep;

use super::*;
use crate::outcome::Attempt;
use crate::outcome::Outcome;
use crate::outcome::judgement::Judgement;
use crate::outcome::timeline::Timeline;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;
use crate::target::module::Module;

/// What a job saw.
#[derive(Debug, Default)]
struct Seen {
    starts: Vec<Instant>,
    ends: Vec<Instant>,
    lags: Vec<Duration>,
    waits: Vec<Duration>,
    missed: Vec<(SkipReason, u64)>,
    skipped: Vec<SkipReason>,
    running: u32,
}

struct Sleeper {
    target: Arc<Target>,
    takes: Duration,
    waits: Duration,
    panics: bool,
    seen: Arc<Mutex<Seen>>,
}

impl Job for Sleeper {
    type Found = Attempt;

    fn target(&self) -> &Arc<Target> {
        &self.target
    }

    async fn probe(&self, latest: Instant) -> Attempt {
        assert!(latest > Instant::now());
        {
            let mut seen = self.seen.lock().unwrap();
            assert_eq!(seen.running, 0, "probes of a target overlap");
            seen.running += 1;
            seen.starts.push(Instant::now());
        }
        sleep(self.takes).await;
        let mut seen = self.seen.lock().unwrap();
        seen.running -= 1;
        seen.ends.push(Instant::now());
        drop(seen);
        assert!(!self.panics, "as asked for");
        Attempt::Finished(Outcome {
            timeline: Timeline::new(),
            started: SystemTime::UNIX_EPOCH,
            connection: None,
            response: None,
            cert_expiry: None,
            judgement: Judgement::default(),
            failure: None,
        })
    }

    async fn prepare(&self) -> Duration {
        sleep(self.waits).await;
        self.waits
    }

    fn starting(&self, lag: Duration, waited: Duration) {
        let mut seen = self.seen.lock().unwrap();
        seen.lags.push(lag);
        seen.waits.push(waited);
    }

    fn waiting(&self, due: Instant) {
        let seen = self.seen.lock().unwrap();
        assert!(seen.running == 0 && due + self.target.interval >= Instant::now());
    }

    fn finished(&self, attempt: Attempt, lag: Duration) {
        assert_eq!(self.seen.lock().unwrap().lags.last(), Some(&lag));
        if let Attempt::Skipped(reason) = attempt {
            self.seen.lock().unwrap().skipped.push(reason);
        }
    }

    fn missed(&self, reason: SkipReason, count: u64) {
        self.seen.lock().unwrap().missed.push((reason, count));
    }
}

fn job(name: &str, interval: u64, takes: u64, seen: &Arc<Mutex<Seen>>) -> Arc<Sleeper> {
    Arc::new(Sleeper {
        target: Arc::new(Target {
            name: name.to_owned(),
            url: TargetUrl::parse("http://127.0.0.1:1/").unwrap(),
            module: Arc::new(Module::http_2xx()),
            interval: Duration::from_millis(interval),
            timeout: Duration::from_millis(interval),
            labels: Labels::default(),
        }),
        takes: Duration::from_millis(takes),
        waits: Duration::ZERO,
        panics: false,
        seen: seen.clone(),
    })
}

#[tokio::test(start_paused = true)]
async fn probes_start_in_their_slots_and_never_overlap() {
    for (takes, starts, overruns) in [(10, 10, 0), (100, 10, 0), (120, 8, 2), (190, 5, 5)] {
        let seen = Arc::default();
        let mut scheduler = Scheduler::new();
        scheduler.reconcile(vec![job("a", 100, takes, &seen)]);
        sleep(Duration::from_millis(999)).await;
        scheduler.stop(pending()).await;
        let seen = seen.lock().unwrap();
        assert_eq!(seen.starts.len(), starts, "takes {takes}");
        let missed: u64 = seen.missed.iter().map(|(_, count)| count).sum();
        assert_eq!(missed, overruns, "takes {takes}: {:?}", seen.missed);
        assert!(
            seen.missed
                .iter()
                .all(|(reason, _)| *reason == SkipReason::Overrun)
        );
        assert_eq!(seen.starts.len(), seen.ends.len(), "the last probe ended");
    }
}

#[tokio::test(start_paused = true)]
async fn slots_missed_in_a_stall_are_counted_and_not_made_up() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let mut scheduler = Scheduler::new();
    scheduler.reconcile(vec![job("a", 100, 1, &seen)]);
    sleep(Duration::from_millis(50)).await;
    // One jump of the clock while no task runs, as after SIGSTOP.
    tokio::time::advance(Duration::from_millis(3_020)).await;
    sleep(Duration::from_millis(1)).await;
    let starts_after = seen.lock().unwrap().starts.len();
    assert_eq!(starts_after, 1, "no burst");
    sleep(Duration::from_millis(100)).await;
    scheduler.stop(pending()).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.missed, [(SkipReason::Overload, 30)]);
    let on_phase = (seen.starts[1] - seen.starts[0]).as_millis();
    assert_eq!(on_phase, 3_100);
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_slots_and_takes_the_new_job() {
    let (old, new, gone): (Arc<Mutex<Seen>>, _, _) = Default::default();
    let mut scheduler = Scheduler::new();
    scheduler.reconcile(vec![job("a", 100, 1, &old), job("b", 100, 1, &gone)]);
    sleep(Duration::from_millis(250)).await;
    scheduler.reconcile(vec![job("a", 100, 1, &new)]);
    sleep(Duration::from_millis(250)).await;
    scheduler.stop(pending()).await;
    let (old, new, gone) = (
        old.lock().unwrap(),
        new.lock().unwrap(),
        gone.lock().unwrap(),
    );
    assert_eq!((old.starts.len(), new.starts.len()), (3, 2));
    assert_eq!((new.starts[0] - old.starts[2]).as_millis(), 100);
    assert_eq!(
        gone.starts.len(),
        2,
        "a removed target is not probed any more"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_comes_back_waits_for_its_last_probe() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let mut scheduler = Scheduler::new();
    scheduler.reconcile(vec![job("a", 1000, 900, &seen)]);
    sleep(Duration::from_millis(100)).await;
    scheduler.reconcile(vec![]);
    scheduler.reconcile(vec![job("a", 1000, 900, &seen)]);
    sleep(Duration::from_secs(5)).await;
    scheduler.stop(pending()).await;
    // That probes overlap would have been seen by the job.
    assert!(seen.lock().unwrap().starts.len() > 3);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_interval_is_taken_at_once() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let mut scheduler = Scheduler::new();
    scheduler.reconcile(vec![job("a", 3_600_000, 1, &seen)]);
    sleep(Duration::from_millis(10)).await;
    scheduler.reconcile(vec![job("a", 100, 1, &seen)]);
    sleep(Duration::from_millis(1_000)).await;
    scheduler.stop(pending()).await;
    assert!(seen.lock().unwrap().starts.len() >= 10);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_the_loop_goes_on() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let mut panicking = job("a", 100, 1, &seen);
    Arc::get_mut(&mut panicking).unwrap().panics = true;
    let mut scheduler = Scheduler::new();
    scheduler.reconcile(vec![panicking]);
    sleep(Duration::from_millis(350)).await;
    scheduler.stop(pending()).await;
    assert_eq!(seen.lock().unwrap().missed, [(SkipReason::Internal, 1); 4]);
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_probes_in_flight() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let mut scheduler = Scheduler::new();
    scheduler.reconcile(vec![job("a", 1000, 700, &seen)]);
    sleep(Duration::from_millis(100)).await;
    let before = Instant::now();
    scheduler.stop(pending()).await;
    assert_eq!(before.elapsed().as_millis(), 600);
    assert_eq!(seen.lock().unwrap().ends.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn probes_that_outlast_the_patience_are_skipped_slots() {
    let (slow, quick): (Arc<Mutex<Seen>>, Arc<Mutex<Seen>>) = Default::default();
    let mut scheduler = Scheduler::new();
    scheduler.reconcile(vec![
        job("slow", 60_000, 50_000, &slow),
        job("quick", 300, 1, &quick),
    ]);
    sleep(Duration::from_millis(1_000)).await;
    let before = Instant::now();
    scheduler.stop(sleep(Duration::from_secs(5))).await;
    assert_eq!(before.elapsed().as_secs(), 5);
    let (slow, quick) = (slow.lock().unwrap(), quick.lock().unwrap());
    assert_eq!((slow.starts.len(), slow.ends.len()), (1, 0));
    assert_eq!(slow.missed, [(SkipReason::Shutdown, 1)]);
    assert_eq!(quick.missed, []);
}

/// The probe starts as late as it does, and whoever asks how late the loop was can tell the two apart.
#[tokio::test(start_paused = true)]
async fn what_a_job_waits_for_is_told_beside_the_lag() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let mut scheduler = Scheduler::new();
    let mut waiting = job("a", 100, 1, &seen);
    let wait = Duration::from_millis(20);
    Arc::get_mut(&mut waiting).unwrap().waits = wait;
    scheduler.reconcile(vec![waiting]);
    sleep(Duration::from_millis(350)).await;
    scheduler.stop(pending()).await;
    let seen = seen.lock().unwrap();
    assert_eq!((seen.lags.len(), &seen.missed[..]), (4, &[][..]));
    assert!(seen.lags.iter().all(|lag| *lag >= wait), "{:?}", seen.lags);
    assert_eq!(seen.waits, [wait; 4]);
}
