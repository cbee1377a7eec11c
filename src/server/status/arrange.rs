//! Which targets are shown, and in which order.

use std::cmp::Ordering;
use std::cmp::Reverse;

use crate::history::glance::Glance;
use crate::server::status::overview::Overview;
use crate::server::status::query::Query;
use crate::server::status::query::Sort;
use crate::server::status::row::State;

/// The places, in the overview, of all targets that a query asks for, in its order.
pub fn arranged(overview: &Overview, query: &Query) -> Vec<usize> {
    let search = query.search.to_lowercase();
    let words: Vec<&str> = search.split_whitespace().collect();
    let mut places: Vec<usize> = overview
        .targets()
        .filter(|(_, text, glance)| {
            query.states.take(State::of(glance)) && words.iter().all(|word| text.contains(word))
        })
        .map(|(place, ..)| place)
        .collect();
    // Targets come sorted by name, and sorting keeps that where nothing else tells them apart.
    let glance = |place: usize| overview.glance(place);
    match query.sort {
        None | Some(Sort::State) => {
            places.sort_by_cached_key(|place| glance(*place).map(State::of));
            if query.is_descending {
                places.sort_by_cached_key(|place| Reverse(glance(*place).map(State::of)));
            }
        }
        Some(Sort::Name) => {
            if query.is_descending {
                places.reverse();
            }
        }
        Some(sort) => places.sort_by(|one, other| match (glance(*one), glance(*other)) {
            (Some(one), Some(other)) => compare(sort, one, other, query.is_descending),
            _ => Ordering::Equal,
        }),
    }
    places
}

/// Compares what has the value; what has none comes last in either direction.
fn compare(sort: Sort, one: &Glance, other: &Glance, is_descending: bool) -> Ordering {
    fn of<T: Ord>(one: Option<T>, other: Option<T>, is_descending: bool) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) if is_descending => other.cmp(&one),
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => one.is_none().cmp(&other.is_none()),
        }
    }
    match sort {
        Sort::State | Sort::Name => Ordering::Equal,
        Sort::Code => {
            let code = |glance: &Glance| glance.last.and_then(|last| last.code);
            of(code(one), code(other), is_descending)
        }
        Sort::Duration => {
            let duration = |glance: &Glance| glance.last.map(|last| last.duration);
            of(duration(one), duration(other), is_descending)
        }
        Sort::Conflicts => {
            let parts = |glance: &Glance| {
                // In parts of a million, which are whole numbers; equal rates by the count.
                let rate = (glance.conflicts * 1_000_000).checked_div(glance.responses);
                rate.map(|rate| (rate, glance.conflicts))
            };
            of(parts(one), parts(other), is_descending)
        }
        Sort::Failure => {
            let at = |glance: &Glance| glance.failure.as_ref().map(|failure| failure.at);
            of(at(one), at(other), is_descending)
        }
        Sort::Next => of(one.next_probe, other.next_probe, is_descending),
    }
}
