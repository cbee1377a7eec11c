//! Reading the configuration again. SIGHUP, `POST /-/reload` and the look at the file all end here,
//! where one reload follows another and never two run at once.

use std::thread;
use std::time::Duration;
use std::time::SystemTime;

use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;
use tokio::time::interval_at;
use tokio::time::sleep_until;
use tokio::time::timeout;
use tokio::time::timeout_at;

use crate::app::App;
use crate::app::Settings;
use crate::app::StartError;
use crate::app::plan::Plan;
use crate::config::LoadError;
use crate::config::content::Digest;
use crate::server::reload::Reload;
use crate::server::reload::Reloading;

/// Requests that follow one another closer than this are one, ...
const QUIET: Duration = Duration::from_millis(50);

/// ... but none waits for longer than this while more and more come.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a file that was found changed has to stay the same before it is used: who writes into a
/// file in use leaves half of it there for a moment, and half a file can be without mistakes.
const SETTLING: Duration = Duration::from_millis(200);

/// How often one look waits for that.
const N_SETTLING: u32 = 5;

/// Targets that come and go all the time take this part of the time at most: so many times as long as
/// one change took is the time up to the next, ...
const REST: u32 = 10;

/// ... but no longer than this.
const MAX_REST: Duration = Duration::from_secs(30);

/// How many requests wait for their turn without waiting for a place in the line.
const LINE: usize = 16;

/// Who waits for what comes of a reload.
type Answer = oneshot::Sender<Result<(), String>>;

/// Asks for reloads on behalf of the server.
#[derive(Clone, Debug)]
pub struct Requests(mpsc::Sender<Answer>);

impl Reload for Requests {
    fn reload(&self) -> Reloading {
        let line = self.0.clone();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let stopping = || "the exporter is stopping".to_owned();
            line.send(answer).await.map_err(|_| stopping())?;
            answered.await.unwrap_or_else(|_| Err(stopping()))
        })
    }
}

/// Reads the configuration again when somebody asks for it or the file has changed.
#[derive(Debug)]
pub struct Reloader {
    hang_up: Signal,
    requests: Requests,
    line: mpsc::Receiver<Answer>,
    looks: Option<Interval>,
    /// What of the file is in use; `None` after a reload that failed, so that the next look tries
    /// again whatever it finds: the mistake may lie in another file.
    in_use: Option<Digest>,
    /// What the last reload failed of.
    failure: Option<String>,
    /// Whether the sources of targets list others than those that are probed.
    is_found: bool,
    /// When those may be probed.
    rested: Instant,
}

/// What there is to do.
enum Cause {
    /// Somebody asked, and these wait for an answer.
    Asked(Vec<Answer>),
    /// It is time to look at the file.
    Look,
    /// The sources of targets list others.
    Found,
}

impl Reloader {
    /// A reloader that heeds SIGHUP and requests, and looks at the file every `looks`, if ever.
    pub fn new(hang_up: Signal, looks: Option<Duration>, in_use: Digest) -> Self {
        let (send, line) = mpsc::channel(LINE);
        Self {
            hang_up,
            requests: Requests(send),
            line,
            looks: looks.map(|every| {
                let mut looks = interval_at(Instant::now() + every, every);
                looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                looks
            }),
            in_use: Some(in_use),
            failure: None,
            is_found: false,
            rested: Instant::now(),
        }
    }

    /// Where the server asks for reloads.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Reloads whenever there is a cause, for as long as it is awaited. A reload that is dropped has
    /// happened or not, and nothing in between.
    pub async fn run(&mut self, app: &mut App) {
        loop {
            match self.next(app.discovery.changed()).await {
                Cause::Found => {
                    self.is_found = false;
                    let began = Instant::now();
                    app.adopt_found();
                    self.rested = Instant::now() + (REST * began.elapsed()).min(MAX_REST);
                }
                Cause::Asked(answers) => {
                    let settings = app.settings.clone();
                    let loaded = spawn_blocking(move || Plan::load(&settings)).await;
                    let result = self.adopt(app, told(loaded), true);
                    for answer in answers {
                        // Who asked may have gone.
                        answer.send(result.clone()).ok();
                    }
                }
                Cause::Look => {
                    let (settings, in_use) = (app.settings.clone(), self.in_use);
                    let loaded = spawn_blocking(move || changed(&settings, in_use)).await;
                    if let Some(loaded) = told(loaded).transpose() {
                        // Nobody waits for what comes of it but who reads the log.
                        self.adopt(app, loaded, false).ok();
                    }
                }
            }
        }
    }

