//! The index of a block: which series there are, by which labels they are found, and where their
//! chunks lie.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::tsdb::Series;
use crate::tsdb::Written;
use crate::tsdb::check_sum::Crc32c;

/// What the file begins with: a magic number and the version.
const HEAD: [u8; 5] = [0xBA, 0xAA, 0xD7, 0x00, 2];
/// Series begin at multiples of this, and are called by the multiple.
const ALIGNMENT: usize = 16;

/// The index of these series, which are sorted.
pub fn index(series: &[Series]) -> Vec<u8> {
    let mut file = HEAD.to_vec();
    let texts = series.iter().flat_map(|series| &series.labels);
    let symbols: BTreeSet<&str> = texts
        .flat_map(|(name, value)| [&**name, &**value])
        .collect();
    let symbols_at = file.len();
    let mut table = Vec::new();
    fixed(&mut table, symbols.len());
    for symbol in &symbols {
        text(&mut table, symbol);
    }
    section(&mut file, &table);
    let symbols: BTreeMap<&str, u64> = symbols.into_iter().zip(0..).collect();

    pad(&mut file, ALIGNMENT);
    let series_at = file.len();
    // All series come first, under no name at all.
    let mut postings: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for one in series {
        pad(&mut file, ALIGNMENT);
        let number = file.len() / ALIGNMENT;
        postings.entry(("", "")).or_default().push(number);
        for (name, value) in &one.labels {
            postings.entry((name, value)).or_default().push(number);
        }
        let entry = entry(one, &symbols);
        unsigned(&mut file, entry.len() as u64);
        file.extend(&entry);
        file.extend(Crc32c::of(&entry).to_be_bytes());
    }

    // The values of each label stand here in older versions; nobody reads them any more.
    pad(&mut file, 4);
    let labels_at = file.len();
    section(&mut file, &[0; 4]);

    pad(&mut file, 4);
    let postings_at = file.len();
    let mut table = Vec::new();
    fixed(&mut table, postings.len());
    for ((name, value), numbers) in postings {
        table.push(2);
        text(&mut table, name);
        text(&mut table, value);
        unsigned(&mut table, file.len() as u64);
        let mut list = Vec::new();
        fixed(&mut list, numbers.len());
        for number in numbers {
            fixed(&mut list, number);
        }
        section(&mut file, &list);
    }
    let table_at = file.len();
    section(&mut file, &table);

    let places = [
        symbols_at,
        series_at,
        labels_at,
        labels_at,
        postings_at,
        table_at,
    ];
    let contents: Vec<u8> = places
        .iter()
        .flat_map(|place| (*place as u64).to_be_bytes())
        .collect();
    file.extend(&contents);
    file.extend(Crc32c::of(&contents).to_be_bytes());
    file
}

/// A series: its labels and its chunks.
fn entry(series: &Series, symbols: &BTreeMap<&str, u64>) -> Vec<u8> {
    let mut entry = Vec::new();
    unsigned(&mut entry, series.labels.len() as u64);
    for (name, value) in &series.labels {
        unsigned(&mut entry, symbols[&**name]);
        unsigned(&mut entry, symbols[&**value]);
    }
    unsigned(&mut entry, series.written.len() as u64);
    let mut before: Option<&Written> = None;
    for chunk in &series.written {
        match before {
            None => {
                signed(&mut entry, chunk.start);
                unsigned(&mut entry, (chunk.end - chunk.start).cast_unsigned());
                unsigned(&mut entry, chunk.offset);
            }
            Some(before) => {
                unsigned(&mut entry, (chunk.start - before.end).cast_unsigned());
                unsigned(&mut entry, (chunk.end - chunk.start).cast_unsigned());
                signed(
                    &mut entry,
                    chunk.offset.wrapping_sub(before.offset).cast_signed(),
                );
            }
        }
        before = Some(chunk);
    }
    entry
}

/// Adds a part with its length before it and its check sum behind it.
fn section(file: &mut Vec<u8>, part: &[u8]) {
    fixed(file, part.len());
    file.extend(part);
    file.extend(Crc32c::of(part).to_be_bytes());
}

fn pad(file: &mut Vec<u8>, alignment: usize) {
    file.resize(file.len().next_multiple_of(alignment), 0);
}

/// Adds a number in four bytes.
fn fixed(bytes: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).expect("the index is far smaller than that");
    bytes.extend(number.to_be_bytes());
}

/// Adds a number of seven bits a byte, the last ones first.
pub fn unsigned(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7F);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// The same with the sign in the last bit.
fn signed(bytes: &mut Vec<u8>, number: i64) {
    unsigned(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    unsigned(bytes, text.len() as u64);
    bytes.extend(text.as_bytes());
}
