//! Checks passwords on a thread of its own: bcrypt is slow on purpose, and nobody else is to wait for
//! it.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

/// How many passwords may wait to be checked. One more is refused.
const WAITING: usize = 16;

/// Go and others hash no more of a password than this; two that begin alike would be the same.
pub const MAX_PASSWORD: usize = 72;

/// One password to check.
struct Job {
    password: Vec<u8>,
    hash: Arc<str>,
    reply: oneshot::Sender<bool>,
}

/// The thread. It ends when this is dropped, after the password that it is at.
#[derive(Debug)]
pub struct Checker(mpsc::SyncSender<Job>);

impl Checker {
    /// Starts the thread.
    pub fn start() -> Result<Self, String> {
        let (send, inbox) = mpsc::sync_channel(WAITING);
        thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || check_all(&inbox))
            .map_err(|error| format!("no thread to check passwords on: {error}"))?;
        Ok(Self(send))
    }

    /// Has a password checked; `None` if too many wait already.
    pub fn check(&self, password: Vec<u8>, hash: Arc<str>) -> Option<oneshot::Receiver<bool>> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            password,
            hash,
            reply,
        };
        self.0.try_send(job).ok().map(|()| answer)
    }
}

fn check_all(inbox: &mpsc::Receiver<Job>) {
    for job in inbox {
        // Who asked may have gone meanwhile.
        if job.reply.is_closed() {
            continue;
        }
        let is_right = bcrypt::verify(&job.password, &job.hash).unwrap_or(false);
        job.reply.send(is_right).ok();
    }
}
