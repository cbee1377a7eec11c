//! Places for probes in flight: no more than there are file descriptors for, so that what runs out is
//! the probes' own doing and neither the server nor a probe that is under way goes without.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// How many descriptors a probe holds at most: a look-up asks for both families at once, and the
/// connection comes after it.
const PER_PROBE: u64 = 2;

/// What the exporter itself opens after it has started: the files of a configuration, of modules and
/// of the system, the pages of /proc for its own metrics, the runtime of the server.
const OWN: u64 = 12;

/// The least and the most descriptors that are left for connections to the server; in between it is a
/// quarter of all.
const FOR_SERVER: (u64, u64) = (4, 2_048);

/// The places. Taking one is an atomic operation and never waits.
#[derive(Debug)]
pub struct Places {
    taken: AtomicUsize,
    n_places: usize,
}

/// Places that are taken until this is dropped.
#[derive(Debug)]
pub struct Taken<'p> {
    places: &'p Places,
    n_taken: usize,
}

impl Places {
    /// The places within a limit of open files of which so many are open.
    pub fn among(limit: u64, n_open: u64) -> Self {
        let (least, most) = FOR_SERVER;
        let reserved = n_open + OWN + (limit / 4).clamp(least, most);
        let n_places = limit.saturating_sub(reserved) / PER_PROBE;
        Self {
            taken: AtomicUsize::new(0),
            // One at least: if even that fails, it is told so by the system.
            n_places: usize::try_from(n_places.max(1)).unwrap_or(usize::MAX),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.n_places
    }

    /// Takes a place if one is free.
    pub fn take(&self) -> Option<Taken<'_>> {
        let mut taken = Taken {
            places: self,
            n_taken: 0,
        };
        (taken.add_up_to(1) == 1).then_some(taken)
    }
}

impl Taken<'_> {
    /// Takes more places, as many as are free of those wanted. Returns how many that are.
    pub fn add_up_to(&mut self, n_wanted: usize) -> usize {
        let n_places = self.places.n_places;
        let after = |taken: usize| taken.saturating_add(n_wanted).min(n_places);
        let before =
            self.places
                .taken
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                    Some(after(taken)).filter(|after| *after != taken)
                });
        let n_added = before.map_or(0, |before| after(before) - before);
        self.n_taken += n_added;
        n_added
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(self.n_taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_descriptors_suffice_for() {
        for (limit, n_open, n_places) in [
            (0, 20, 1),
            (32, 20, 1),
            (64, 20, 8),
            (1_024, 20, 368),
            (1_048_576, 20, 523_248),
            (u64::MAX, 20, usize::MAX / 2),
        ] {
            let found = Places::among(limit, n_open).count();
            let tolerated = n_places / 1_000;
            assert!(found.abs_diff(n_places) <= tolerated, "{limit}: {found}");
        }
    }

    #[test]
    fn a_place_is_given_back() {
        let places = Places::among(64, 20);
        let n_places = places.count();
        let mut first = places.take().expect("free");
        assert_eq!(first.add_up_to(n_places), n_places - 1);
        assert_eq!(first.add_up_to(1), 0);
        assert!(places.take().is_none());
        drop(first);
        let all: Vec<_> = (0..n_places).map_while(|_| places.take()).collect();
        assert_eq!(all.len(), n_places);
        assert!(places.take().is_none());
    }
}
