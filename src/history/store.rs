//! The histories of all targets: a list that is swapped whole when the configuration changes.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::history::History;
use crate::target::Target;

/// The histories of all targets, sorted by name. The lock is for readers and reloads; a probe
/// holds its own history and never comes here.
#[derive(Debug)]
pub struct Histories {
    limit: usize,
    current: Mutex<Arc<[Arc<History>]>>,
}

impl Histories {
    /// No targets yet, and at most `limit` probes of each to come.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            current: Mutex::default(),
        }
    }

    /// The histories of all targets, sorted by name.
    pub fn current(&self) -> Arc<[Arc<History>]> {
        Arc::clone(&self.lock())
    }

    /// The history of the target with this name.
    pub fn of(&self, name: &str) -> Option<Arc<History>> {
        find(&self.current(), name).map(Arc::clone)
    }

    /// Takes over a new list of targets. Those that are still there, by their names, keep their
    /// probes.
    pub fn reconcile(&self, targets: &[Arc<Target>]) {
        let mut sorted: Vec<_> = targets.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        sorted.dedup_by(|later, first| later.name == first.name);
        // Held throughout, so that of two reloads none builds on what the other replaces.
        let mut current = self.lock();
        let next = sorted
            .into_iter()
            .map(|target| {
                Arc::new(match find(&current, &target.name) {
                    Some(history) if Arc::ptr_eq(&history.target, target) => {
                        return Arc::clone(history);
                    }
                    Some(history) => history.renewed(target),
                    None => History::new(target, self.limit),
                })
            })
            .collect();
        *current = next;
    }

    fn lock(&self) -> MutexGuard<'_, Arc<[Arc<History>]>> {
        // The list is replaced whole or not at all, so a panic cannot have left half of it.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(histories: &'a [Arc<History>], name: &str) -> Option<&'a Arc<History>> {
    let at = histories
        .binary_search_by(|history| history.target.name.as_str().cmp(name))
        .ok()?;
    histories.get(at)
}
