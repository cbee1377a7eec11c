//! The status of a response from the first bytes of its fields, without the rest of QPACK (RFC 9204,
//! 4.5). It is the one pseudo-header field that there is, and comes first (RFC 9114, 4.3).

use crate::probe::frames::Name;
use crate::probe::frames::Status;
use crate::probe::frames::integer;
use crate::probe::frames::status_of;
use crate::probe::frames::text;

/// Where the static table has a status (RFC 9204, A).
pub const STATUSES: [(usize, u16); 14] = [
    (24, 103),
    (25, 200),
    (26, 304),
    (27, 404),
    (28, 503),
    (63, 100),
    (64, 204),
    (65, 206),
    (66, 302),
    (67, 400),
    (68, 403),
    (69, 421),
    (70, 425),
    (71, 500),
];

/// The status at the beginning of a block, `None` if more of it is needed. There is no other table:
/// none was granted.
pub fn read(mut block: &[u8]) -> Option<Status> {
    let block = &mut block;
    integer(block, 8)?;
    integer(block, 7)?;
    let of_static = |index: usize| STATUSES.iter().find(|(place, _)| *place == index);
    let first = *block.first()?;
    if first & 0b1100_0000 == 0b1100_0000 {
        let index = integer(block, 6)?;
        return Some(match of_static(index) {
            Some((_, code @ 200..)) => Status::Final(*code),
            Some(_) => Status::Interim,
            None => Status::Invalid,
        });
    }
    if first & 0b1101_0000 == 0b0101_0000 {
        let name = integer(block, 4)?;
        if of_static(name).is_none() {
            return Some(Status::Invalid);
        }
    } else if first & 0b1110_0000 == 0b0010_0000 {
        // A name in full.
        if text(block, 3)?.name() != Name::Status {
            return Some(Status::Invalid);
        }
    } else {
        return Some(Status::Invalid);
    }
    let value = text(block, 7)?;
    Some(status_of(value.bytes, value.is_coded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::frames::StatusReader;

    #[test]
    fn every_form_of_a_status_is_read_however_it_is_cut() {
        use Status::{Final, Interim, Invalid, Unknown};
        for (block, expected) in [
            (&[0, 0, 0xd9][..], Final(200)),
            (&[0, 0, 0xd8], Interim),
            (&[0, 0, 0xff, 0], Interim),
            (&[0, 0, 0xff, 8], Final(500)),
            // `:path`, and one that no table has.
            (&[0, 0, 0xc1], Invalid),
            (&[0, 0, 0x80], Invalid),
            (&[0, 0, 0x5f, 9, 3, b'4', b'0', b'9'], Final(409)),
            (&[0, 0, 0x5f, 9, 3, b'1', b'0', b'2'], Interim),
            (&[0, 0, 0x7f, 10, 0x83, 0x68, 0x0f, 0xff], Final(409)),
            (&[0, 0, 0x5f, 9, 3, b'0', b'0', b'9'], Invalid),
            (&[0, 0, 0x51, 1, b'/'], Invalid),
            (
                &[
                    0, 0, 0x27, 0, b':', b's', b't', b'a', b't', b'u', b's', 3, b'4', b'1', b'2',
                ],
                Final(412),
            ),
            // Another name.
            (&[0, 0, 0x21, b'a', 3, b'4', b'0', b'9'], Invalid),
            // The form for names that are sent before.
            (&[0, 0, 0x40, 3], Invalid),
        ] {
            for size in 1..=block.len() {
                let mut reader = StatusReader::with(read);
                for (index, piece) in block.chunks(size).enumerate() {
                    if index > 0 && expected != Invalid {
                        assert_eq!(reader.status(), Unknown, "{block:x?} by {size}");
                    }
                    reader.feed(piece);
                }
                assert_eq!(reader.status(), expected, "{block:x?} by {size}");
            }
        }
    }
}
