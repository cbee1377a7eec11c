//! The pseudo-header fields of blocks (RFC 9113, 8.3), of which h2 takes more than there may be.

use crate::probe::frames::block::Field;
use crate::probe::frames::block::next;
use crate::probe::frames::table::Table;
use crate::probe::frames::text::Name;

/// Which ones a block has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pseudo {
    /// `:status`, which every head has.
    pub has_status: bool,
    /// Others, which no response has.
    pub has_others: bool,
}

impl Pseudo {
    /// Whether there are any.
    pub fn is_any(self) -> bool {
        self.has_status || self.has_others
    }
}

/// Reads one block after the other, each of them once.
#[derive(Debug)]
pub struct PseudoReader {
    kept: Table<Field<'static>>,
}

impl PseudoReader {
    /// Begins before the first block.
    pub fn new() -> Self {
        Self { kept: Table::new() }
    }

    /// Takes the next block.
    pub fn read(&mut self, mut block: &[u8]) -> Pseudo {
        let mut found = Pseudo::default();
        while let Some(field) = next(&mut block, &mut self.kept, Field::without_text) {
            match field.name {
                Name::Status => found.has_status = true,
                Name::Pseudo => found.has_others = true,
                Name::Length | Name::Other => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::frames::block::tests::literal;

    #[test]
    fn pseudo_fields_are_found_behind_any_block() {
        const NONE: (bool, bool) = (false, false);
        const STATUS: (bool, bool) = (true, false);
        const OTHER: (bool, bool) = (false, true);
        let head = [vec![0x88], literal(b":odd", b"x")].concat();
        let kept = || literal(b"a", b"b");
        // The name has one byte, the length of the value three.
        let too_large = |size: usize| {
            let [low, high] = [(size - 1 - 127) % 128, (size - 1 - 127) / 128];
            let byte = |n: usize| u8::try_from(n).expect("seven bits");
            let length = [127, byte(low) | 0x80, byte(high)];
            [&[0x40, 1, b'n'][..], &length, &vec![b'v'; size - 1]].concat()
        };
        for (block, expected) in [
            (vec![], NONE),
            (literal(b"a", b"b"), NONE),
            (vec![0x90], NONE),
            (vec![0x88], STATUS),
            (vec![0x84], OTHER),
            (vec![0x84, 0x88], (true, true)),
            (literal(b":status", b"200"), STATUS),
            (literal(b":odd", b"x"), OTHER),
            ([kept(), literal(b":path", b"/")].concat(), OTHER),
            // What the head left in the table.
            (vec![0xbe], OTHER),
            // A field that is larger than the table leaves nothing there, and is not kept itself.
            ([too_large(4_096 - 32), vec![0xbf]].concat(), OTHER),
            ([too_large(4_096 - 31), vec![0xbf]].concat(), NONE),
            ([too_large(4_096 - 31), kept(), vec![0xbf]].concat(), NONE),
            // Nor does one that is larger than the server has made it.
            ([vec![0x3f, 0x03], kept(), vec![0xbe]].concat(), NONE),
            ([vec![0x3f, 0x02], kept(), vec![0xbe]].concat(), NONE),
            ([vec![0x3f, 0x02], kept(), vec![0xbf]].concat(), NONE),
            (b"\x40\x85\xb8\x84\x8d\x36\xa3\x01x".to_vec(), STATUS),
            (b"\x40\x84\xb9\x58\xd3\x3f\x01/".to_vec(), OTHER),
        ] {
            let mut reader = PseudoReader::new();
            let first = reader.read(&head);
            assert!(first.has_status && first.has_others);
            let found = reader.read(&block);
            assert_eq!((found.has_status, found.has_others), expected, "{block:x?}");
            assert_eq!(found.is_any(), expected != NONE);
        }
    }

    #[test]
    fn a_name_in_full_is_referred_to_in_blocks_behind_it() {
        let mut reader = PseudoReader::new();
        reader.read(&literal(b":path", b"/"));
        // The same name with another value, of which both are kept.
        for block in [&[0x7e, 1, b'x'][..], &[0xbe], &[0xbf]] {
            assert!(reader.read(block).has_others, "{block:x?}");
        }
    }
}
