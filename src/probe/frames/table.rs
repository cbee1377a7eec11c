//! The table of fields that were sent before (RFC 7541, 2.3), as far as it takes to follow references
//! to it.

use std::collections::VecDeque;

/// What each field counts besides its text (RFC 9113, 10.5.1, and RFC 7541, 4.1).
pub const FIELD_BYTES: usize = 32;

/// The size of the table, which nobody asked to be larger.
const TABLE_BYTES: usize = 4_096;

/// The size of the static table, behind which are fields that were sent before (RFC 7541, A).
pub const STATIC: usize = STATIC_NAMES.len();

/// How long the names of the static table are.
pub const STATIC_NAMES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14,
    16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10,
    25, 17, 10, 4, 3, 16,
];

/// A field that may be kept.
pub trait Entry: Copy {
    /// Whether it is larger than this.
    fn exceeds(&self, limit: usize) -> bool;
}

/// The fields that were sent last, the last one first. Some may be left that the real table has
/// dropped: whoever refers to them is refused by the client.
#[derive(Debug)]
pub struct Table<T> {
    fields: VecDeque<T>,
    limit: usize,
}

impl<T: Entry> Table<T> {
    /// The table before the first field.
    pub fn new() -> Self {
        Self {
            fields: VecDeque::new(),
            limit: TABLE_BYTES,
        }
    }

    /// Takes note of another size.
    pub fn resize(&mut self, limit: usize) {
        self.limit = limit.min(TABLE_BYTES);
    }

    /// Keeps what is to be known of a field. One that is larger than the table empties it (RFC 7541,
    /// 4.4).
    pub fn push(&mut self, field: &impl Entry, known: T) {
        if field.exceeds(self.limit) {
            self.fields.clear();
            return;
        }
        self.fields.push_front(known);
        self.fields.truncate(TABLE_BYTES / FIELD_BYTES);
    }

    /// The field that so many were sent after.
    pub fn get(&self, index: usize) -> Option<T> {
        self.fields.get(index).copied()
    }
}
