//! How far a connection has come, and when it has taken too long.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::body::Bytes;
use hyper::body::Frame;
use hyper::body::SizeHint;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::server::connections::limits::Limits;

/// What a connection has taken too long for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overrun {
    /// The head of a request.
    Head,
    /// Taking a response.
    Response,
    /// Its next request: an orderly end.
    Idle,
}

/// The progress of one connection.
#[derive(Debug)]
pub struct Pace {
    limits: Limits,
    /// What is left of `limits.connections`.
    places: Arc<Semaphore>,
    state: Mutex<State>,
    /// Something now ends sooner than what was waited for.
    sooner: Notify,
}

#[derive(Debug)]
struct State {
    /// Whether there has been a request.
    was_asked: bool,
    /// Whether a request was refused in a way that ends the connection.
    is_shown_out: bool,
    /// When the connection began, or the last response ended.
    idle_since: Instant,
    /// When the first byte of a head came, if its end has not come yet.
    head_since: Option<Instant>,
    /// How many requests are being answered.
    n_answering: usize,
    /// Whether bytes came in meanwhile: more of what was asked, or the begin of what is asked next.
    was_heard_meanwhile: bool,
    /// The responses that are on their way.
    sending: Vec<Sending>,
    next_number: u64,
}

/// A response on its way.
#[derive(Debug)]
struct Sending {
    number: u64,
    since: Instant,
    n_bytes: u64,
}

impl Pace {
    /// Begins with a connection that has not been heard of.
    pub fn new(limits: Limits, places: Arc<Semaphore>) -> Self {
        Self {
            limits,
            places,
            state: Mutex::new(State {
                was_asked: false,
                is_shown_out: false,
                idle_since: Instant::now(),
                head_since: None,
                n_answering: 0,
                was_heard_meanwhile: false,
                sending: Vec::new(),
                next_number: 0,
            }),
            sooner: Notify::new(),
        }
    }

    /// Notes that bytes came in. They begin the next request, be it while one is being answered.
    pub fn heard(&self) {
        let mut state = self.state();
        if state.n_answering > 0 {
            state.was_heard_meanwhile = true;
        } else if state.head_since.is_none() {
            state.head_since = Some(Instant::now());
            drop(state);
            self.sooner.notify_one();
        }
    }

    /// Notes that a request is being answered, until what is returned is dropped.
    pub fn answering(self: &Arc<Self>) -> Answering {
        let mut state = self.state();
        state.was_asked = true;
        state.head_since = None;
        state.was_heard_meanwhile = false;
        state.n_answering += 1;
        let number = state.next_number;
        state.next_number += 1;
        Answering {
            pace: self.clone(),
            number,
        }
    }

