//! What may not be in a block of fields of QPACK (RFC 9204, 4.5) and is taken by h3: its fields are read
//! once more, as far as that takes to know their names.

use crate::probe::frames::Name;
use crate::probe::frames::Text;
use crate::probe::frames::integer;
use crate::probe::frames::text;
use crate::probe::quic::fault::StreamFault;
use crate::probe::quic::status::STATUSES;

/// The fault of a head, or of trailers. A block that cannot be read to its end is refused by h3.
pub fn fault(mut block: &[u8], is_trailers: bool) -> Option<StreamFault> {
    let block = &mut block;
    integer(block, 8)?;
    integer(block, 7)?;
    let (mut n_statuses, mut is_bad_status) = (0, false);
    let (mut is_misplaced, mut has_end, mut is_first) = (false, false, true);
    while !block.is_empty() {
        let field = next(block)?;
        has_end |= field.has_end();
        match field.name {
            Name::Status => {
                n_statuses += 1;
                is_bad_status |= field.value.is_some_and(|value| !value.is_status());
                is_misplaced |= is_trailers || !is_first;
            }
            Name::Pseudo => is_misplaced = true,
            Name::Length | Name::Other => {}
        }
        is_first = false;
    }
    if !is_trailers && (n_statuses != 1 || is_bad_status) {
        Some(StreamFault::Status)
    } else if is_misplaced {
        Some(StreamFault::Pseudo)
    } else if has_end {
        Some(StreamFault::Code)
    } else {
        None
    }
}

#[derive(Debug)]
struct Field<'a> {
    name: Name,
    /// `None` if it is that of the static table.
    name_text: Option<Text<'a>>,
    /// `None` if it is that of the static table.
    value: Option<Text<'a>>,
}

impl Field<'_> {
    fn of_static(index: usize) -> Self {
        let name = match index {
            _ if STATUSES.iter().any(|(place, _)| *place == index) => Name::Status,
            // `:authority`, `:path`, and those of `:method` and `:scheme` (RFC 9204, A).
            0 | 1 | 15..=23 => Name::Pseudo,
            _ => Name::Other,
        };
        Self {
            name,
            name_text: None,
            value: None,
        }
    }

    fn has_end(&self) -> bool {
        let texts = [self.name_text, self.value];
        texts.into_iter().flatten().any(Text::has_end)
    }
}

/// Takes the next field off a block. There is no table but the static one: none was granted.
fn next<'a>(block: &mut &'a [u8]) -> Option<Field<'a>> {
    let first = *block.first()?;
    if first & 0b1100_0000 == 0b1100_0000 {
        return Some(Field::of_static(integer(block, 6)?));
    }
    let named = if first & 0b1101_0000 == 0b0101_0000 {
        Field::of_static(integer(block, 4)?)
    } else if first & 0b1110_0000 == 0b0010_0000 {
        let name = text(block, 3)?;
        Field {
            name: name.name(),
            name_text: Some(name),
            value: None,
        }
    } else {
        return None;
    };
    let value = Some(text(block, 7)?);
    Some(Field { value, ..named })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_there_is_found() {
        use StreamFault::{Code, Pseudo, Status};
        let status = || b"\x27\0:status\x03200".to_vec();
        let field = || b"\x21a\x01b".to_vec();
        // The block of a head, its fault, and that of trailers of the same.
        for (block, in_head, in_trailers) in [
            (vec![0xd9], None, Some(Pseudo)),
            (status(), None, Some(Pseudo)),
            (b"\x5f\x09\x03409".to_vec(), None, Some(Pseudo)),
            (
                b"\x3d\xb8\x84\x8d\x36\xa3\x03200".to_vec(),
                None,
                Some(Pseudo),
            ),
            (vec![0xd9, 0xc6, 0xe8], None, Some(Pseudo)),
            ([vec![0xd9], field()].concat(), None, Some(Pseudo)),
            (vec![0xd9, 0xd9], Some(Status), Some(Pseudo)),
            ([vec![0xd9], status()].concat(), Some(Status), Some(Pseudo)),
            (vec![0xff, 0], None, Some(Pseudo)),
            (b"\x5f\x09\x012".to_vec(), Some(Status), Some(Pseudo)),
            (vec![], Some(Status), None),
            (field(), Some(Status), None),
            // Behind a field, before one of a request and behind it.
            ([field(), vec![0xd9]].concat(), Some(Pseudo), Some(Pseudo)),
            (vec![0xd9, 0xc1], Some(Pseudo), Some(Pseudo)),
            (vec![0xd1, 0xd9], Some(Pseudo), Some(Pseudo)),
            (b"\xd9\x24:odd\x01x".to_vec(), Some(Pseudo), Some(Pseudo)),
            (b"\xd9\x29\xb8\x01x".to_vec(), Some(Pseudo), Some(Pseudo)),
            (b"\xd9\x51\x01/".to_vec(), Some(Pseudo), Some(Pseudo)),
            (
                b"\xd9\x21a\x84\xff\xff\xff\xff".to_vec(),
                Some(Code),
                Some(Pseudo),
            ),
            (b"\x21a\x81\xff".to_vec(), Some(Status), Some(Code)),
            (b"\x29\xff\x01b".to_vec(), Some(Status), Some(Code)),
            // Refused anyway: an index of the other table, and a text that is cut.
            (vec![0xd9, 0xd9, 0x80], None, None),
            (vec![0xd9, 0xd9, 0x21], None, None),
        ] {
            let block = [&[0, 0], &block[..]].concat();
            assert_eq!(fault(&block, false), in_head, "{block:x?}");
            assert_eq!(fault(&block, true), in_trailers, "{block:x?}");
        }
    }
}
