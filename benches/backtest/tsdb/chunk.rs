//! A chunk: samples as differences of differences of times, and as bits that changed of values.

/// Samples in a chunk, as many as Prometheus itself puts into one.
const MAX_SAMPLES: u16 = 120;

/// A chunk that is being written.
pub struct Chunk {
    n_samples: u16,
    bytes: Vec<u8>,
    /// Bits that are free in the last byte.
    n_free: u32,
    start: i64,
    time: i64,
    delta: i64,
    value: u64,
    /// Zeros before and behind the bits that changed last, if any did.
    zeros: Option<(u32, u32)>,
}

impl Chunk {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            n_samples: 0,
            bytes: vec![0, 0],
            n_free: 0,
            start: 0,
            time: 0,
            delta: 0,
            value: 0,
            zeros: None,
        }
    }

    /// Whether it has no sample.
    pub const fn is_empty(&self) -> bool {
        self.n_samples == 0
    }

    /// Whether it takes no more samples.
    pub const fn is_full(&self) -> bool {
        self.n_samples == MAX_SAMPLES
    }

    /// The times of the first and the last sample.
    pub const fn span(&self) -> (i64, i64) {
        (self.start, self.time)
    }

    /// As it is on disk.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a sample.
    pub fn append(&mut self, time: i64, value: f64) {
        let value = value.to_bits();
        match self.n_samples {
            0 => {
                self.start = time;
                self.varint(((time << 1) ^ (time >> 63)).cast_unsigned());
                self.bits(value, 64);
            }
            1 => {
                self.delta = time - self.time;
                self.varint(self.delta.cast_unsigned());
                self.changed(value);
            }
            _ => {
                let delta = time - self.time;
                self.stretched(delta - self.delta);
                self.delta = delta;
                self.changed(value);
            }
        }
        self.time = time;
        self.value = value;
        self.n_samples += 1;
        let [high, low] = self.n_samples.to_be_bytes();
        self.bytes[0] = high;
        self.bytes[1] = low;
    }

    /// Writes by how much a step in time differs from the one before.
    fn stretched(&mut self, change: i64) {
        let fits = |n: u32| -((1_i64 << (n - 1)) - 1) <= change && change <= 1_i64 << (n - 1);
        if change == 0 {
            self.bits(0, 1);
        } else if fits(14) {
            self.bits(0b10, 2);
            self.bits(change.cast_unsigned(), 14);
        } else if fits(17) {
            self.bits(0b110, 3);
            self.bits(change.cast_unsigned(), 17);
        } else if fits(20) {
            self.bits(0b1110, 4);
            self.bits(change.cast_unsigned(), 20);
        } else {
            self.bits(0b1111, 4);
            self.bits(change.cast_unsigned(), 64);
        }
    }

    /// Writes what changed of the value.
    fn changed(&mut self, value: u64) {
        let change = value ^ self.value;
        if change == 0 {
            self.bits(0, 1);
            return;
        }
        self.bits(1, 1);
        // Five bits tell how many zeros lead.
        let leading = change.leading_zeros().min(31);
        let trailing = change.trailing_zeros();
        match self.zeros {
            Some((before, behind)) if leading >= before && trailing >= behind => {
                self.bits(0, 1);
                self.bits(change >> behind, 64 - before - behind);
            }
            _ => {
                self.zeros = Some((leading, trailing));
                let n = 64 - leading - trailing;
                self.bits(1, 1);
                self.bits(u64::from(leading), 5);
                // 64 overflows to 0, which no change has.
                self.bits(u64::from(n), 6);
                self.bits(change >> trailing, n);
            }
        }
    }

    /// Writes a number of seven bits a byte, the last ones first.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bits(value & 0x7F | 0x80, 8);
            value >>= 7;
        }
        self.bits(value, 8);
    }

    /// Writes the last `n` bits of `value`.
    fn bits(&mut self, value: u64, mut n: u32) {
        while n > 0 {
            if self.n_free == 0 {
                self.bytes.push(0);
                self.n_free = 8;
            }
            let taken = n.min(self.n_free);
            n -= taken;
            self.n_free -= taken;
            let part = (value >> n) & ((1 << taken) - 1);
            let [part, ..] = (part << self.n_free).to_le_bytes();
            if let Some(last) = self.bytes.last_mut() {
                *last |= part;
            }
        }
    }
}
