//! Phases by the kernel's clock: they do not grow when the exporter comes late, and a clock that
//! cannot be right is not believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::outcome::timeline::Clock;
use httpcycle_exporter::outcome::{Attempt, Outcome};
use httpcycle_exporter::probe::arrival::WallClock;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use httpcycle_exporter::target::module::{IpFamily, Module};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
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
    let stall = Duration::from_millis(500);
    let asked = Arc::new(Notify::new());
    let asking = asked.clone();
    let peer = peer::serve(move |mut stream| {
        let asking = asking.clone();
        async move {
            peer::read_request(&mut stream).await;
            asking.notify_one();
            // Until the prober stands still.
            sleep(stall / 5).await;
            stream.write_all(OK).await.unwrap();
            stream.read_u8().await.ok();
        }
    });
    // The peer runs on a runtime of its own, so that only the prober is stalled.
    let (sender, address) = tokio::sync::oneshot::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let peer = peer.await;
            sender.send(peer.address).unwrap();
            stopped.await.ok();
        });
    });
    let address = address.await.unwrap();
    let stalling = tokio::spawn(async move {
        asked.notified().await;
        std::thread::sleep(stall);
    });
    let outcome = probing::probe_plain(address, PATIENCE).await;
    stalling.await.unwrap();
    stop.send(()).unwrap();
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

/// The exporter stands still for longer than the probe may take, and nobody can say whether the
/// target would have answered.
#[tokio::test]
async fn a_stalled_exporter_does_not_blame_the_target() {
    let timeout = Duration::from_millis(400);
    let peer = peer::answering(Vec::new(), peer::Then::Hold).await;
    for (stall, skipped) in [(Duration::ZERO, false), (timeout * 2, true)] {
        let heartbeat = Arc::new(Heartbeat::default());
        let beating = heartbeat.clone();
        let beat = tokio::spawn(async move { beating.beat().await });
        let url = format!("http://{}/", peer.address);
        let prober = probing::prober(&url, Module::http_2xx(), timeout).with_heartbeat(heartbeat);
        let stalling = tokio::spawn(async move {
            sleep(timeout / 4).await;
            std::thread::sleep(stall);
        });
        let attempt = prober.probe().await;
        stalling.await.unwrap();
        beat.abort();
        match attempt {
            Attempt::Skipped(reason) => assert!(skipped && reason == SkipReason::Overload),
            Attempt::Finished(outcome) => {
                assert!(!skipped, "{:?}", outcome.failure);
                assert_eq!(outcome.failure.unwrap().reason, Reason::FirstByteTimeout);
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
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (delay, skipped) in [(Duration::ZERO, false), (timeout / 4, true)] {
        let delaying = tokio::spawn(async move {
            loop {
                std::thread::sleep(delay);
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
