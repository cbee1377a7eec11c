//! How a probe reads a connection: in turns with the other probes, and of TLS no further than what it
//! takes to open is known.

use std::mem;
use std::task::Context;
use std::task::Poll;

use crate::probe::tls::record::RecordSizes;
use crate::probe::turn;
use crate::probe::turn::Turn;

/// How far a read may reach beyond a record whose size is known, in bytes. The smallest records are
/// those that change keys, which costs as much as opening a large one: there are some twenty in it.
const AHEAD_BYTES: usize = 512;

/// What the smallest record costs, in bytes of large ones that would take as long.
const RECORD_BYTES: usize = 2 * 1024;

/// The reading of one connection.
#[derive(Debug)]
pub struct Pace {
    turn: Turn,
    /// Whether that is over, and others are to run before anything more is read.
    is_over: bool,
    records: Option<Records>,
}

/// The records of TLS that arrive.
#[derive(Debug, Default)]
struct Records {
    sizes: RecordSizes,
    /// Whether no read may reach into the next one.
    one_by_one: bool,
}

impl Pace {
    /// That of a connection without TLS.
    pub fn new() -> Self {
        Self {
            turn: Turn::new(),
            is_over: false,
            records: None,
        }
    }

    /// What comes from now on are records of TLS.
    pub fn expect_records(&mut self) {
        self.records = Some(Records::default());
    }

    /// Has each read end with a record, until there is data in them.
    pub fn read_one_by_one(&mut self) {
        if let Some(records) = &mut self.records {
            records.one_by_one = true;
        }
    }

    /// Has reads reach beyond the end of a record.
    pub fn read_on(&mut self) {
        if let Some(records) = &mut self.records {
            records.one_by_one = false;
        }
    }

    /// Begins a turn of which nothing is used, behind a handshake, which is bounded.
    pub fn begin_turn(&mut self) {
        self.turn = Turn::new();
        self.is_over = false;
    }

    /// Whether it is this probe's turn. If not, others run, and it is called again; but tokio-rustls
    /// goes on in a handshake, whose records are bounded.
    pub fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if mem::take(&mut self.is_over) {
            turn::give_core_away();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// How many of `most` bytes may be read now; 0 only if `most` is.
    pub fn room(&self, most: usize) -> usize {
        match &self.records {
            None => most,
            Some(records) if records.one_by_one => most.min(records.sizes.left()),
            Some(records) => most.min(records.sizes.left() + AHEAD_BYTES),
        }
    }

    /// Takes note of bytes that were read.
    pub fn took(&mut self, bytes: &[u8]) {
        let records = self.records.as_mut();
        let ended = records.map_or(0, |records| records.sizes.passed(bytes));
        let cost = bytes.len().max(ended * RECORD_BYTES);
        self.is_over = self.turn.ends_with(cost);
    }
}

#[cfg(test)]
pub mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Waker;

    use tokio::io::AsyncRead;
    use tokio::io::ReadBuf;

    use super::*;

    /// A record of so many bytes without its header.
    fn record(length: u16) -> Vec<u8> {
        let mut record = vec![23, 3, 3];
        record.extend(length.to_be_bytes());
        record.resize(record.len() + usize::from(length), 0);
        record
    }

    /// Reads so many bytes that lie ready; how many came before each end of a turn.
    pub async fn read_turns(io: &mut (impl AsyncRead + Unpin), length: usize) -> Vec<usize> {
        let mut turns = vec![0];
        let mut room = vec![0; 16 * 1024];
        poll_fn(|cx| {
            while turns.iter().sum::<usize>() < length {
                let mut buffer = ReadBuf::new(&mut room);
                match Pin::new(&mut *io).poll_read(cx, &mut buffer) {
                    Poll::Ready(read) => {
                        read.unwrap();
                        *turns.last_mut().unwrap() += buffer.filled().len();
                    }
                    Poll::Pending => {
                        turns.push(0);
                        return Poll::Pending;
                    }
                }
            }
            Poll::Ready(())
        })
        .await;
        turns
    }

    /// Reads all of `bytes`; how many went to each turn.
    fn turns(mut pace: Pace, bytes: &[u8]) -> Vec<usize> {
        let mut turns = vec![0];
        let mut at = 0;
        while at < bytes.len() {
            let cx = &Context::from_waker(Waker::noop());
            if pace.poll_turn(cx).is_pending() {
                turns.push(0);
                assert!(pace.poll_turn(cx).is_ready(), "others ran");
            }
            let room = pace.room(4096.min(bytes.len() - at));
            assert!(room > 0);
            pace.took(&bytes[at..at + room]);
            at += room;
            *turns.last_mut().unwrap() += room;
        }
        turns
    }

    #[test]
    fn no_turn_has_more_records_than_it_can_open() {
        let tls = || {
            let mut pace = Pace::new();
            pace.expect_records();
            pace
        };
        let alone = || {
            let mut pace = tls();
            pace.read_one_by_one();
            pace
        };
        let key_updates = record(22).repeat(1_000);
        let large = record(16_384).repeat(10);
        for (name, pace, bytes, most, n_turns) in [
            ("no TLS", Pace::new(), &key_updates, 64 << 10, 1..=1),
            ("small records", tls(), &key_updates, 1_100, 25..=30),
            ("one by one", alone(), &key_updates, 512, 60..=65),
            ("large records", tls(), &large, 64 << 10, 3..=5),
        ] {
            let turns = turns(pace, bytes);
            let longest = turns.iter().max().unwrap();
            assert!(*longest <= most, "{name}: {turns:?}");
            assert!(n_turns.contains(&turns.len()), "{name}: {turns:?}");
        }
    }

    #[test]
    fn a_large_record_is_read_in_few_pieces() {
        let mut pace = Pace::new();
        pace.expect_records();
        let bytes = record(16_384);
        let (mut at, mut n_reads) = (0, 0);
        while at < bytes.len() {
            let room = pace.room(4096.min(bytes.len() - at));
            pace.took(&bytes[at..at + room]);
            at += room;
            n_reads += 1;
        }
        assert_eq!(n_reads, 5, "as many as 4 KiB a read need");
    }
}
