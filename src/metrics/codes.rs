//! How often each status code came back: a few slots that codes take as they are seen.

use std::sync::atomic::AtomicU16;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::target::module::Module;

/// How many codes a target may have; what comes after counts as `other`.
pub(crate) const MAX_CODES: usize = 40;

/// The counts of one target. A slot belongs to the code that took it for ever, so that nobody can
/// add to a slot that has changed hands.
#[derive(Debug)]
pub(crate) struct Codes {
    /// The code of each slot, 0 for none yet. Slots are taken from the front.
    codes: [AtomicU16; MAX_CODES],
    counts: [AtomicU64; MAX_CODES],
    other: AtomicU64,
}

impl Codes {
    pub(crate) fn new() -> Self {
        Self {
            codes: [const { AtomicU16::new(0) }; MAX_CODES],
            counts: [const { AtomicU64::new(0) }; MAX_CODES],
            other: AtomicU64::new(0),
        }
    }

    /// Takes slots for codes that are known in advance, as far as there are any left.
    pub(crate) fn reserve(&self, codes: &[u16]) {
        for &code in codes {
            // A code without a slot counts as `other`, by the same bound as any.
            self.slot(code);
        }
    }

    /// Counts one response.
    pub(crate) fn count(&self, code: u16) {
        let cell = self.slot(code).unwrap_or(&self.other);
        cell.fetch_add(1, Relaxed);
    }

    /// The counts that are not 0 and those of `known`, by code.
    pub(crate) fn read(&self, known: &[u16]) -> impl Iterator<Item = (u16, u64)> {
        let mut read = [(0, 0); MAX_CODES];
        let mut n_read = 0;
        for (code, count) in self.codes.iter().zip(&self.counts) {
            let (code, count) = (code.load(Relaxed), count.load(Relaxed));
            if code == 0 {
                break;
            }
            if count > 0 || known.contains(&code) {
                read[n_read] = (code, count);
                n_read += 1;
            }
        }
        read[..n_read].sort_unstable();
        read.into_iter().take(n_read)
    }

    /// How many responses had none of the codes.
    pub(crate) fn other(&self) -> u64 {
        self.other.load(Relaxed)
    }

    fn slot(&self, code: u16) -> Option<&AtomicU64> {
        if !(100..600).contains(&code) {
            return None;
        }
        let at = self.codes.iter().position(|slot| {
            let held = match slot.load(Relaxed) {
                // Whoever comes second sees the winner's code and moves on, unless it is the same.
                0 => match slot.compare_exchange(0, code, Relaxed, Relaxed) {
                    Ok(_) => code,
                    Err(winner) => winner,
                },
                held => held,
            };
            held == code
        })?;
        Some(&self.counts[at])
    }
}

/// The codes that a module lets one expect, the most important first: 200, conflicts, valid ones.
pub(crate) fn known_codes(module: &Module) -> Box<[u16]> {
    let mut known = vec![200];
    for &code in module
        .conflict_codes
        .iter()
        .chain(&module.valid_status_codes)
    {
        if known.len() < MAX_CODES && (100..600).contains(&code) && !known.contains(&code) {
            known.push(code);
        }
    }
    known.into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    fn read(codes: &Codes, known: &[u16]) -> Vec<(u16, u64)> {
        codes.read(known).collect()
    }

    #[test]
    fn known_codes_stand_at_0_and_others_come_when_seen() {
        let codes = Codes::new();
        codes.reserve(&[200, 409]);
        assert_eq!(read(&codes, &[200, 409]), [(200, 0), (409, 0)]);
        for code in [409, 404, 404, 99, 600, 999] {
            codes.count(code);
        }
        assert_eq!(read(&codes, &[200, 409]), [(200, 0), (404, 2), (409, 1)]);
        assert_eq!(read(&codes, &[]), [(404, 2), (409, 1)]);
        assert_eq!(codes.other(), 3);
    }

    #[test]
    fn the_41st_code_is_other() {
        let codes = Codes::new();
        codes.reserve(&[599]);
        for code in 100..150 {
            codes.count(code);
        }
        assert_eq!(read(&codes, &[599]).len(), MAX_CODES);
        assert_eq!(codes.other(), 50 - 39);
        codes.count(138);
        codes.count(139);
        assert!(read(&codes, &[]).contains(&(138, 2)));
        assert_eq!(codes.other(), 12);
    }

    /// Counts one code in each of two threads, at the same moment, in many targets.
    fn race(two: [u16; 2]) -> Vec<Codes> {
        let all: Vec<_> = (0..20_000).map(|_| Codes::new()).collect();
        let n_arrived = AtomicUsize::new(0);
        thread::scope(|scope| {
            for code in two {
                let (all, n_arrived) = (&all, &n_arrived);
                scope.spawn(move || {
                    for (index, codes) in all.iter().enumerate() {
                        // A barrier that sleeps would wake one well before the other.
                        n_arrived.fetch_add(1, Relaxed);
                        let mut n_turns = 0;
                        while n_arrived.load(Relaxed) < 2 * (index + 1) {
                            n_turns += 1;
                            if n_turns % 1_000 == 0 {
                                thread::yield_now();
                            }
                        }
                        codes.count(code);
                    }
                });
            }
        });
        all
    }

    #[test]
    fn codes_that_race_for_a_slot_get_one_each() {
        for codes in race([300, 301]) {
            assert_eq!(read(&codes, &[]), [(300, 1), (301, 1)]);
        }
        for codes in race([300, 300]) {
            assert_eq!(read(&codes, &[]), [(300, 2)]);
        }
    }

    #[test]
    fn codes_are_known_by_the_module() {
        let listed = |valid: &[u16], conflict: &[u16]| {
            known_codes(&Module {
                valid_status_codes: valid.to_vec(),
                conflict_codes: conflict.to_vec(),
                ..Module::http_2xx()
            })
        };
        for (valid, conflict, known) in [
            (&[][..], &[409][..], &[200, 409][..]),
            (&[204, 200, 409], &[412, 409], &[200, 412, 409, 204]),
            (&[999, 0], &[], &[200]),
        ] {
            assert_eq!(&*listed(valid, conflict), known);
        }
        let many: Vec<u16> = (300..400).collect();
        assert_eq!(listed(&many, &[409]).len(), MAX_CODES);
    }
}
