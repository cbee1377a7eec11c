//! The cases, by theme.

mod addresses;
mod bodies;
mod certificates;
mod checks;
mod credentials;
mod failures;
mod nginx;
mod parameters;
mod proxies;
mod redirects;
mod requests;
mod times;

use std::collections::BTreeSet;

use crate::blackbox::case::Case;

/// All cases, each under a name of its own.
pub fn all() -> Vec<Case> {
    let cases: Vec<Case> = [
        addresses::cases(),
        bodies::cases(),
        certificates::cases(),
        checks::cases(),
        credentials::cases(),
        failures::cases(),
        nginx::cases(),
        parameters::cases(),
        proxies::cases(),
        redirects::cases(),
        requests::cases(),
        times::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name stands for two cases");
    cases
}
