//! The check sum of Prometheus' files, CRC-32 with Castagnoli's polynomial.

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let mut start: u32 = 0;
    while index < table.len() {
        let mut value = start;
        let mut bit = 0;
        while bit < 8 {
            let is_odd = value & 1 == 1;
            value >>= 1;
            if is_odd {
                value ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[index] = value;
        index += 1;
        start += 1;
    }
    table
}

/// The check sum.
pub struct Crc32c;

impl Crc32c {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> u32 {
        let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
            let [low, ..] = sum.to_le_bytes();
            TABLE[usize::from(low ^ byte)] ^ (sum >> 8)
        });
        !sum
    }
}
