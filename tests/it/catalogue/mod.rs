//! What peers do that is wrong, or odd and right, as data: one row, one behaviour, one expected
//! place and reason. Each can be started any number of times, in any process.

mod bodies;
mod certificates;
mod chains;
mod chunks;
mod compressed;
mod connections;
mod frames;
mod framing;
mod handshakes;
mod heads;
mod http2;
mod look_ups;
mod name_servers;
mod records;
mod redirects;
mod sessions;
mod statuses;
mod unsolicited;
mod uploads;

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::{ClientIdentity, TlsSettings};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::peer;
use crate::support::peer::{Peer, Then};

/// One behaviour and what must be made of it.
pub struct Behaviour {
    /// Unique in the catalogue.
    pub name: String,
    /// The reason of the failure, which implies its place; `None` for a success.
    pub expected: Option<Reason>,
    /// The code that counts.
    pub code: Option<u16>,
    /// The last phase that has a time, where it is not the one that the reason stands under.
    pub last_phase: Option<Phase>,
    /// The shortest timeout with which the peer comes to its point.
    pub takes: Duration,
    /// Whether the peer may be done before it is asked, so that nothing is sent.
    pub unasked: bool,
    /// Whether it lasts until the probe is cut by its deadline though the reason tells another thing.
    pub to_the_deadline: bool,
    /// What else must hold, with its words.
    pub also: Vec<(&'static str, Check)>,
    changes: Vec<Change>,
    start: Start,
}

/// Something that must hold of an outcome.
type Check = Box<dyn Fn(&Outcome) -> bool + Send + Sync>;

/// What is different of the module that probes it.
type Change = Box<dyn Fn(&mut Module) + Send + Sync>;

/// How it is started.
type Start = Box<dyn Fn() -> BoxFuture<'static, Stage> + Send + Sync>;

/// A behaviour that runs until this is dropped.
pub struct Stage {
    /// Where to find it.
    pub place: Place,
    _peers: Vec<Box<dyn Any + Send>>,
}

/// Where a behaviour that runs is to be found and what lets a probe in: plain data, so that it can be
/// told to another process.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// What to probe.
    pub url: String,
    /// The name server to ask.
    pub resolver: Option<SocketAddr>,
    /// The authorities to trust, in DER.
    pub authorities: Option<Vec<Vec<u8>>>,
    /// The certificate and the key of the client, in DER.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Every behaviour.
pub fn all() -> Vec<Behaviour> {
    [
        look_ups::all(),
        name_servers::all(),
        connections::all(),
        handshakes::all(),
        certificates::all(),
        chains::all(),
        records::all(),
        sessions::all(),
        unsolicited::all(),
        uploads::all(),
        heads::all(),
        statuses::all(),
        framing::all(),
        chunks::all(),
        bodies::all(),
        compressed::all(),
        redirects::all(),
        http2::all(),
        frames::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Behaviour {
    /// A behaviour that `start` starts, and that is no failure.
    pub fn new<F, Fut>(name: impl Into<String>, start: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Stage> + Send + 'static,
    {
        Self {
            name: name.into(),
            expected: None,
            code: None,
            last_phase: None,
            takes: Duration::ZERO,
            unasked: false,
            to_the_deadline: false,
            also: Vec::new(),
            changes: Vec::new(),
            start: Box::new(move || start().boxed()),
        }
    }

    /// A peer that reads a request of HTTP/1, sends `bytes` and does `then`.
    pub fn answering(name: impl Into<String>, bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::new(name, move || {
            let bytes = bytes.clone();
            async move { Stage::of(peer::answering(bytes.to_vec(), then).await) }
        })
    }

    /// A peer that reads a request and sends `bytes` in pieces, each of so many bytes and `pause`
    /// after the other.
    pub fn in_pieces(
        name: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
        piece_bytes: usize,
        pause: Duration,
    ) -> Self {
        let bytes = bytes.into();
        Self::writing(name, move |mut stream| {
            let bytes = bytes.clone();
            async move {
                for piece in bytes.chunks(piece_bytes) {
                    if stream.write_all(piece).await.is_err() {
                        return;
                    }
                    sleep(pause).await;
                }
                peer::finish(stream, Then::Hold).await;
            }
        })
    }

    /// A peer that reads a request, sends `before` and then the bytes of `drip`, one each `pause`,
    /// over and over.
    pub fn dripping(
        name: impl Into<String>,
        before: impl Into<Vec<u8>>,
        drip: &str,
        pause: Duration,
    ) -> Self {
        let (before, drip) = (before.into(), drip.to_owned());
        Self::writing(name, move |mut stream| {
            let (before, drip) = (before.clone(), drip.clone());
            async move {
                stream.write_all(&before).await.ok();
                for byte in drip.bytes().cycle() {
                    sleep(pause).await;
                    if stream.write_u8(byte).await.is_err() {
                        return;
                    }
                }
            }
        })
    }

    /// A peer that reads a request, sends `before` and then `bytes` over and over, as fast as it
    /// can.
    pub fn flooding(name: impl Into<String>, before: impl Into<Vec<u8>>, bytes: &[u8]) -> Self {
        let before = before.into();
        let bytes: Arc<[u8]> = bytes.repeat(16_384_usize.div_ceil(bytes.len())).into();
        Self::writing(name, move |mut stream| {
            let (before, bytes) = (before.clone(), bytes.clone());
            async move {
                stream.write_all(&before).await.ok();
                while stream.write_all(&bytes).await.is_ok() {}
            }
        })
    }

    /// A peer that reads a request and then does as `write` does.
    fn writing<F, Fut>(name: impl Into<String>, write: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let write = Arc::new(write);
        Self::new(name, move || {
            let write = write.clone();
            async move {
                let peer = peer::serve(move |mut stream| {
                    let write = write.clone();
                    async move {
                        stream.set_nodelay(true).unwrap();
                        peer::read_request(&mut stream).await;
                        write(stream).await;
                    }
                });
                Stage::of(peer.await)
            }
        })
    }

    pub fn fails(mut self, reason: impl Into<Option<Reason>>) -> Self {
        self.expected = reason.into();
        self
    }

    pub fn counts(mut self, code: impl Into<Option<u16>>) -> Self {
        self.code = code.into();
        self
    }

    pub fn cut_in(mut self, phase: Phase) -> Self {
        self.last_phase = Some(phase);
        self
    }

    pub fn takes(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }

    pub fn unasked(mut self) -> Self {
        self.unasked = true;
        self
    }

    pub fn until_cut(mut self) -> Self {
        self.to_the_deadline = true;
        self
    }

    pub fn also(
        mut self,
        words: &'static str,
        check: impl Fn(&Outcome) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.also.push((words, Box::new(check)));
        self
    }

    /// Changes the module that probes it.
    pub fn probed(mut self, change: impl Fn(&mut Module) + Send + Sync + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Starts it; it ends when the stage is dropped.
    pub async fn start(&self) -> Stage {
        (self.start)().await
    }

    /// The module that probes it at `place`.
    pub fn module(&self, place: &Place) -> Module {
        let mut module = Module {
            resolver: place.resolver,
            tls: place.tls(),
            ..Module::http_2xx()
        };
        for change in &self.changes {
            change(&mut module);
        }
        module
    }

    /// Whether it lasts until the probe is cut by its deadline.
    pub fn lasts(&self) -> bool {
        self.to_the_deadline
            || self.expected.is_some_and(|reason| {
                reason.label().ends_with("timeout") || reason == Reason::TransferH2Stalled
            })
    }
}

impl Place {
    fn tls(&self) -> TlsSettings {
        let certificate = |der: &Vec<u8>| CertificateDer::from(der.clone());
        TlsSettings {
            // Who trusts nobody meets no TLS; the system's authorities would be read for nothing.
            verify: self.authorities.is_some(),
            authorities: self
                .authorities
                .as_ref()
                .map(|authorities| authorities.iter().map(certificate).collect()),
            identity: self.identity.as_ref().map(|(chain, key)| ClientIdentity {
                chain: vec![certificate(chain)],
                key: Arc::new(PrivateKeyDer::try_from(key.clone()).unwrap()).into(),
            }),
            ..TlsSettings::default()
        }
    }
}

impl Stage {
    /// A peer without TLS, probed by its address.
    pub fn of(peer: Peer) -> Self {
        let url = format!("http://{}/", peer.address);
        Self::at(url).held_by(peer)
    }

    /// Whatever is to be found at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            place: Place {
                url: url.into(),
                ..Place::default()
            },
            _peers: Vec::new(),
        }
    }

    /// Keeps something alive with the stage.
    pub fn held_by(mut self, peer: impl Any + Send) -> Self {
        self._peers.push(Box::new(peer));
        self
    }

    /// Trusts these authorities.
    pub fn trusting(mut self, authorities: &[CertificateDer<'static>]) -> Self {
        let authorities = authorities.iter().map(|der| der.to_vec()).collect();
        self.place.authorities = Some(authorities);
        self
    }
}
