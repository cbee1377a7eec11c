//! The series of all targets: a list that is swapped whole when the configuration changes.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::metrics::bounds::Bounds;
use crate::metrics::series::Series;
use crate::target::Target;

/// The series of all targets, sorted by name. The lock is for scrapes and reloads; a probe holds
/// its own series and never comes here.
#[derive(Debug, Default)]
pub struct Store {
    current: Mutex<Arc<[Arc<Series>]>>,
}

impl Store {
    /// A store without targets.
    pub fn new() -> Self {
        Self::default()
    }

    /// The series of all targets, sorted by name.
    pub fn current(&self) -> Arc<[Arc<Series>]> {
        Arc::clone(&self.lock())
    }

    /// The series of all targets and behind each those of its single addresses.
    pub(crate) fn shown(&self) -> Arc<[Arc<Series>]> {
        let current = self.current();
        if !current.iter().any(|series| series.has_addresses()) {
            return current;
        }
        let with_addresses = |series: &Arc<Series>| {
            let of_addresses = series.of_addresses();
            std::iter::once(series.clone()).chain(of_addresses)
        };
        current.iter().flat_map(with_addresses).collect()
    }

    /// The series of the target with this name.
    pub fn series(&self, name: &str) -> Option<Arc<Series>> {
        find(&self.current(), name).map(Arc::clone)
    }

    /// Takes over a new list of targets. Those that are still there, by their names, keep what was
    /// counted; their histograms start anew if the bounds are others. Returns the new list.
    pub fn reconcile(&self, targets: &[Arc<Target>], bounds: &Arc<Bounds>) -> Arc<[Arc<Series>]> {
        let mut sorted: Vec<_> = targets.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        // Two targets of one name would be one series twice, and Prometheus refuse the whole page.
        sorted.dedup_by(|later, first| later.name == first.name);
        // Held throughout, so that of two reloads none builds on what the other replaces.
        let mut current = self.lock();
        let next = sorted
            .into_iter()
            .map(|target| {
                Arc::new(match find(&current, &target.name) {
                    // Of a target that is the very same there is nothing to renew.
                    Some(series) if series.is_of(target, bounds) => return Arc::clone(series),
                    Some(series) => series.renewed(target, bounds),
                    None => Series::new(target, bounds),
                })
            })
            .collect();
        *current = next;
        Arc::clone(&current)
    }

    fn lock(&self) -> MutexGuard<'_, Arc<[Arc<Series>]>> {
        // The list is replaced whole or not at all, so a panic cannot have left half of it.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(series: &'a [Arc<Series>], name: &str) -> Option<&'a Arc<Series>> {
    let at = series
        .binary_search_by(|series| series.name().cmp(name))
        .ok()?;
    series.get(at)
}