    /// Waits for a cause. Requests that come while a reload reads the file find it over and lead to
    /// another one, so that the last content is never missed.
    async fn next(&mut self, found: impl Future<Output = ()>) -> Cause {
        let looks = &mut self.looks;
        let look = async {
            match looks {
                Some(looks) => {
                    looks.tick().await;
                }
                None => std::future::pending().await,
            }
        };
        let (is_found, rested) = (&mut self.is_found, self.rested);
        let found = async {
            if !*is_found {
                found.await;
                *is_found = true;
            }
            // Sources often change together.
            sleep_until(rested.max(Instant::now() + QUIET)).await;
        };
        let mut answers = Vec::new();
        tokio::select! {
            _ = self.hang_up.recv() => {}
            Some(answer) = self.line.recv() => answers.push(answer),
            () = look => return Cause::Look,
            () = found => return Cause::Found,
        }
        let latest = Instant::now() + PATIENCE;
        let quiet = async {
            loop {
                let another = async {
                    tokio::select! {
                        _ = self.hang_up.recv() => None,
                        answer = self.line.recv() => answer,
                    }
                };
                match timeout(QUIET, another).await {
                    Ok(answer) => answers.extend(answer),
                    Err(_) => return,
                }
            }
        };
        // Either way it is time.
        timeout_at(latest, quiet).await.ok();
        Cause::Asked(answers)
    }

    /// Makes `loaded` what is probed, or says why the old configuration stays.
    fn adopt(
        &mut self,
        app: &mut App,
        loaded: Result<Plan, String>,
        is_asked_for: bool,
    ) -> Result<(), String> {
        match loaded {
            Ok(plan) => {
                (self.in_use, self.failure) = (Some(plan.digest), None);
                app.adopt(plan);
                app.own.reload_succeeded(SystemTime::now());
                tracing::info!(targets = app.jobs.len(), "configuration reloaded");
                Ok(())
            }
            Err(error) => {
                app.own.reload_failed();
                // A look finds the same again and again.
                self.in_use = None;
                if is_asked_for || self.failure.as_ref() != Some(&error) {
                    tracing::error!(%error, "configuration not reloaded, the old one stays");
                }
                self.failure = Some(error.clone());
                Err(error)
            }
        }
    }
}

/// What came of loading, in words if it failed.
fn told<T>(loaded: Result<Result<T, StartError>, tokio::task::JoinError>) -> Result<T, String> {
    loaded
        .map_err(|error| format!("reading it panicked, which is a bug: {error}"))?
        .map_err(|error| error.to_string())
}

/// The plan that the file makes now, unless it is what is in use or still being written.
fn changed(settings: &Settings, in_use: Option<Digest>) -> Result<Option<Plan>, StartError> {
    let read = || {
        let content = settings.config.read()?;
        Ok((content.digest(), content))
    };
    let content = settled(read, in_use, || thread::sleep(SETTLING))?;
    content
        .map(|content| Plan::of(settings, content))
        .transpose()
}

/// What `read` brings, once it brings the same twice in a row, unless that is `in_use` or never comes.
fn settled<D: PartialEq, C>(
    mut read: impl FnMut() -> Result<(D, C), LoadError>,
    in_use: Option<D>,
    wait: impl Fn(),
) -> Result<Option<C>, LoadError> {
    let (mut found, _) = read()?;
    for _ in 0..N_SETTLING {
        if in_use.as_ref() == Some(&found) {
            return Ok(None);
        }
        wait();
        let (again, content) = read()?;
        if again == found {
            return Ok(Some(content));
        }
        found = again;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_file_is_used_when_it_stays_the_same() {
        for (contents, in_use, used) in [
            (&["new", "new"][..], "old", Some("new")),
            (&["old"], "old", None),
            (&["", "new", "new"], "old", Some("new")),
            (&["", "new", "newer", "newer"], "old", Some("newer")),
            (&["", "old"], "old", None),
            (&["1", "2", "3", "4", "5", "6"], "old", None),
        ] {
            let mut read = contents.iter().copied();
            let next = || {
                let content = read.next().expect("a look that is due");
                Ok((content, content))
            };
            let found = settled(next, Some(in_use), || {}).expect("readable");
            assert_eq!(found, used, "{contents:?}");
            assert_eq!(read.next(), None, "{contents:?}");
        }
        let gone = || {
            Err(LoadError::Unreadable(
                "f".into(),
                io::ErrorKind::NotFound.into(),
            ))
        };
        assert!(settled::<u8, u8>(gone, None, || {}).is_err());
    }
}
