//! Where the TLS records of a stream end. Their headers are not encrypted (RFC 8446, 5.1).

/// The bytes of a record's header: type, version, and the length of the rest.
const HEADER_BYTES: usize = 5;

/// Follows a stream of records as it is read.
#[derive(Debug, Default)]
pub struct RecordSizes {
    header: [u8; HEADER_BYTES],
    header_read: usize,
    body_left: usize,
}

impl RecordSizes {
    /// How many bytes may be read without reaching into another record, or into a body of unknown
    /// size; never 0.
    pub fn left(&self) -> usize {
        if self.body_left > 0 {
            self.body_left
        } else {
            HEADER_BYTES - self.header_read
        }
    }

    /// Takes note of bytes that were read.
    pub fn passed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.body_left > 0 {
                self.body_left -= 1;
                continue;
            }
            if let Some(place) = self.header.get_mut(self.header_read) {
                *place = *byte;
            }
            self.header_read += 1;
            if self.header_read == HEADER_BYTES {
                let [.., high, low] = self.header;
                self.body_left = u16::from_be_bytes([high, low]).into();
                self.header_read = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_end_with_a_record() {
        let records = [
            &[22, 3, 3, 0, 3, 1, 2, 3][..],
            &[20, 3, 3, 0, 0],
            &[23, 3, 3, 1, 4],
            &[9; 260],
        ]
        .concat();
        for most in [1, 2, 7, 1000] {
            let mut sizes = RecordSizes::default();
            let (mut at, mut ends) = (0, Vec::new());
            while at < records.len() {
                let length = sizes.left().min(most).min(records.len() - at);
                assert!(length > 0);
                sizes.passed(&records[at..at + length]);
                at += length;
                if sizes.header_read == 0 && sizes.body_left == 0 {
                    ends.push(at);
                }
            }
            assert_eq!(ends, [8, 13, 278], "at most {most} bytes a read");
        }
    }
}
