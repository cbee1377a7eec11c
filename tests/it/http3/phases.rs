//! Each phase slowed in turn: it grows by the delay and no other does; cut short in it, it and those
//! before it are kept and those after it are absent.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::timeline::Clock;
use httpcycle_exporter::probe::Prober;
use quinn::{TransportConfig, VarInt};
use tokio::time::sleep;

use crate::support::dns::{NameServer, Script};
use crate::support::http3::{NAME, Server};
use crate::support::pki::Authority;
use crate::support::{dns, http3, probing};

/// How long the slow phase is slow. Every other must stay below half of it.
const DELAY: Duration = Duration::from_secs(2);

/// The phases that there are.
const PHASES: [Phase; 5] = [
    Phase::Dns,
    Phase::Tls,
    Phase::Send,
    Phase::FirstByte,
    Phase::Transfer,
];

struct Scene {
    _server: Server,
    _name_server: NameServer,
    prober: Prober,
}

/// A server that is slow in one phase. How little it grants is what makes a slow reader felt.
fn slow_in(slow: Phase, delay: Duration) -> Server {
    let authority = Authority::new();
    let tls = http3::tls(&authority);
    let mut transport = TransportConfig::default();
    if slow == Phase::Send {
        transport.stream_receive_window(VarInt::from_u32(5_000));
    }
    http3::serve(authority, tls, transport, move |incoming| async move {
        let wait = async |phase| {
            if phase == slow {
                sleep(delay).await;
            }
        };
        wait(Phase::Tls).await;
        let Ok(connection) = incoming.await else {
            return;
        };
        let connection = h3_quinn::Connection::new(connection);
        let Ok(mut http) = h3::server::Connection::<_, Bytes>::new(connection).await else {
            return;
        };
        let Ok(Some(request)) = http.accept().await else {
            return;
        };
        let Ok((_, mut stream)) = request.resolve_request().await else {
            return;
        };
        wait(Phase::Send).await;
        while let Ok(Some(_)) = stream.recv_data().await {}
        wait(Phase::FirstByte).await;
        let head = Response::builder().status(200).body(()).unwrap();
        // A client may have gone meanwhile.
        stream.send_response(head).await.ok();
        stream.send_data(Bytes::from_static(b"8 ")).await.ok();
        wait(Phase::Transfer).await;
        stream.send_data(Bytes::from_static(b"bytes.")).await.ok();
        stream.finish().await.ok();
        http.accept().await.ok();
    })
}

async fn scene(slow: Phase, delay: Duration, timeout: Duration) -> Scene {
    let server = slow_in(slow, delay);
    let dns_delay = if slow == Phase::Dns {
        delay
    } else {
        Duration::ZERO
    };
    let script = Script::Addresses(vec![server.address.ip()], dns_delay);
    let name_server = dns::serve(script).await;
    let mut module = http3::module(&server);
    module.method = Method::PUT;
    module.body = Bytes::from(vec![b'x'; 12_000]).into();
    module.resolver = Some(name_server.address);
    let url = format!("https://{NAME}:{}/", server.address.port());
    Scene {
        prober: probing::prober(&url, module, timeout),
        _server: server,
        _name_server: name_server,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slow_phase_grows_and_no_other_does() {
    for slow in PHASES {
        // A name server would be given up by then.
        let delay = if slow == Phase::Dns { DELAY / 3 } else { DELAY };
        let scene = scene(slow, delay, DELAY * 10).await;
        let outcome = probing::probe(&scene.prober).await;
        assert_eq!(outcome.failure, None, "{slow:?}");
        assert_eq!(outcome.response.expect("a response").body_bytes, 8);
        let timeline = &outcome.timeline;
        assert_eq!(timeline.phase(Phase::Connect), None, "{timeline:?}");
        for phase in PHASES {
            let took = timeline.phase(phase).expect("it ran");
            if phase == slow {
                assert!(took >= delay * 9 / 10, "{phase:?} took {took:?}");
                assert!(took < DELAY * 2, "{phase:?} took {took:?}");
            } else {
                assert!(took < DELAY / 2, "slow in {slow:?}: {timeline:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phase_cut_short_is_kept_with_those_before_it() {
    // Less than it takes until a name server is given up.
    let timeout = DELAY / 2;
    for (cut, reason) in [
        (Phase::Dns, Reason::DnsTimeout),
        (Phase::Tls, Reason::TlsTimeout),
        (Phase::Send, Reason::SendTimeout),
        (Phase::FirstByte, Reason::FirstByteTimeout),
        (Phase::Transfer, Reason::TransferBodyTimeout),
    ] {
        let scene = scene(cut, DELAY * 10, timeout).await;
        let outcome = probing::probe(&scene.prober).await;
        assert_eq!(super::reason(&outcome), Some(reason), "{outcome:?}");
        for phase in PHASES {
            let kept = outcome.timeline.phase(phase).is_some();
            assert_eq!(kept, phase <= cut, "{phase:?}: {:?}", outcome.timeline);
        }
        let kept = outcome.timeline.phase(cut).expect("kept");
        assert!(kept >= timeout / 2 && kept <= timeout, "{cut:?}: {kept:?}");
    }
}

/// What ends with the arrival of a datagram has the kernel's stamp of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrivals_are_stamped_by_the_kernel() {
    let server = super::by_path();
    // Stamping begins a moment after the first socket asks for it.
    super::probe(&server).await;
    sleep(Duration::from_millis(100)).await;
    let outcome = super::probe(&server).await;
    for span in outcome.timeline.spans() {
        let expected = match span.phase {
            Phase::Send => Clock::User,
            _ => Clock::Kernel,
        };
        assert_eq!(span.clock, expected, "{:?}", outcome.timeline);
    }
}
