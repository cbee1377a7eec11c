//! How much a server lets the client send (RFC 9113, 6.9): h2 does not notice that a window of the
//! stream is too wide once the request is out.

use crate::probe::frames::fault::FrameFault;

/// The widest window that there may be (RFC 9113, 6.9.1).
pub const MAX_WINDOW: u32 = 0x7fff_ffff;

/// What a window is at first (RFC 9113, 6.9.2).
const INITIAL: i64 = 65_535;

/// The windows, as if all of the request were sent: they are at least as wide, so that none is ever
/// taken for one that is too wide.
#[derive(Debug)]
pub struct Windows {
    connection: i64,
    stream: i64,
    /// What the settings say that a stream begins with.
    initial: i64,
}

impl Windows {
    /// Those for a request with a body of so many bytes.
    pub fn new(request_bytes: u64) -> Self {
        let left = INITIAL.saturating_sub_unsigned(request_bytes);
        Self {
            connection: left,
            stream: left,
            initial: INITIAL,
        }
    }

    /// Takes what a setting lets streams begin with, which also changes those that are open.
    pub fn begin_with(&mut self, bytes: u32) -> Result<(), FrameFault> {
        let initial = i64::from(bytes);
        self.stream = self.stream.saturating_add(initial - self.initial);
        self.initial = initial;
        self.check()
    }

    /// Takes an update of the stream or of the connection.
    pub fn widen(&mut self, is_of_stream: bool, bytes: u32) -> Result<(), FrameFault> {
        // The first bit is reserved.
        let bytes = i64::from(bytes & MAX_WINDOW);
        if bytes == 0 {
            return Err(FrameFault::Breach("a window is widened by nothing"));
        }
        let window = match is_of_stream {
            true => &mut self.stream,
            false => &mut self.connection,
        };
        *window = window.saturating_add(bytes);
        self.check()
    }

    fn check(&self) -> Result<(), FrameFault> {
        match self.stream.max(self.connection) > i64::from(MAX_WINDOW) {
            true => Err(FrameFault::Breach("a window is beyond all bounds")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server does to the windows.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        BeginWith(u32),
        OfStream(u32),
        OfConnection(u32),
    }

    #[test]
    fn no_window_is_wider_than_it_may_be() {
        use Step::{BeginWith, OfConnection, OfStream};
        // What is left to the widest window from the first one on.
        const REST: u32 = MAX_WINDOW - 65_535;
        for (request_bytes, steps, expected) in [
            (0, &[][..], true),
            (0, &[OfStream(REST), OfConnection(REST)], true),
            (0, &[OfStream(REST), OfStream(1)], false),
            (0, &[OfConnection(REST), OfConnection(1)], false),
            (0, &[OfStream(0)], false),
            (0, &[OfConnection(1 << 31)], false),
            (0, &[OfStream(1 << 31 | 5)], true),
            (0, &[BeginWith(MAX_WINDOW)], true),
            (0, &[BeginWith(MAX_WINDOW), OfConnection(REST)], true),
            (0, &[BeginWith(MAX_WINDOW), OfStream(1)], false),
            (0, &[OfStream(1), BeginWith(MAX_WINDOW)], false),
            (0, &[OfStream(REST), BeginWith(0), OfStream(65_535)], true),
            (0, &[OfStream(REST), BeginWith(0), OfStream(65_536)], false),
            // It may have had all of the request before, or nothing of it.
            (10, &[BeginWith(MAX_WINDOW), OfStream(10)], true),
            (10, &[BeginWith(MAX_WINDOW), OfStream(11)], false),
            (10, &[OfConnection(REST), OfConnection(11)], false),
            (
                u64::MAX,
                &[BeginWith(MAX_WINDOW), OfStream(MAX_WINDOW)],
                true,
            ),
        ] {
            let mut windows = Windows::new(request_bytes);
            let taken = steps.iter().try_for_each(|step| match *step {
                BeginWith(bytes) => windows.begin_with(bytes),
                OfStream(bytes) => windows.widen(true, bytes),
                OfConnection(bytes) => windows.widen(false, bytes),
            });
            assert_eq!(taken.is_ok(), expected, "{request_bytes} {steps:?}");
        }
    }
}
