//! What is wrong with the block of fields of a head that h2 refuses, which it does not tell: its
//! fields are read once more, as far as that takes no table of strings.

use crate::probe::frames::status::integer;
use crate::probe::frames::table::Entry;
use crate::probe::frames::table::FIELD_BYTES;
use crate::probe::frames::table::STATIC;
use crate::probe::frames::table::STATIC_NAMES;
use crate::probe::frames::table::Table;
use crate::probe::frames::text::Name;
use crate::probe::frames::text::Text;
use crate::probe::frames::text::text;
use crate::probe::head::MAX_HEAD_BYTES;

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BlockFault {
    /// The status is not three digits.
    BadStatus,
    /// The status is missing, or there twice.
    NoStatus,
    /// The fields may be larger than the bound when they are unfolded.
    Size,
    /// The length of the body is contradictory or invalid.
    Length,
}

/// The fault of a head that is the end of `blocks`, from `from` on; before it are those of interim
/// heads. `is_whole` if nothing of it is missing, `ends_stream` if no body can follow.
pub fn fault(blocks: &[u8], from: usize, is_whole: bool, ends_stream: bool) -> Option<BlockFault> {
    let mut rest = blocks;
    let mut kept = Table::new();
    let (mut n_statuses, mut bad_status, mut size) = (0, false, 0);
    let (mut length, mut bad_length) = (None, false);
    loop {
        let is_of_head = blocks.len() - rest.len() >= from;
        let Some(field) = next(&mut rest, &mut kept, Field::without_name) else {
            break;
        };
        if !is_of_head {
            continue;
        }
        size += field.size();
        match field.name {
            Name::Status => {
                n_statuses += 1;
                bad_status |= field.value.is_some_and(|value| !value.is_status());
            }
            Name::Length => {
                let number = field.value.and_then(Text::number);
                bad_length |= number.is_none() || length.is_some_and(|before| before != number);
                length = Some(number);
            }
            Name::Pseudo | Name::Other => {}
        }
    }
    bad_length |= ends_stream && length.flatten().is_some_and(|length| length > 0);
    if bad_status {
        Some(BlockFault::BadStatus)
    } else if n_statuses > 1 || (is_whole && n_statuses == 0) {
        Some(BlockFault::NoStatus)
    } else if size > MAX_HEAD_BYTES {
        Some(BlockFault::Size)
    } else if bad_length {
        Some(BlockFault::Length)
    } else {
        None
    }
}

/// A field as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Which one it is.
    pub name: Name,
    /// `None` if it is that of the static table.
    name_text: Option<Text<'a>>,
    name_size: usize,
    /// `None` if it is that of the static table.
    value: Option<Text<'a>>,
}

impl Field<'_> {
    fn of_static(index: usize) -> Self {
        let name = match index {
            8..=14 => Name::Status,
            28 => Name::Length,
            1..=7 => Name::Pseudo,
            _ => Name::Other,
        };
        Self {
            name,
            name_text: None,
            name_size: index
                .checked_sub(1)
                .and_then(|index| STATIC_NAMES.get(index))
                .map_or(0, |name| usize::from(*name)),
            value: None,
        }
    }

    /// What fields that refer to it take over: a name is measured once, however often it is referred to.
    fn without_name(self) -> Self {
        Self {
            name_text: None,
            name_size: self.name_text.map_or(self.name_size, Text::exact_size),
            ..self
        }
    }

    /// The same without the text of the value.
    pub fn without_text(self) -> Field<'static> {
        let Self {
            name, name_size, ..
        } = self.without_name();
        Field {
            name,
            name_text: None,
            name_size,
            value: None,
        }
    }

    /// What it counts at most.
    fn size(&self) -> usize {
        /// The longest value of the static table.
        const STATIC_VALUE: usize = 13;
        self.name_size + self.value.map_or(STATIC_VALUE, Text::size) + FIELD_BYTES
    }
}

impl Entry for Field<'_> {
    fn exceeds(&self, limit: usize) -> bool {
        let exact = || {
            let name = self.name_text.map_or(self.name_size, Text::exact_size);
            name + self.value.map_or(0, Text::exact_size) + FIELD_BYTES
        };
        self.size() > limit && exact() > limit
    }
}

