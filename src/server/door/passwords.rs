//! Checks passwords on a thread of its own: bcrypt is slow on purpose, and nobody else is to wait for
//! it.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How many passwords may wait to be checked.
const WAITING: usize = 16;

/// How long one more stands in line for that, so that one who comes among those who guess has a
/// chance.
const PATIENCE: Duration = Duration::from_secs(1);

/// Go and others hash no more of a password than this; two that begin alike would be the same.
pub const MAX_PASSWORD: usize = 72;

/// One password to check.
struct Job {
    password: Vec<u8>,
    hash: Arc<str>,
    reply: oneshot::Sender<bool>,
    /// Free for the next one once this is being checked.
    place: Place,
}

/// A place among those that wait.
#[derive(Debug)]
pub struct Place(
    #[expect(dead_code, reason = "it is had until it is dropped")] OwnedSemaphorePermit,
);

/// The thread. It ends when this is dropped, after the password that it is at.
#[derive(Debug)]
pub struct Checker {
    inbox: mpsc::Sender<Job>,
    places: Arc<Semaphore>,
}

impl Checker {
    /// Starts the thread.
    pub fn start() -> Result<Self, String> {
        let (send, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || check_all(&inbox))
            .map_err(|error| format!("no thread to check passwords on: {error}"))?;
        Ok(Self {
            inbox: send,
            places: Arc::new(Semaphore::new(WAITING)),
        })
    }

    /// A place to wait at; `None` if none is free for longer than can be waited.
    pub async fn place(&self) -> Option<Place> {
        let place = self.places.clone().acquire_owned();
        timeout(PATIENCE, place).await.ok()?.ok().map(Place)
    }

    /// Has a password checked.
    pub fn check(
        &self,
        password: Vec<u8>,
        hash: Arc<str>,
        place: Place,
    ) -> oneshot::Receiver<bool> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            password,
            hash,
            reply,
            place,
        };
        // If the thread has ended, which it does not, the answer says so.
        self.inbox.send(job).ok();
        answer
    }
}

fn check_all(inbox: &mpsc::Receiver<Job>) {
    for job in inbox {
        drop(job.place);
        // Who asked may have gone meanwhile.
        if job.reply.is_closed() {
            continue;
        }
        let is_right = bcrypt::verify(&job.password, &job.hash).unwrap_or(false);
        job.reply.send(is_right).ok();
    }
}
