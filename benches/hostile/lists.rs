//! The lists of behaviours that a process of peers can be asked for.

use crate::catalogue;
use crate::catalogue::Behaviour;
use crate::floods;
use crate::healthy;

/// A list of behaviours, the same in every process of this binary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum List {
    /// All of the catalogue of the tests.
    Catalogue,
    /// Peers that send without an end.
    Floods,
    /// Peers with which nothing is wrong.
    Healthy,
}

impl List {
    const ALL: [Self; 3] = [Self::Catalogue, Self::Floods, Self::Healthy];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Floods => "floods",
            Self::Healthy => "healthy",
        }
    }

    /// The list of this name.
    pub fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|list| list.name() == name);
        found.unwrap_or_else(|| panic!("there is no list {name}"))
    }

    /// What is on it.
    pub fn behaviours(self) -> Vec<Behaviour> {
        match self {
            Self::Catalogue => catalogue::all(),
            Self::Floods => floods::all(),
            Self::Healthy => healthy::all(),
        }
    }
}
