//! What frames must be like whatever is in them: h2 refuses those that are not, but a head that came
//! along with them would seem to count.

use crate::probe::frames::ACK;
use crate::probe::frames::CONTINUATION;
use crate::probe::frames::DATA;
use crate::probe::frames::END_HEADERS;
use crate::probe::frames::FrameHeader;
use crate::probe::frames::GOAWAY;
use crate::probe::frames::HEADERS;
use crate::probe::frames::PING;
use crate::probe::frames::PRIORITY_FRAME;
use crate::probe::frames::PUSH_PROMISE;
use crate::probe::frames::RST_STREAM;
use crate::probe::frames::SETTINGS;
use crate::probe::frames::STREAM;
use crate::probe::frames::WINDOW_UPDATE;
use crate::probe::frames::fault::FrameFault;

/// The largest payload of a frame, which nobody was allowed to exceed.
pub const MAX_FRAME_BYTES: usize = 16 * 1024;

/// A setting has an identifier of two bytes and a value of four.
pub const SETTING_BYTES: usize = 6;

/// Checks a frame that begins behind `before` (RFC 9113, 6).
pub fn check(header: &FrameHeader, before: &FrameHeader) -> Result<(), FrameFault> {
    let is_within_fields = before.is_our_fields() && !before.has(END_HEADERS);
    let is_in_order = match is_within_fields {
        true => header.is_ours(CONTINUATION),
        false => header.kind() != CONTINUATION,
    };
    if header.length() > MAX_FRAME_BYTES {
        Err(FrameFault::Breach("a frame is larger than allowed"))
    } else if !is_in_order {
        Err(FrameFault::Breach(
            "fields are interrupted, or go on unasked",
        ))
    } else if !fits(header) {
        Err(FrameFault::Breach("a frame has a wrong length or stream"))
    } else {
        Ok(())
    }
}

/// Whether length and stream of a frame are such as its kind may have.
fn fits(header: &FrameHeader) -> bool {
    let (stream, length) = (header.stream(), header.length());
    match header.kind() {
        DATA | HEADERS | CONTINUATION => stream == STREAM,
        PRIORITY_FRAME => stream != 0 && length == 5,
        RST_STREAM => stream == STREAM && length == 4,
        SETTINGS if header.has(ACK) => stream == 0 && length == 0,
        SETTINGS => stream == 0 && length.is_multiple_of(SETTING_BYTES),
        // The settings that the client begins with forbid it.
        PUSH_PROMISE => false,
        PING => stream == 0 && length == 8,
        GOAWAY => stream == 0 && length >= 8,
        WINDOW_UPDATE => stream <= STREAM && length == 4,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::frames::FrameReader;
    use crate::probe::frames::Piece;

    fn header(kind: u8, flags: u8, stream: u8, length: u16) -> FrameHeader {
        let [high, low] = length.to_be_bytes();
        let bytes = [0, high, low, kind, flags, 0, 0, 0, stream];
        match FrameReader::default().next(&mut &bytes[..]) {
            Some((Piece::Header(header), _)) => header,
            _ => FrameHeader::default(),
        }
    }

    #[test]
    fn frames_have_their_length_and_their_stream() {
        for (kind, flags, stream, length, expected) in [
            (DATA, 0, 1, 16_384, true),
            (DATA, 0, 1, 16_385, false),
            (DATA, 0, 0, 1, false),
            (HEADERS, 0, 1, 1, true),
            (HEADERS, 0, 3, 1, false),
            (CONTINUATION, 0, 1, 1, false),
            (PRIORITY_FRAME, 0, 3, 5, true),
            (PRIORITY_FRAME, 0, 0, 5, false),
            (PRIORITY_FRAME, 0, 1, 4, false),
            (RST_STREAM, 0, 1, 4, true),
            (RST_STREAM, 0, 0, 4, false),
            (RST_STREAM, 0, 3, 4, false),
            (RST_STREAM, 0, 1, 3, false),
            (SETTINGS, 0, 0, 12, true),
            (SETTINGS, 0, 0, 5, false),
            (SETTINGS, 0, 1, 6, false),
            (SETTINGS, ACK, 0, 0, true),
            (SETTINGS, ACK, 0, 6, false),
            (PUSH_PROMISE, END_HEADERS, 1, 5, false),
            (PING, 0, 0, 8, true),
            (PING, ACK, 0, 8, true),
            (PING, 0, 1, 8, false),
            (PING, 0, 0, 7, false),
            (GOAWAY, 0, 0, 8, true),
            (GOAWAY, 0, 0, 300, true),
            (GOAWAY, 0, 1, 8, false),
            (GOAWAY, 0, 0, 7, false),
            (WINDOW_UPDATE, 0, 0, 4, true),
            (WINDOW_UPDATE, 0, 1, 4, true),
            (WINDOW_UPDATE, 0, 3, 4, false),
            (WINDOW_UPDATE, 0, 0, 5, false),
            (0xbe, 0xff, 9, 3, true),
            (0xbe, 0xff, 9, 16_385, false),
        ] {
            let frame = header(kind, flags, stream, length);
            let found = check(&frame, &FrameHeader::default()).is_ok();
            assert_eq!(found, expected, "{frame:?}");
        }
    }

    #[test]
    fn fields_go_on_until_they_end() {
        let ping = || header(PING, 0, 0, 8);
        let begun = || header(HEADERS, 0, 1, 1);
        let more = |stream| header(CONTINUATION, 0, stream, 1);
        let last = || header(CONTINUATION, END_HEADERS, 1, 1);
        for (before, frame, expected) in [
            (begun(), more(1), true),
            (more(1), last(), true),
            (last(), ping(), true),
            (begun(), more(3), false),
            (begun(), ping(), false),
            (more(1), begun(), false),
            (last(), more(1), false),
            (ping(), last(), false),
        ] {
            let found = check(&frame, &before).is_ok();
            assert_eq!(found, expected, "{frame:?} behind {before:?}");
        }
    }
}
