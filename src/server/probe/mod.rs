//! `/probe` and `/logs`: one probe of any target on request, as blackbox_exporter's HTTP prober
//! answers it. The probing itself is another's: whoever serves hands in [`Modules`].

mod debug;
mod handler;
mod logs;
mod page;
pub mod query;
pub mod results;
#[cfg(test)]
mod tests;
mod time_limit;
mod value;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::routing::get;

use crate::outcome::Attempt;
use crate::outcome::detail::Detail;
use crate::server::probe::results::RecentProbes;
use crate::server::probe::results::Results;
use crate::target::Target;
use crate::target::module::Module;

// What fuzzers read and write with.
#[cfg(any(test, fuzzing))]
pub use crate::server::probe::query::first as first_parameter;

/// How many probes may be under way at once: each holds two sockets, and a target of anybody's
/// choice can take as long as the timeout.
const MAX_IN_FLIGHT: usize = 1_000;

/// The modules that can be asked for, those of the configuration in use.
pub trait Modules: fmt::Debug + Send + Sync {
    /// The module of this name.
    fn find(&self, name: &str) -> Option<Arc<dyn ProbeModule>>;
}

/// A module, ready to probe with.
pub trait ProbeModule: Send + Sync {
    /// How it probes.
    fn module(&self) -> &Arc<Module>;

    /// The timeout that is written with it.
    fn timeout(&self) -> Option<Duration>;

    /// Probes `target`, whose own module wins, once. Dropping the future ends the probe.
    fn probe(&self, target: Target) -> Probing;
}

/// A probe under way.
pub type Probing = Pin<Box<dyn Future<Output = Probed> + Send>>;

/// What came of a probe; an error says what the exporter lacks to make it.
pub type Probed = Result<(Attempt, Box<Detail>), String>;

/// What serves the pages.
#[derive(Debug)]
pub struct Endpoint {
    modules: Arc<dyn Modules>,
    timeout_offset: f64,
    max_in_flight: usize,
    in_flight: AtomicUsize,
    results: Mutex<Results>,
}

impl Endpoint {
    /// An endpoint that gives probes so many seconds less than the scrape has, and keeps so many
    /// results.
    pub fn new(modules: Arc<dyn Modules>, timeout_offset: f64, history_limit: usize) -> Self {
        Self {
            modules,
            timeout_offset,
            max_in_flight: MAX_IN_FLIGHT,
            in_flight: AtomicUsize::new(0),
            results: Mutex::new(Results::new(history_limit)),
        }
    }

    /// The routes of the pages.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/probe", get(handler::probe))
            .route("/logs", get(logs::logs))
            .with_state(self)
    }

    /// The newest of the results that are kept, at most so many.
    pub fn recent(&self, at_most: usize) -> RecentProbes {
        self.results().in_short(at_most)
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place among the probes in flight, if there is one left.
    fn admit(&self) -> Option<Admitted<'_>> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted(&self.in_flight);
        (before < self.max_in_flight).then_some(admitted)
    }
}

/// A place among the probes in flight, given back at the end.
struct Admitted<'e>(&'e AtomicUsize);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