/// Takes the next field off a block (RFC 7541, 6). What it leaves in the table is made by `keep`.
pub fn next<'a, 'k: 'a>(
    block: &mut &'a [u8],
    kept: &mut Table<Field<'k>>,
    keep: fn(Field<'a>) -> Field<'k>,
) -> Option<Field<'a>> {
    while block.first()? & 0xe0 == 0x20 {
        kept.resize(integer(block, 5)?);
    }
    let first = *block.first()?;
    let at = |index: usize, kept: &Table<Field<'k>>| match index.checked_sub(STATIC + 1) {
        None => Field::of_static(index),
        Some(index) => kept.get(index).unwrap_or_else(|| Field::of_static(0)),
    };
    if first & 0x80 != 0 {
        let index = integer(block, 7)?;
        return Some(at(index, kept));
    }
    let is_kept = first & 0x40 != 0;
    let named = match integer(block, if is_kept { 6 } else { 4 })? {
        0 => {
            let text = text(block, 7)?;
            Field {
                name: text.name(),
                name_text: Some(text),
                name_size: text.size(),
                value: None,
            }
        }
        index => at(index, kept),
    };
    let value = Some(text(block, 7)?);
    let field = Field { value, ..named };
    if is_kept {
        kept.push(&field, keep(field));
    }
    Some(field)
}

#[cfg(test)]
pub mod tests {
    use tokio::time::Instant;

    use super::*;

    pub fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
        let length = |text: &[u8]| u8::try_from(text.len()).expect("short");
        [&[0x40, length(name)], name, &[length(value)], value].concat()
    }

    /// Regression: a long name was measured with every field that referred to it, which took seconds.
    #[test]
    fn a_name_is_measured_once_however_often_it_is_referred_to() {
        const N_REFERENCES: usize = 6_000;
        let time = |name_bytes: usize| {
            let over = u8::try_from((name_bytes - 127) % 128).expect("seven bits") | 0x80;
            let high = u8::try_from((name_bytes - 127) / 128).expect("seven bits");
            let name = [&[0x40, 0xff, over, high][..], &vec![0xf8; name_bytes], &[0]].concat();
            let block = [vec![0x88], name, [0x7e, 0].repeat(N_REFERENCES)].concat();
            let once = |_| {
                let began = Instant::now();
                assert_eq!(fault(&block, 0, true, false), Some(BlockFault::Size));
                began.elapsed()
            };
            (0..5).map(once).min().expect("five")
        };
        let (short, long) = (time(130), time(4_000));
        assert!(long < 20 * short, "{long:?} instead of {short:?}");
    }

    #[test]
    fn faults_of_heads_are_found() {
        use BlockFault::{BadStatus, Length, NoStatus, Size};
        let ok = || vec![0x88];
        let with = |field: Vec<u8>| [ok(), field].concat();
        let length = |value: &[u8]| with(literal(b"content-length", value));
        let bomb = [
            literal(&[b'n'; 100], &[b'v'; 120]),
            vec![0xbe; 1 + MAX_HEAD_BYTES / 252],
        ];
        for (block, ends_stream, expected) in [
            (ok(), true, None),
            (vec![0x48, 3, b'4', b'0', b'9'], true, None),
            (vec![0x48, 0x82, 0x64, 0x02], true, None),
            (vec![0x48, 3, b'0', b'9', b'9'], true, Some(BadStatus)),
            (vec![0x48, 4, b'1', b'0', b'0', b'0'], true, Some(BadStatus)),
            (vec![0x48, 0], true, Some(BadStatus)),
            (literal(b":status", b"abc"), true, Some(BadStatus)),
            (literal(b"server", b"x"), true, Some(NoStatus)),
            (vec![0x88, 0x88], true, Some(NoStatus)),
            (with(literal(b":status", b"200")), true, Some(NoStatus)),
            // Too late, or behind one that is not known: rules of HTTP/2 are broken.
            ([literal(b"server", b"x"), ok()].concat(), true, None),
            ([literal(b":odd", b"x"), ok()].concat(), true, None),
            (length(b"5"), false, None),
            (length(b"5"), true, Some(Length)),
            (length(b"0"), true, None),
            (length(b"-1"), false, Some(Length)),
            (length(b""), false, Some(Length)),
            (length(b"9999999999999999999"), false, None),
            (length(b"18446744073709551615"), false, Some(Length)),
            (length(b"0000000000000000000004"), false, Some(Length)),
            (vec![0x88, 0x5c, 0x82, 0x64, 0x02], false, None),
            (
                vec![0x88, 0x5c, 0x83, 0x1c, 0x64, 0xff],
                false,
                Some(Length),
            ),
            (vec![0x88, 0x9c], false, Some(Length)),
            (
                [length(b"5"), literal(b"content-length", b"6")].concat(),
                false,
                Some(Length),
            ),
            (
                [length(b"5"), literal(b"content-length", b"5")].concat(),
                false,
                None,
            ),
            (with(bomb.concat()), false, Some(Size)),
        ] {
            let found = fault(&block, 0, true, ends_stream);
            assert_eq!(found, expected, "{:x?}", &block[..block.len().min(40)]);
            // Behind an interim head, of which nothing counts.
            let both = [&[0x08, 3, b'1', b'0', b'3'][..], &block].concat();
            assert_eq!(fault(&both, 5, true, ends_stream), expected);
        }
        assert_eq!(fault(&[], 0, false, false), None);
    }
}
