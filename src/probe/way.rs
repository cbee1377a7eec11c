//! Giving way: what a probe does for those that share its core.

use std::future::poll_fn;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

/// A poll that lasts longer found bytes without an end; those of a usual probe take a few microseconds.
const LONG: Duration = Duration::from_micros(50);

/// Does `work`, and after each long poll lets other threads that wait for the core have it. A runtime
/// only knows its own tasks: the kernel would leave the thread its slice of milliseconds, in which a
/// healthy target on the same machine, or another worker, waits.
pub async fn giving_way<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let began = Instant::now();
        let polled = work.as_mut().poll(context);
        if polled.is_pending() && began.elapsed() >= LONG {
            thread::yield_now();
        }
        polled
    })
    .await
}