    /// Ends once the connection has taken too long.
    pub async fn overrun(&self) -> Overrun {
        loop {
            let end = self.end();
            let waiting = async {
                match end {
                    // Others may come meanwhile that need the place.
                    Some((at, Overrun::Idle)) => {
                        sleep_until(at.min(Instant::now() + self.limits.head)).await;
                    }
                    Some((at, _)) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = waiting => {}
                () = self.sooner.notified() => continue,
            }
            // It may have come further meanwhile.
            match self.end() {
                Some((at, overrun)) if at <= Instant::now() => return overrun,
                _ => {}
            }
        }
    }

    /// When the connection will have taken too long as things stand, and for what.
    fn end(&self) -> Option<(Instant, Overrun)> {
        let Limits {
            head,
            idle,
            response,
            rate,
            ..
        } = self.limits;
        let state = self.state();
        let of_responses = state.sending.iter().map(|sending| {
            let seconds = sending.n_bytes / u64::from(rate.max(1));
            sending.since + response + Duration::from_secs(seconds)
        });
        if let Some(first) = of_responses.min() {
            return Some((first, Overrun::Response));
        }
        if state.n_answering > 0 {
            return None;
        }
        let head_since = match state.was_asked {
            true => state.head_since,
            false => Some(state.idle_since),
        };
        match head_since {
            Some(since) => Some((since + head, Overrun::Head)),
            None => {
                let rest = match state.is_shown_out {
                    true => Duration::ZERO,
                    false if self.is_crowded() => idle.min(head),
                    false => idle,
                };
                Some((state.idle_since + rest, Overrun::Idle))
            }
        }
    }

    /// Whether more than half of the places are taken.
    fn is_crowded(&self) -> bool {
        self.places.available_permits() < self.limits.connections / 2
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that is being answered.
#[derive(Debug)]
pub struct Answering {
    pace: Arc<Pace>,
    number: u64,
}

impl Answering {
    /// Notes that the response is there and only has to be taken, and returns it so that what is
    /// taken of it is noted.
    pub fn with(self, body: Body) -> PacedBody {
        self.pace.state().sending.push(Sending {
            number: self.number,
            since: Instant::now(),
            n_bytes: 0,
        });
        self.pace.sooner.notify_one();
        PacedBody {
            body,
            answering: self,
        }
    }

    /// Notes that the connection ends with the response.
    pub fn shows_out(&self) {
        self.pace.state().is_shown_out = true;
    }

    fn took(&self, n_bytes: usize) {
        let mut state = self.pace.state();
        let mut sending = state.sending.iter_mut();
        if let Some(sending) = sending.find(|sending| sending.number == self.number) {
            sending.n_bytes += n_bytes as u64;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.n_answering -= 1;
        state
            .sending
            .retain(|sending| sending.number != self.number);
        state.idle_since = Instant::now();
        if state.n_answering == 0 && state.was_heard_meanwhile {
            state.head_since = Some(state.idle_since);
        }
        drop(state);
        // Nothing was waited for while only a handler was at work.
        self.pace.sooner.notify_one();
    }
}

/// A body that notes how much of it has been taken.
#[derive(Debug)]
pub struct PacedBody {
    body: Body,
    answering: Answering,
}

impl hyper::body::Body for PacedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.answering.took(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn limits() -> Limits {
        Limits {
            connections: 4,
            handshake: Duration::from_secs(1),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(100),
            response: Duration::from_secs(30),
            rate: 1_000,
            pause: Duration::ZERO,
            grace: Duration::ZERO,
        }
    }

    fn pace() -> Arc<Pace> {
        Arc::new(Pace::new(limits(), Arc::new(Semaphore::new(4))))
    }

    /// How long it takes from now on until the connection has taken too long.
    async fn lasts(pace: &Pace) -> (u64, Overrun) {
        let before = Instant::now();
        let overrun = pace.overrun().await;
        (before.elapsed().as_secs(), overrun)
    }

    #[tokio::test(start_paused = true)]
    async fn each_part_of_a_connection_has_its_time() {
        let pace = pace();
        assert_eq!(lasts(&pace).await, (10, Overrun::Head), "no request");
        let answering = pace.answering();
        let day = Duration::from_secs(86_400);
        let working = tokio::time::timeout(day, pace.overrun()).await;
        assert!(working.is_err(), "who waits for a probe takes no time");
        let mut body = answering.with(Body::from(vec![0; 5_000]));
        assert_eq!(lasts(&pace).await, (30, Overrun::Response));
        let frame = std::future::poll_fn(|context| {
            hyper::body::Body::poll_frame(Pin::new(&mut body), context)
        });
        assert!(frame.await.is_some());
        assert_eq!(
            lasts(&pace).await,
            (5, Overrun::Response),
            "5 kB were taken"
        );
        let other = pace.answering().with(Body::empty());
        drop(body);
        assert_eq!(lasts(&pace).await, (30, Overrun::Response), "of the other");
        drop(other);
        assert_eq!(lasts(&pace).await, (100, Overrun::Idle));
        pace.heard();
        assert_eq!(lasts(&pace).await, (10, Overrun::Head), "the next request");
        tokio::time::advance(Duration::from_secs(5)).await;
        pace.heard();
        assert_eq!(lasts(&pace).await, (0, Overrun::Head), "began long ago");
        let answering = pace.answering();
        pace.heard();
        drop(answering);
        assert_eq!(lasts(&pace).await, (10, Overrun::Head), "begun meanwhile");
        drop(pace.answering());
        assert_eq!(lasts(&pace).await, (100, Overrun::Idle), "nothing begun");
    }

    #[tokio::test(start_paused = true)]
    async fn what_begins_meanwhile_ends_the_wait_sooner() {
        let pace = pace();
        drop(pace.answering());
        let later = pace.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(20)).await;
            later.heard();
        });
        assert_eq!(lasts(&pace).await, (30, Overrun::Head));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_or_in_the_way_of_others_does_not_rest() {
        let pace = pace();
        let answering = pace.answering();
        let taken = pace.places.try_acquire_many(2).expect("two places");
        drop(answering);
        let later = pace.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(55)).await;
            let _third = later.places.try_acquire().expect("a place");
            std::future::pending::<()>().await;
        });
        // It is looked at every 10 s.
        assert_eq!(lasts(&pace).await, (60, Overrun::Idle), "three of four");
        drop(pace.answering());
        assert_eq!(lasts(&pace).await, (10, Overrun::Idle), "all the time");
        drop(taken);
        drop(pace.answering());
        assert_eq!(lasts(&pace).await, (100, Overrun::Idle), "one of four");
        let answering = pace.answering();
        answering.shows_out();
        drop(answering);
        assert_eq!(lasts(&pace).await, (0, Overrun::Idle), "refused");
    }
}
