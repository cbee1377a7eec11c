//! What a server says of the connection, besides the response.

use crate::probe::frames::ACK;
use crate::probe::frames::FrameHeader;
use crate::probe::frames::GOAWAY;
use crate::probe::frames::SETTINGS;

/// The setting of how many streams may be open at once (RFC 9113, 6.5.2).
const MAX_STREAMS: u16 = 3;

/// A setting has an identifier of two bytes and a value of four.
const SETTING_BYTES: usize = 6;

/// Follows the frames SETTINGS and GOAWAY.
#[derive(Debug, Default)]
pub struct Control {
    bytes: [u8; SETTING_BYTES],
    filled: usize,
    has_settings: bool,
    allows_no_stream: bool,
    has_goaway: bool,
}

impl Control {
    /// Takes note of a frame that begins.
    pub fn begin_frame(&mut self, header: &FrameHeader) {
        self.filled = 0;
        self.has_settings |= header.kind() == SETTINGS && !header.has(ACK);
        self.has_goaway |= header.kind() == GOAWAY;
    }

    /// Takes what comes next of it.
    pub fn feed(&mut self, header: &FrameHeader, payload: &[u8]) {
        if header.kind() != SETTINGS {
            return;
        }
        for byte in payload {
            if let Some(place) = self.bytes.get_mut(self.filled) {
                *place = *byte;
            }
            self.filled += 1;
            if self.filled == SETTING_BYTES {
                self.filled = 0;
                self.take_setting();
            }
        }
    }

    fn take_setting(&mut self) {
        let [a, b, c, d, e, f] = self.bytes;
        if u16::from_be_bytes([a, b]) == MAX_STREAMS {
            self.allows_no_stream = [c, d, e, f] == [0; 4];
        }
    }

    /// Whether the server began with its settings.
    pub fn has_settings(&self) -> bool {
        self.has_settings
    }

    /// Whether the server announced that it closes the connection.
    pub fn has_goaway(&self) -> bool {
        self.has_goaway
    }

    /// Whether it keeps the request from being served: it says nothing, where it is due to begin
    /// with its settings, or allows no stream.
    pub fn is_stalled(&self) -> bool {
        !self.has_settings || self.allows_no_stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::frames::FrameReader;
    use crate::probe::frames::Piece;

    #[test]
    fn settings_and_goaway_are_read_however_they_are_cut() {
        let settings = |payload: &[u8]| {
            let length = u8::try_from(payload.len()).expect("short");
            [&[0, 0, length, SETTINGS, 0, 0, 0, 0, 0][..], payload].concat()
        };
        let none = [0, 3, 0, 0, 0, 0];
        let some = [0, 3, 0, 0, 0, 9];
        let window = [0, 4, 0, 0, 0, 0];
        let goaway = |code: u8| {
            let payload = [0, 0, 0, 1, 0, 0, 0, code, b'w', b'o', b'r', b'd'];
            [&[0, 0, 12, GOAWAY, 0, 0, 0, 0, 0][..], &payload].concat()
        };
        for (bytes, is_stalled, has_goaway) in [
            (vec![], true, false),
            (vec![0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0], true, false),
            (settings(&[]), false, false),
            (settings(&[window, none].concat()), true, false),
            (settings(&[none, some].concat()), false, false),
            ([settings(&none), settings(&some)].concat(), false, false),
            ([settings(&[]), goaway(0)].concat(), false, true),
            ([settings(&[]), goaway(11)].concat(), false, true),
        ] {
            for size in 1..=bytes.len().max(1) {
                let (mut reader, mut control) = (FrameReader::default(), Control::default());
                let mut frame = FrameHeader::default();
                for mut piece in bytes.chunks(size) {
                    while let Some((piece, _)) = reader.next(&mut piece) {
                        match piece {
                            Piece::Header(header) => {
                                frame = header;
                                control.begin_frame(&frame);
                            }
                            Piece::Payload(payload) => control.feed(&frame, payload),
                        }
                    }
                }
                assert_eq!(control.is_stalled(), is_stalled, "{bytes:?} by {size}");
                assert_eq!(control.has_goaway(), has_goaway, "{bytes:?} by {size}");
            }
        }
    }
}
