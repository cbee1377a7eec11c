//! Targets that files and servers list, in Prometheus's formats. Nothing here is measured, and nothing
//! of it runs on the workers that probe.
//!
//! ```text
//! mod      a task for each source, on a runtime of their own; the last good answer of each
//! files    the files of a pattern (`glob`), looked at often and read when they have changed
//! http     a server, asked from time to time
//! targets  the targets of all answers, with the modules of the configuration
//! told     what the log has said already
//! ```

pub mod files;
mod glob;
mod http;
pub mod targets;
pub mod told;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::config::discovery::HttpSource;
use crate::config::discovery::TargetSource;
use crate::config::groups::Group;

/// What a source lists, in its parts: its files, or the one answer of a server.
pub type Answer = Arc<[Arc<Part>]>;

/// A part of what a source lists.
#[derive(Debug, Eq, PartialEq)]
pub struct Part {
    /// The file with its folder, or the URL as it is shown.
    pub name: String,
    /// What stands in it.
    pub groups: Vec<Group>,
}

/// Counts what goes wrong with sources.
pub trait Failures: Send + Sync {
    /// A source could not be read.
    fn failed(&self, source: &str);
}

/// What a source said last.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    /// Whether it has been tried at all.
    pub is_tried: bool,
    /// What it listed when it could be read last.
    pub answer: Option<Answer>,
}

/// All sources in use. Dropping it ends what they do.
pub struct Discovery {
    failures: Arc<dyn Failures>,
    changed: Arc<Notify>,
    runtime: Option<Runtime>,
    running: Vec<Running>,
}

struct Running {
    source: TargetSource,
    latest: watch::Receiver<Latest>,
    /// None if the system refused it.
    task: Option<AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = self.running.iter().map(|running| running.source.name());
        f.debug_list().entries(sources).finish()
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A file system that hangs holds up nobody.
            runtime.shutdown_background();
        }
    }
}

/// Where a source tells what it lists.
#[derive(Debug)]
pub struct Voice {
    latest: watch::Sender<Latest>,
    changed: Arc<Notify>,
}

impl Voice {
    /// Tells that the source was tried, and what it lists if that is something else than before.
    pub fn tell(&self, answer: Option<Answer>) {
        let is_first = !self.latest.borrow().is_tried;
        if is_first || answer.is_some() {
            self.latest.send_modify(|latest| {
                latest.is_tried = true;
                latest.answer = answer.or_else(|| latest.answer.take());
            });
            self.changed.notify_one();
        }
    }
}

impl Discovery {
    /// No sources yet. What goes wrong with those to come is told to `failures`.
    pub fn new(failures: Arc<dyn Failures>) -> Self {
        Self {
            failures,
            changed: Arc::default(),
            runtime: None,
            running: Vec::new(),
        }
    }

    /// Searches these sources from now on and no others. Those that stay keep what they listed.
    pub fn search(&mut self, sources: &[TargetSource]) {
        let mut before = std::mem::take(&mut self.running);
        for source in sources {
            let known = before
                .iter()
                .position(|running| running.source == *source)
                .or_else(|| {
                    let mut running = before.iter();
                    running.position(|running| running.source.is_same_place(source))
                });
            let known = known.map(|place| before.swap_remove(place));
            let running = match known {
                Some(running) if running.source == *source => running,
                Some(other) => {
                    let latest = other.latest.borrow().clone();
                    self.start(source, latest)
                }
                None => self.start(source, Latest::default()),
            };
            self.running.push(running);
        }
    }

    fn start(&mut self, source: &TargetSource, latest: Latest) -> Running {
        let before = latest.answer.clone();
        let (send, receive) = watch::channel(latest);
        let voice = Voice {
            latest: send,
            changed: self.changed.clone(),
        };
        let failures = self.failures.clone();
        let task = match self.runtime() {
            Ok(runtime) => Some(match source {
                TargetSource::Files(source) => {
                    let look_out = files::LookOut::new(source.clone(), before);
                    runtime.spawn(files::run(look_out, voice, failures))
                }
                TargetSource::Http(source) => {
                    let asking = http::Asking::new(HttpSource::clone(source), before);
                    runtime.spawn(http::run(asking, voice, failures))
                }
            }),
            Err(error) => {
                let source = source.name();
                tracing::error!(source, %error, "targets cannot be searched, the system refuses a thread");
                failures.failed(&source);
                None
            }
        };
        Running {
            source: source.clone(),
            latest: receive,
            task: task.map(|task| task.abort_handle()),
        }
    }

    /// What sources run on, made when there is the first one.
    fn runtime(&mut self) -> io::Result<&Runtime> {
        Ok(match &mut self.runtime {
            Some(runtime) => runtime,
            empty => empty.insert(
                // One worker: what takes long is done beside it.
                runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .thread_name("discovering")
                    .enable_all()
                    .build()?,
            ),
        })
    }

    /// What each source listed last, in the order of the configuration.
    pub fn answers(&self) -> Vec<Answer> {
        let running = self.running.iter();
        let answers = running.map(|running| running.latest.borrow().answer.clone());
        answers.map(Option::unwrap_or_default).collect()
    }

    /// Waits until some source lists something else.
    pub fn changed(&self) -> impl Future<Output = ()> + use<> {
        let changed = self.changed.clone();
        async move { changed.notified().await }
    }

    /// Waits until every source has been tried once, but no longer than `patience`. Tells whether all
    /// were.
    pub async fn tried(&self, patience: Duration) -> bool {
        let tried = async {
            for running in &self.running {
                let mut latest = running.latest.clone();
                // A source whose task has ended will not be tried any more.
                latest.wait_for(|latest| latest.is_tried).await.ok();
            }
        };
        timeout(patience, tried).await.is_ok()
    }
}
