//! Taking turns: how much of a response a probe reads before the others on its worker have theirs.

use std::thread;

use tokio::task::yield_now;

/// How much is read in one turn: a few tens of microseconds, and more than most responses have.
const TURN_BYTES: usize = 64 * 1024;

/// What a piece costs besides its bytes, in bytes that would take as long: a body of one byte a piece
/// is mostly that.
const PIECE_BYTES: usize = 1024;

/// What is left of a turn. Nothing else ends it where bytes are always at hand: tokio counts reads, and
/// a read can hold thousands of pieces.
#[derive(Debug)]
pub struct Turn {
    left: usize,
}

impl Turn {
    /// A turn of which nothing is used.
    pub fn new() -> Self {
        Self { left: TURN_BYTES }
    }

    /// Notes a piece of so many bytes. When the turn is over, others run, and the sockets and timers
    /// of all are looked at before the next one begins.
    pub async fn took(&mut self, bytes: usize) {
        if self.ends_with(bytes) {
            give_way().await;
        }
    }

    /// Notes a piece of so many bytes; whether the turn is over with it, and another begins.
    pub fn ends_with(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(PIECE_BYTES + bytes);
        self.left = left.unwrap_or(TURN_BYTES);
        left.is_none()
    }
}

/// Gives the core away as well: a runtime only knows its own tasks, and the kernel would leave this
/// thread its slice of milliseconds while other threads wait. What arrives meanwhile has its stamp.
pub fn give_core_away() {
    thread::yield_now();
}

/// Has others run, tasks and threads.
pub async fn give_way() {
    give_core_away();
    yield_now().await;
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_turn_ends_by_its_bytes_and_by_its_pieces() {
        for (bytes, pieces) in [(1, 63), (16 * 1024, 3), (10 << 20, 0)] {
            let mut turn = Turn::new();
            for round in 0..3 {
                for piece in 0..pieces {
                    let taken = turn.took(bytes).now_or_never();
                    assert!(taken.is_some(), "{bytes}: {piece} of round {round}");
                }
                let mut over = Box::pin(turn.took(bytes));
                assert!((&mut over).now_or_never().is_none(), "{bytes}: {round}");
                over.await;
            }
        }
    }
}
