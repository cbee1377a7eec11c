//! Phases by the kernel's clock: they do not grow when the exporter comes late, and a clock that
//! cannot be right is not believed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::outcome::timeline::Clock;
use httpcycle_exporter::outcome::{Attempt, Outcome, Verdict};
use httpcycle_exporter::probe::arrival::WallClock;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use httpcycle_exporter::target::module::{IpFamily, Module};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::support::dns::Script;
use crate::support::{dns, peer, pki, probing};

const PATIENCE: Duration = Duration::from_secs(10);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn clock(outcome: &Outcome, phase: Phase) -> Clock {
    let spans = outcome.timeline.spans();
    spans.iter().find(|span| span.phase == phase).unwrap().clock
}

/// A target with all phases, whose server writes `pieces` with a pause before each.
async fn probe_all_phases(pieces: &'static [(u64, &'static [u8])]) -> Outcome {
    let authority = pki::Authority::new();
    let acceptor = authority.server("orders.test");
    let peer = peer::serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            stream.set_nodelay(true).unwrap();
            // Such a server sends two session tickets behind its handshake.
            let mut stream = acceptor.accept(stream).await.unwrap();
            peer::read_request(&mut stream).await;
            for (pause, bytes) in pieces {
                sleep(Duration::from_millis(*pause)).await;
                stream.write_all(bytes).await.unwrap();
                stream.flush().await.unwrap();
            }
            stream.read_u8().await.ok();
        }
    })
    .await;
    let server = dns::serve(Script::Addresses(vec![peer.address.ip()], Duration::ZERO)).await;
    let module = Module {
        resolver: Some(server.address),
        preferred_family: IpFamily::V4,
        tls: authority.trusted(),
        ..Module::http_2xx()
    };
    let url = format!("https://orders.test:{}/", peer.address.port());
    probing::probe(&probing::prober(&url, module, PATIENCE)).await
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_is_stamped_by_the_kernel() {
    let outcome = probe_all_phases(&[(0, OK)]).await;
    assert_eq!(outcome.failure, None);
    for phase in Phase::ALL {
        // Nothing arrives at the end of a write.
        let expected = if phase == Phase::Send {
            Clock::User
        } else {
            Clock::Kernel
        };
        assert_eq!(clock(&outcome, phase), expected, "{phase:?}");
    }
}

