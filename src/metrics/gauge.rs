//! A gauge that is absent until it has a value.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

const ABSENT: i64 = i64::MIN;

/// One number, or none.
#[derive(Debug)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    pub(crate) const fn absent() -> Self {
        Self(AtomicI64::new(ABSENT))
    }

    pub(crate) fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.set(ABSENT);
    }

    pub(crate) fn value(&self) -> Option<i64> {
        Some(self.0.load(Relaxed)).filter(|&value| value != ABSENT)
    }
}
