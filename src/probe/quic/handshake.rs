//! The handshake of QUIC, which opens the connection and the session of TLS in one.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::task::Poll;

use quinn_proto::ClientConfig;
use quinn_proto::Endpoint;
use quinn_proto::EndpointConfig;
use quinn_proto::TransportConfig;
use quinn_proto::VarInt;
use tokio::time::Instant;

use crate::outcome::phase::Phase;
use crate::probe::arrival::Arrival;
use crate::probe::connect;
use crate::probe::quic::connection::Connection;
use crate::probe::quic::connection::Loss;
use crate::probe::quic::failure;
use crate::probe::quic::open::Opened;
use crate::probe::quic::socket::DatagramSocket;
use crate::probe::stop::Stop;
use crate::probe::tls::TlsClient;
use crate::probe::tls::quic::VERSION_1;
use crate::probe::walk::Walk;

/// How much a server may send beyond what arrived in order, as much as a kernel lets a TCP connection
/// have. It is granted anew as it is read, so that no transfer waits for us.
const WINDOW_BYTES: u32 = 8 << 20;

/// How many streams a server may have open for itself: HTTP/3 wants three (RFC 9114, 6.2), and some
/// open others that mean nothing.
const SERVER_STREAMS: u32 = 16;

/// Shakes hands over a socket; `host` is the name to ask for, and `identity` whether the server
/// is shown the client's certificate. The phase lasts from the first datagram of the ClientHello to the
/// last one of the handshake that the server sent.
pub async fn handshake(
    opened: Opened,
    tls: &TlsClient,
    host: &str,
    identity: bool,
    walk: &mut Walk,
) -> Result<Connection, Stop> {
    let (session, observer) = tls.quic_session(host, identity)?;
    let notes = session.notes();
    let mut config = ClientConfig::new(Arc::new(session));
    config.version(VERSION_1);
    config.transport_config(transport());
    let wire = walk.wire.clone();
    let began = Instant::now();
    walk.begin(Phase::Tls, began);
    let mut endpoint = Endpoint::new(endpoint_config(), None, false, None);
    // Where the socket leads is its own business; the machine wants some address.
    let remote = opened.socket.peer_addr().unwrap_or(opened.address);
    let begun = endpoint.connect(began.into_std(), config, remote, host);
    let (handle, machine) = begun.map_err(|error| failure::of_start(&error))?;
    let socket = DatagramSocket::new(opened.socket, wire.clone());
    let connection = Connection::new(endpoint, handle, machine, socket, wire.clone());
    connection
        .while_running(|_| {
            let state = connection.state();
            match state.is_connected || state.loss.is_some() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    let loss = {
        let mut state = connection.state();
        match state.is_connected {
            true => None,
            false => state.loss.take(),
        }
    };
    let (first_write, last_read) = {
        let marks = wire.marks();
        (marks.first_write, marks.last_read)
    };
    walk.begin(Phase::Tls, first_write.unwrap_or(began));
    // What the server did last ends the phase.
    let ended_by_bytes = !matches!(&loss, Some(Loss::Io(_)));
    let ended = last_read.filter(|_| ended_by_bytes);
    walk.end(ended.unwrap_or_else(|| Arrival::by_user(Instant::now())));
    let chain = observer.chain();
    let certificate = observer.client_certificate();
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let agreed = notes.agreed.take().filter(|_| loss.is_none());
    tls.note_handshake(agreed, &chain, certificate, walk);
    match loss {
        None => Ok(connection),
        Some(loss) => {
            let (address, source) = (opened.address, opened.source);
            Err(match loss {
                Loss::Io(error) => connect::blame(address, source, false, &error),
                Loss::Quic(error) => {
                    let own = notes.error.take();
                    failure::of_handshake(&error, own, &chain, certificate)
                }
            })
        }
    }
}

fn transport() -> Arc<TransportConfig> {
    static CONFIG: OnceLock<Arc<TransportConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut config = TransportConfig::default();
        config
            .max_concurrent_bidi_streams(VarInt::from_u32(0))
            .max_concurrent_uni_streams(VarInt::from_u32(SERVER_STREAMS))
            .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
            .receive_window(VarInt::from_u32(WINDOW_BYTES))
            // The deadline of the probe ends what is idle.
            .max_idle_timeout(None)
            .datagram_receive_buffer_size(None)
            .mtu_discovery_config(None)
            .enable_segmentation_offload(false);
        Arc::new(config)
    });
    config.clone()
}

fn endpoint_config() -> Arc<EndpointConfig> {
    static CONFIG: OnceLock<Arc<EndpointConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut config = EndpointConfig::default();
        config.supported_versions(vec![VERSION_1]);
        Arc::new(config)
    });
    config.clone()
}