/// A busy exporter: its only thread does something else when the bytes arrive.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_late_reader_does_not_make_the_target_late() {
    let stall = Duration::from_secs(1);
    // The peer runs on a thread of its own, so that only the prober is stalled.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        seen.store(true, Ordering::Release);
        // By now the prober stands still.
        thread::sleep(stall / 10);
        stream.write_all(OK).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).ok();
    });
    let stalling = tokio::spawn(async move {
        while !asked.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        thread::sleep(stall);
    });
    let outcome = probing::probe_plain(address, PATIENCE).await;
    stalling.await.unwrap();
    serving.join().unwrap();
    assert_eq!(outcome.failure, None);
    let phases: Duration = Phase::ALL
        .iter()
        .filter_map(|&p| outcome.timeline.phase(p))
        .sum();
    assert!(
        outcome.timeline.total() >= stall,
        "the stall lies in the probe"
    );
    assert!(
        phases < stall / 2,
        "yet in no phase: {:?}",
        outcome.timeline
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_byte_is_that_of_the_final_response() {
    const THINKS: u64 = 400;
    for pieces in [
        &[(THINKS, OK)][..],
        &[(0, b"HTTP/1.1 100 Continue\r\n\r\n"), (THINKS, OK)],
        &[
            (0, b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 103 "),
            (THINKS, b"x\r\n\r\n"),
            (0, OK),
        ],
        &[(
            THINKS,
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        )],
    ] {
        let outcome = probe_all_phases(Box::leak(pieces.to_vec().into_boxed_slice())).await;
        assert_eq!(outcome.failure, None);
        let thinks = Duration::from_millis(THINKS);
        let took = outcome.timeline.phase(Phase::FirstByte).unwrap();
        assert!(
            took >= thinks * 9 / 10,
            "{took:?} for {} pieces",
            pieces.len()
        );
        let transfer = outcome.timeline.phase(Phase::Transfer).unwrap();
        assert!(transfer < thinks / 2, "{transfer:?}");
    }
}

/// What the stepping clock says its step is, in milliseconds.
static STEP: AtomicU64 = AtomicU64::new(0);

fn stepping() -> SystemTime {
    SystemTime::now() + Duration::from_millis(STEP.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_that_steps_moves_no_phase() {
    let thinks = Duration::from_millis(300);
    let peer = peer::serve(move |mut stream| async move {
        peer::read_request(&mut stream).await;
        // The clock steps between the connect and the answer of the target.
        STEP.store(3_600_000, Ordering::Relaxed);
        sleep(thinks).await;
        stream.write_all(OK).await.unwrap();
        stream.read_u8().await.ok();
    })
    .await;
    let url = format!("http://{}/", peer.address);
    let prober =
        probing::prober(&url, Module::http_2xx(), PATIENCE).with_wall_clock(WallClock(stepping));
    let outcome = probing::probe(&prober).await;
    assert_eq!(outcome.failure, None);
    let took = outcome.timeline.phase(Phase::FirstByte).unwrap();
    assert!(took >= thinks * 9 / 10 && took < thinks * 3, "{took:?}");
    assert!(outcome.timeline.total() < PATIENCE);
    assert_eq!(clock(&outcome, Phase::FirstByte), Clock::Fallback);
    assert_eq!(clock(&outcome, Phase::Transfer), Clock::Fallback);
}

/// The exporter stands still for longer than the probe may take. Before the request was out nobody
/// can say whether the target would have answered; after that it had its time.
#[tokio::test]
async fn a_stalled_exporter_does_not_blame_the_target() {
    let timeout = Duration::from_millis(1_000);
    let peer = peer::answering(Vec::new(), peer::Then::Hold).await;
    let at_once = Duration::ZERO;
    let while_waiting = timeout / 2;
    for (stall, after, skipped) in [
        (Duration::ZERO, at_once, false),
        (timeout * 2, at_once, true),
        (timeout * 2, while_waiting, false),
    ] {
        let heartbeat = Arc::new(Heartbeat::default());
        let beating = heartbeat.clone();
        let beat = tokio::spawn(async move { beating.beat().await });
        let url = format!("http://{}/", peer.address);
        let prober = probing::prober(&url, Module::http_2xx(), timeout).with_heartbeat(heartbeat);
        // On this one thread it runs as soon as the probe waits for its connection.
        let stalling = tokio::spawn(async move {
            if after > Duration::ZERO {
                sleep(after).await;
            }
            thread::sleep(stall);
        });
        let attempt = prober.probe().await;
        stalling.await.unwrap();
        beat.abort();
        match attempt {
            Attempt::Skipped(reason) => assert!(skipped && reason == SkipReason::Overload),
            Attempt::Finished(outcome) => {
                assert!(!skipped, "{:?}", outcome.failure);
                assert_eq!(outcome.failure.unwrap().reason, Reason::FirstByteTimeout);
                assert!(outcome.timeline.phase(Phase::FirstByte).unwrap() <= timeout);
            }
        }
    }
}

/// The exporter never stands still for long, but comes late to each step, so that the target has
/// only what is left of the time.
#[tokio::test]
async fn delays_between_phases_are_not_the_targets() {
    let timeout = Duration::from_millis(400);
    // Connections are made in its backlog; nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (delay, skipped) in [(Duration::ZERO, false), (timeout / 4, true)] {
        let delaying = tokio::spawn(async move {
            loop {
                thread::sleep(delay);
                tokio::task::yield_now().await;
            }
        });
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let attempt = probing::prober(&url, Module::http_2xx(), timeout)
            .probe()
            .await;
        delaying.abort();
        match attempt {
            Attempt::Skipped(reason) => assert!(skipped && reason == SkipReason::Overload),
            Attempt::Finished(outcome) => {
                assert!(!skipped, "{:?}", outcome.timeline);
                assert_eq!(outcome.failure.unwrap().reason, Reason::FirstByteTimeout);
            }
        }
    }
}

/// A conflict whose head has arrived counts, even if the exporter then stands still and cannot say
/// whose fault it is that the body never came.
#[tokio::test]
async fn a_conflict_that_was_seen_is_not_skipped() {
    let timeout = Duration::from_millis(1_000);
    let partial = b"HTTP/1.1 409 Conflict\r\nContent-Length: 9\r\n\r\nhalf".to_vec();
    let peer = peer::answering(partial, peer::Then::Hold).await;
    let heartbeat = Arc::new(Heartbeat::default());
    let beating = heartbeat.clone();
    let beat = tokio::spawn(async move { beating.beat().await });
    let url = format!("http://{}/", peer.address);
    let prober = probing::prober(&url, Module::http_2xx(), timeout).with_heartbeat(heartbeat);
    let stalling = tokio::spawn(async move {
        sleep(timeout / 2).await;
        thread::sleep(timeout);
    });
    let attempt = prober.probe().await;
    stalling.await.unwrap();
    beat.abort();
    match attempt {
        Attempt::Skipped(reason) => panic!("skipped: {reason:?}"),
        Attempt::Finished(outcome) => assert_eq!(outcome.verdict(), Verdict::Conflict),
    }
}
