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

    /// Takes note of bytes that were read; how many records ended with them.
    pub fn passed(&mut self, mut bytes: &[u8]) -> usize {
        let mut ended = 0;
        while let Some((first, rest)) = bytes.split_first() {
            if self.body_left > 0 {
                let length = self.body_left.min(bytes.len());
                self.body_left -= length;
                bytes = bytes.get(length..).unwrap_or_default();
            } else {
                bytes = rest;
                self.take_of_header(*first);
            }
            ended += usize::from(self.is_between());
        }
        ended
    }

    fn take_of_header(&mut self, byte: u8) {
        if let Some(place) = self.header.get_mut(self.header_read) {
            *place = byte;
        }
        self.header_read += 1;
        if self.header_read == HEADER_BYTES {
            let [.., high, low] = self.header;
            self.body_left = u16::from_be_bytes([high, low]).into();
            self.header_read = 0;
        }
    }

    fn is_between(&self) -> bool {
        self.header_read == 0 && self.body_left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_within_one_read_are_counted() {
        let records = [[23, 3, 3, 0, 1, 9]; 5].concat();
        for most in 1..=records.len() {
            let mut sizes = RecordSizes::default();
            let ended: usize = records.chunks(most).map(|read| sizes.passed(read)).sum();
            assert_eq!(ended, 5, "{most} bytes a read");
        }
    }

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
            let (mut at, mut ends, mut ended) = (0, Vec::new(), 0);
            while at < records.len() {
                let length = sizes.left().min(most).min(records.len() - at);
                assert!(length > 0);
                ended += sizes.passed(&records[at..at + length]);
                at += length;
                if sizes.is_between() {
                    ends.push(at);
                }
            }
            assert_eq!(ends, [8, 13, 278], "at most {most} bytes a read");
            assert_eq!(ended, 3, "at most {most} bytes a read");
        }
    }
}
