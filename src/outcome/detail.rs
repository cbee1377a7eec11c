//! What a probe can tell besides its outcome, for those who ask: the loop does not.

use std::net::IpAddr;
use std::sync::Arc;

/// More of what one probe found.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// The address of the target that was tried or would have been, without the redirects; `None` if
    /// it is not known to have one.
    pub ip: Option<IpAddr>,
    /// How the first request went there.
    pub way: Way,
    /// What is known of the head of the final response.
    pub head: Option<Head>,
    /// Headers of the final response that tell what kind of answer it is, fit to be shown; `None`
    /// where nobody asks for them.
    pub headers: Option<Vec<(&'static str, String)>>,
    /// Where redirects led, one after the other, fit to be shown.
    pub redirected_to: Vec<String>,
    /// What TLS of the last connection showed.
    pub tls: Option<Tls>,
}

impl Detail {
    /// Notes the address that is about to be tried in a hop, in which nothing has been seen yet.
    pub fn connecting_to(&mut self, ip: IpAddr, hop: u8) {
        self.head = None;
        self.headers.iter_mut().for_each(Vec::clear);
        self.tls = None;
        if hop == 0 && self.way == Way::Straight {
            self.ip = Some(ip);
        }
    }
}

/// How a request goes to its target.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Way {
    /// On a connection to the target.
    #[default]
    Straight,
    /// Through a proxy.
    Proxy {
        /// Whether the proxy is who looks the target up.
        skips_look_up: bool,
    },
}

/// What the head of a response says of the rest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// How long the body is to be, `None` if it does not say.
    pub content_length: Option<u64>,
    /// When the resource was last changed, in seconds since 1970.
    pub last_modified: Option<i64>,
}

/// What a handshake showed.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What both sides agreed on, `None` if the handshake failed.
    pub agreed: Option<Agreed>,
    /// The chain that the server presented.
    pub chain: Arc<Chain>,
}

/// What the two sides of TLS agree on, as Go's crypto/tls names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Agreed {
    /// The version, as in `TLS 1.3`.
    pub version: &'static str,
    /// The cipher suite, as in `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
}

/// A chain of certificates as blackbox_exporter describes it: texts are of the first one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    /// Whom it is for, as Go's `pkix.Name` is written.
    pub subject: String,
    /// Who vouches for it, likewise.
    pub issuer: String,
    /// The DNS names that it is for, between commas.
    pub alternative_names: String,
    /// Its serial number in hexadecimal digits, without zero bytes before it.
    pub serial_number: String,
    /// When the certificate itself expires, in seconds since 1970.
    pub expiry: Option<i64>,
    /// When the first certificate of the chain expires, in seconds since 1970.
    pub earliest_expiry: Option<i64>,
    /// When the last of the chains to a trusted authority ceases to be valid, `None` if no chain was
    /// verified.
    pub last_chain_expiry: Option<i64>,
}
