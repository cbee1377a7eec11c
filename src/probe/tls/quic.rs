//! TLS within QUIC (RFC 9001): the session that quinn-proto drives, on rustls.
//!
//! Not the one that quinn-proto brings: of an error it keeps no more than the alert and a text, and it
//! does not tell which cipher was agreed on.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use quinn_proto::ConnectError;
use quinn_proto::ConnectionId;
use quinn_proto::Side;
use quinn_proto::TransportError;
use quinn_proto::TransportErrorCode;
use quinn_proto::crypto;
use quinn_proto::crypto::ExportKeyingMaterialError;
use quinn_proto::crypto::HeaderKey;
use quinn_proto::crypto::KeyPair;
use quinn_proto::crypto::PacketKey;
use quinn_proto::transport_parameters::TransportParameters;
use ring::aead;
use rustls::ClientConfig;
use rustls::quic::ClientConnection;
use rustls::quic::KeyChange;
use rustls::quic::Keys;
use rustls::quic::Secrets;
use rustls::quic::Suite;
use rustls::quic::Version;
use rustls_pki_types::ServerName;

use crate::outcome::detail::Agreed;
use crate::probe::tls::chain;

/// How ALPN calls HTTP/3 (RFC 9114, 3.1).
pub const HTTP3: &[u8] = b"h3";

/// The one version that is spoken (RFC 9000, 15).
pub const VERSION_1: u32 = 1;

/// What a Retry is sealed with (RFC 9001, 5.8).
const RETRY_KEY: [u8; 16] = [
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
];

/// What stands beside that key.
const RETRY_NONCE: [u8; 12] = [
    0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
];

/// What a session tells besides what it does.
#[derive(Debug, Default)]
pub struct Notes {
    /// What ended the handshake on this side.
    pub error: Option<rustls::Error>,
    /// What both agreed on, once they have.
    pub agreed: Option<Agreed>,
}

/// Starts the session of one connection.
pub struct SessionStart {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    suite: Suite,
    notes: Arc<Mutex<Notes>>,
}

impl fmt::Debug for SessionStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStart").finish_non_exhaustive()
    }
}

impl SessionStart {
    /// A session that asks for `name`; `None` if the configuration has no suite that QUIC begins
    /// with.
    pub fn new(config: Arc<ClientConfig>, name: ServerName<'static>) -> Option<Self> {
        let suites = &config.crypto_provider().cipher_suites;
        let suite = suites.iter().find_map(|suite| {
            let is_first = suite.suite() == rustls::CipherSuite::TLS13_AES_128_GCM_SHA256;
            suite.tls13().filter(|_| is_first)?.quic_suite()
        })?;
        Some(Self {
            config,
            name,
            suite,
            notes: Arc::default(),
        })
    }

    /// What the session will tell.
    pub fn notes(&self) -> Arc<Mutex<Notes>> {
        self.notes.clone()
    }
}

impl crypto::ClientConfig for SessionStart {
    fn start_session(
        self: Arc<Self>,
        _version: u32,
        _server_name: &str,
        parameters: &TransportParameters,
    ) -> Result<Box<dyn crypto::Session>, ConnectError> {
        let mut bytes = Vec::new();
        parameters.write(&mut bytes);
        let (config, name) = (self.config.clone(), self.name.clone());
        let inner = ClientConnection::new(config, Version::V1, name, bytes)
            .map_err(|_| ConnectError::UnsupportedVersion)?;
        Ok(Box::new(Session {
            inner,
            next: None,
            suite: self.suite,
            notes: self.notes.clone(),
        }))
    }
}

struct Session {
    inner: ClientConnection,
    next: Option<Secrets>,
    suite: Suite,
    notes: Arc<Mutex<Notes>>,
}

impl Session {
    fn note(&self, note: impl FnOnce(&mut Notes)) {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl crypto::Session for Session {
    fn initial_keys(&self, id: &ConnectionId, side: Side) -> crypto::Keys {
        let side = match side {
            Side::Client => rustls::Side::Client,
            Side::Server => rustls::Side::Server,
        };
        pairs(self.suite.keys(id, side, Version::V1))
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        Some(false)
    }

    fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    fn read_handshake(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        let Err(error) = self.inner.read_hs(bytes) else {
            return Ok(false);
        };
        let code = match self.inner.alert() {
            Some(alert) => TransportErrorCode::crypto(alert.into()),
            None => TransportErrorCode::PROTOCOL_VIOLATION,
        };
        self.note(|notes| notes.error = Some(error));
        Err(code.into())
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(mut bytes) = self.inner.quic_transport_parameters() else {
            return Ok(None);
        };
        Ok(Some(TransportParameters::read(Side::Client, &mut bytes)?))
    }

    fn write_handshake(&mut self, bytes: &mut Vec<u8>) -> Option<crypto::Keys> {
        let keys = match self.inner.write_hs(bytes)? {
            KeyChange::Handshake { keys } => keys,
            KeyChange::OneRtt { keys, next } => {
                self.next = Some(next);
                let agreed = chain::agreed(&self.inner);
                self.note(|notes| notes.agreed = Some(agreed));
                keys
            }
        };
        Some(pairs(keys))
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        let keys = self.next.as_mut()?.next_packet_keys();
        Some(KeyPair {
            local: Box::new(keys.local),
            remote: Box::new(keys.remote),
        })
    }

    fn is_valid_retry(&self, id: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        let Some((payload, tag)) = payload.split_at_checked(payload.len().wrapping_sub(16)) else {
            return false;
        };
        let Ok(length) = u8::try_from(id.len()) else {
            return false;
        };
        let sealed = [&[length][..], id, header, payload].concat();
        let Ok(key) = aead::UnboundKey::new(&aead::AES_128_GCM, &RETRY_KEY) else {
            return false;
        };
        let nonce = aead::Nonce::assume_unique_for_key(RETRY_NONCE);
        let mut tag = tag.to_vec();
        let key = aead::LessSafeKey::new(key);
        key.open_in_place(nonce, aead::Aad::from(sealed), &mut tag)
            .is_ok()
    }

    fn export_keying_material(
        &self,
        _output: &mut [u8],
        _label: &[u8],
        _context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        Err(ExportKeyingMaterialError)
    }
}

fn pairs(keys: Keys) -> crypto::Keys {
    crypto::Keys {
        header: KeyPair {
            local: Box::new(keys.local.header),
            remote: Box::new(keys.remote.header),
        },
        packet: KeyPair {
            local: Box::new(keys.local.packet),
            remote: Box::new(keys.remote.packet),
        },
    }
}
