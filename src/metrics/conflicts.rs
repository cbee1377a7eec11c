//! How often each reason of conflicts that is a module's own was met.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::target::module::Module;

/// The counts of one reason, of unexpected and of expected conflicts.
type Pair = [AtomicU64; 2];

/// The counts of the reasons of a module, in its order. A reload that changes the list makes a new
/// one; a reason that is still there, by its name, shares its cells, so that a probe that holds the
/// old list still counts.
#[derive(Debug)]
pub(crate) struct ListedConflicts(Box<[Arc<Pair>]>);

impl ListedConflicts {
    pub(crate) fn new(module: &Module) -> Self {
        Self(names(module).map(|_| Arc::default()).collect())
    }

    /// The counts for `next`, where these were for `module`.
    pub(crate) fn renewed(&self, module: &Module, next: &Module) -> Self {
        let kept = |name: &str| {
            let before = names(module).zip(&self.0);
            before
                .filter(|(known, _)| *known == name)
                .map(|(_, pair)| Arc::clone(pair))
                .next()
        };
        Self(
            names(next)
                .map(|name| kept(name).unwrap_or_default())
                .collect(),
        )
    }

    /// The cell of the reason at a place of the module's list.
    pub(crate) fn cell(&self, place: u8, expected: bool) -> Option<&AtomicU64> {
        let pair = self.0.get(usize::from(place))?;
        Some(&pair[usize::from(expected)])
    }
}

fn names(module: &Module) -> impl Iterator<Item = &str> {
    module
        .conflict_reason
        .iter()
        .flat_map(|rule| rule.reasons.names())
}
