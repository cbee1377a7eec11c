//! What a server says of the connection, besides the response.

use std::ops::RangeInclusive;

use crate::probe::frames::ACK;
use crate::probe::frames::FrameHeader;
use crate::probe::frames::GOAWAY;
use crate::probe::frames::SETTINGS;
use crate::probe::frames::STREAM;
use crate::probe::frames::WINDOW_UPDATE;
use crate::probe::frames::fault::FrameFault;
use crate::probe::frames::rules::SETTING_BYTES;
use crate::probe::frames::window::MAX_WINDOW;
use crate::probe::frames::window::Windows;

/// The settings that are looked at (RFC 9113, 6.5.2, and RFC 8441, 3).
const ENABLE_PUSH: u16 = 2;
const MAX_STREAMS: u16 = 3;
const INITIAL_WINDOW: u16 = 4;
const MAX_FRAME: u16 = 5;
const ENABLE_CONNECT: u16 = 8;

/// How much a setting of the size of frames may be.
const FRAME_BYTES: RangeInclusive<u32> = 0x4000..=0xff_ffff;

/// How many bytes of a frame are looked at: those of GOAWAY up to its words.
const LOOKED_AT: usize = 8;

/// Follows the frames SETTINGS, WINDOW_UPDATE and GOAWAY.
#[derive(Debug)]
pub struct Control {
    bytes: [u8; LOOKED_AT],
    filled: usize,
    has_settings: bool,
    allows_no_stream: bool,
    has_goaway: bool,
    /// Whether the last announcement of an end lets the request be served.
    lets_finish: bool,
    windows: Windows,
}

impl Control {
    /// Begins before the answer to a request with a body of so many bytes.
    pub fn new(request_bytes: u64) -> Self {
        Self {
            bytes: [0; LOOKED_AT],
            filled: 0,
            has_settings: false,
            allows_no_stream: false,
            has_goaway: false,
            lets_finish: false,
            windows: Windows::new(request_bytes),
        }
    }

    /// Takes note of a frame that begins.
    pub fn begin_frame(&mut self, header: &FrameHeader) {
        self.filled = 0;
        self.has_settings |= header.kind() == SETTINGS && !header.has(ACK);
        if header.kind() == GOAWAY {
            self.has_goaway = true;
            self.lets_finish = false;
        }
    }

    /// Takes what comes next of it.
    pub fn feed(&mut self, header: &FrameHeader, payload: &[u8]) -> Result<(), FrameFault> {
        let wanted = match header.kind() {
            SETTINGS => SETTING_BYTES,
            WINDOW_UPDATE => 4,
            GOAWAY => LOOKED_AT,
            _ => return Ok(()),
        };
        for byte in payload {
            if let Some(place) = self.bytes.get_mut(self.filled) {
                *place = *byte;
            }
            self.filled += 1;
            if self.filled == wanted {
                self.take(header)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, header: &FrameHeader) -> Result<(), FrameFault> {
        let [a, b, c, d, e, f, g, h] = self.bytes;
        match header.kind() {
            SETTINGS => {
                self.filled = 0;
                self.take_setting(u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]))
            }
            WINDOW_UPDATE => {
                let bytes = u32::from_be_bytes([a, b, c, d]);
                self.windows.widen(header.stream() != 0, bytes)
            }
            GOAWAY => {
                let last_stream = u32::from_be_bytes([a & 0x7f, b, c, d]);
                self.lets_finish = last_stream >= STREAM && [e, f, g, h] == [0; 4];
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn take_setting(&mut self, setting: u16, value: u32) -> Result<(), FrameFault> {
        let is_allowed = match setting {
            // No client may push, so no server may say that one may; h2 takes a 1.
            ENABLE_PUSH => value == 0,
            INITIAL_WINDOW => value <= MAX_WINDOW,
            MAX_FRAME => FRAME_BYTES.contains(&value),
            ENABLE_CONNECT => value <= 1,
            _ => true,
        };
        if !is_allowed {
            return Err(FrameFault::Breach(
                "a setting has a value that it cannot have",
            ));
        }
        match setting {
            MAX_STREAMS => self.allows_no_stream = value == 0,
            INITIAL_WINDOW => self.windows.begin_with(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Whether the server began with its settings.
    pub fn has_settings(&self) -> bool {
        self.has_settings
    }

    /// Whether the server announced that it closes the connection.
    pub fn has_goaway(&self) -> bool {
        self.has_goaway
    }

    /// Whether it said so without an error and lets the request be served, so that how the answer ends
    /// is another matter.
    pub fn lets_finish(&self) -> bool {
        self.lets_finish
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
        let goaway = |last: u8, code: u8| {
            let payload = [0x80, 0, 0, last, 0, 0, 0, code, b'w', b'o', b'r', b'd'];
            [&[0, 0, 12, GOAWAY, 0, 0, 0, 0, 0][..], &payload].concat()
        };
        let leaving = |goaways: &[Vec<u8>]| [settings(&[]), goaways.concat()].concat();
        let both = [settings(&none), settings(&some)].concat();
        for (bytes, is_stalled, has_goaway, lets_finish) in [
            (vec![], true, false, false),
            (vec![0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0], true, false, false),
            (settings(&[]), false, false, false),
            (settings(&[window, none].concat()), true, false, false),
            (settings(&[none, some].concat()), false, false, false),
            (both, false, false, false),
            (leaving(&[goaway(1, 0)]), false, true, true),
            (leaving(&[goaway(255, 0), goaway(1, 0)]), false, true, true),
            (leaving(&[goaway(255, 0), goaway(0, 0)]), false, true, false),
            (leaving(&[goaway(1, 11)]), false, true, false),
            (leaving(&[goaway(1, 0)[..16].to_vec()]), false, true, false),
        ] {
            for size in 1..=bytes.len().max(1) {
                let (mut reader, mut control) = (FrameReader::default(), Control::new(0));
                let mut frame = FrameHeader::default();
                for mut piece in bytes.chunks(size) {
                    while let Some((piece, _)) = reader.next(&mut piece) {
                        match piece {
                            Piece::Header(header) => {
                                frame = header;
                                control.begin_frame(&frame);
                            }
                            Piece::Payload(payload) => {
                                control.feed(&frame, payload).expect("nothing is wrong");
                            }
                        }
                    }
                }
                assert_eq!(control.is_stalled(), is_stalled, "{bytes:?} by {size}");
                assert_eq!(control.has_goaway(), has_goaway, "{bytes:?} by {size}");
                assert_eq!(control.lets_finish(), lets_finish, "{bytes:?} by {size}");
            }
        }
    }

    #[test]
    fn settings_have_values_that_they_can_have() {
        for (setting, value, expected) in [
            (ENABLE_PUSH, 0, true),
            (ENABLE_PUSH, 1, false),
            (ENABLE_PUSH, 2, false),
            (MAX_STREAMS, u32::MAX, true),
            (INITIAL_WINDOW, 0x7fff_ffff, true),
            (INITIAL_WINDOW, 0x8000_0000, false),
            (MAX_FRAME, 0x3fff, false),
            (MAX_FRAME, 0x4000, true),
            (MAX_FRAME, 0xff_ffff, true),
            (MAX_FRAME, 0x100_0000, false),
            (ENABLE_CONNECT, 1, true),
            (ENABLE_CONNECT, 2, false),
            (0xbeef, u32::MAX, true),
        ] {
            let taken = Control::new(0).take_setting(setting, value);
            assert_eq!(taken.is_ok(), expected, "{setting} = {value}");
        }
    }
}
