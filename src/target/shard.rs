//! Which of several exporters has a target: one of them, whichever machines they run on.
//!
//! Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
//! 1998): every shard has a score for the name, and the highest has the target. With one shard more,
//! a target stays or goes to the new one, whose part is then as large as those of the others; with one
//! less, only the targets of the last one move.
//!
//! The scores of a name are the outputs of SplitMix64, in the order of the shards, with the first eight
//! bytes of the name's SHA-256 as the seed, the first byte the most significant. Both are fixed for
//! good: any other choice would move nearly every target. No two shards have the same score, since the
//! outputs of a period of SplitMix64 all differ.

use std::fmt;
use std::num::NonZeroU16;

use ring::digest::SHA256;
use ring::digest::digest;

/// What SplitMix64 adds to its state for each output: 2⁶⁴ by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The part of the targets that one exporter probes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shard {
    ordinal: u16,
    total: NonZeroU16,
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} of {}", self.ordinal, self.total)
    }
}

impl Shard {
    /// The only shard, which has all targets.
    pub const WHOLE: Self = Self {
        ordinal: 0,
        total: NonZeroU16::MIN,
    };

    /// The shard `ordinal`, from 0 on, of `total`; `None` if there is no such one.
    pub fn new(ordinal: u16, total: u16) -> Option<Self> {
        let total = NonZeroU16::new(total)?;
        (ordinal < total.get()).then_some(Self { ordinal, total })
    }

    /// Its number, from 0 on.
    pub fn ordinal(self) -> u16 {
        self.ordinal
    }

    /// How many shards there are, at least one.
    pub fn total(self) -> u16 {
        self.total.get()
    }

    /// Whether it has all targets.
    pub fn is_whole(self) -> bool {
        self.total == NonZeroU16::MIN
    }

    /// Whether it has the target of this name.
    pub fn owns(self, name: &str) -> bool {
        if self.is_whole() {
            return true;
        }
        let seed = seed(name);
        let own = score(seed, self.ordinal);
        (0..self.total()).all(|shard| score(seed, shard) <= own)
    }

    /// The ordinal of the shard that has the target of this name, whichever this one is.
    pub fn owner_of(self, name: &str) -> u16 {
        let seed = seed(name);
        let owner = (0..self.total()).max_by_key(|shard| score(seed, *shard));
        owner.unwrap_or_default()
    }
}

/// The beginning of the SHA-256 of a name (FIPS 180-4).
fn seed(name: &str) -> u64 {
    let digest = digest(&SHA256, name.as_bytes());
    let first = digest.as_ref().first_chunk();
    u64::from_be_bytes(*first.expect("a SHA-256 has 32 bytes"))
}

/// The output of SplitMix64 at this place, from 0 on (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014; the constants are those of Vigna's splitmix64.c).
fn score(seed: u64, place: u16) -> u64 {
    let state = seed.wrapping_add(STEP.wrapping_mul(u64::from(place) + 1));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD_NAMES: [&str; 9] = [
        "",
        ".",
        "..",
        "a\0b",
        "ü \"<\n\t",
        "日本語/🦀",
        "{{ x }}",
        "http://[::1]:8080/a?b=c#d",
        "https://example.com/?key=XXXXX&page=%2F",
    ];

    fn shards(total: u16) -> impl Iterator<Item = Shard> {
        (0..total).map(move |ordinal| Shard::new(ordinal, total).unwrap())
    }

    fn names() -> impl Iterator<Item = String> {
        let names = (0..100_000).map(|n| format!("https://example.com/orders/{n}"));
        names.chain(ODD_NAMES.map(str::to_owned))
    }

    #[test]
    fn only_shards_that_can_be_there_are() {
        for (ordinal, total, is_one) in [
            (0, 1, true),
            (4, 5, true),
            (u16::MAX - 1, u16::MAX, true),
            (0, 0, false),
            (1, 1, false),
            (5, 5, false),
        ] {
            let shard = Shard::new(ordinal, total);
            assert_eq!(shard.is_some(), is_one, "{ordinal} of {total}");
        }
    }

    /// Published vectors of both: of FIPS 180-4's example for SHA-256, and of SplitMix64 from 1234567.
    #[test]
    fn the_hashes_are_the_well_known_ones() {
        assert_eq!(seed("abc"), 0xba78_16bf_8f01_cfea);
        let outputs = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        for (place, output) in (0..).zip(outputs) {
            assert_eq!(score(1_234_567, place), output);
        }
    }

    /// What `docs/scaling.md` lists for other implementations, made by one of them.
    #[test]
    fn targets_are_where_they_have_always_been() {
        for (name, owners) in [
            ("orders", [0, 0, 0, 7, 932]),
            ("abc", [0, 2, 2, 12, 874]),
            ("http://127.0.0.1:8080/a?b=c", [1, 1, 1, 1, 886]),
            ("", [1, 1, 1, 1, 1]),
            ("..", [0, 0, 0, 13, 107]),
            ("a\0b", [0, 2, 4, 15, 136]),
            ("ü \"<\n\t", [1, 1, 1, 11, 513]),
            ("日本語/🦀", [0, 0, 0, 7, 27]),
        ] {
            for (total, owner) in [2, 3, 5, 16, 1000].into_iter().zip(owners) {
                let owning: Vec<u16> = shards(total)
                    .filter(|shard| shard.owns(name))
                    .map(Shard::ordinal)
                    .collect();
                assert_eq!(owning, [owner], "{name:?} of {total}");
                assert_eq!(Shard::new(0, total).unwrap().owner_of(name), owner);
            }
        }
    }

    #[test]
    fn parts_are_of_one_size_and_grow_by_what_the_others_lose() {
        for total in [1, 2, 3, 4, 5, 9, 40] {
            let [now, more] = [total, total + 1].map(|total| Shard::new(0, total).unwrap());
            let mut parts = vec![0_u32; usize::from(total)];
            let (mut n_names, mut n_moved) = (0_u32, 0_u32);
            for name in names() {
                let (before, after) = (now.owner_of(&name), more.owner_of(&name));
                parts[usize::from(before)] += 1;
                n_names += 1;
                n_moved += u32::from(before != after);
                assert!(before == after || after == total, "{name} of {total}");
            }
            // Four standard deviations of what chance makes of that many names.
            let is_near = |count: u32, share: f64| {
                let expected = f64::from(n_names) * share;
                let spread = (expected * (1.0 - share)).sqrt();
                (f64::from(count) - expected).abs() <= 4.0 * spread
            };
            let share = 1.0 / f64::from(total);
            assert!(parts.iter().all(|part| is_near(*part, share)), "{parts:?}");
            assert!(is_near(n_moved, 1.0 / f64::from(total + 1)), "{n_moved}");
        }
    }
}
