//! What to probe: a [`Target`] that exists is valid.

pub mod address;
pub mod body;
pub mod cel;
pub mod checks;
pub mod conflict;
pub mod credentials;
pub mod expression;
pub mod files;
pub mod labels;
pub mod module;
pub mod no_proxy;
pub mod oauth2;
pub mod pointer;
pub mod presets;
pub mod proxy;
pub mod reach;
pub mod secret;
pub mod shard;
pub mod stamp;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::phase::Phase;
use crate::target::address::{Hostname, TargetUrl};
use crate::target::labels::Labels;
use crate::target::module::Module;

/// One thing to probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The value of the label `target`, and the identity over a reload.
    pub name: String,
    /// Where it is.
    pub url: TargetUrl,
    /// How to probe it.
    pub module: Arc<Module>,
    /// The time between the starts of two probes.
    pub interval: Duration,
    /// The time after which a probe is cut short, at most `interval`.
    pub timeout: Duration,
    /// What the user wants on every series of it.
    pub labels: Labels,
}

impl Target {
    /// Whether some name is looked up: that of the proxy, if there is one, and that of the target,
    /// unless it is left to the proxy.
    fn looks_up(&self) -> bool {
        let is_name = |host: &Hostname| matches!(host, Hostname::Name(_));
        let settings = self.module.proxy.as_deref();
        match settings.and_then(|settings| Some((settings, settings.of(&self.url)?))) {
            None => is_name(self.url.host()),
            Some((settings, proxy)) => {
                is_name(&proxy.host) || (!settings.skips_look_up && is_name(self.url.host()))
            }
        }
    }

    /// Whether `phase` can run for this target: an address needs no look-up, plain HTTP no TLS, and in
    /// HTTP/3 one handshake opens the connection and the session.
    pub fn can_run(&self, phase: Phase) -> bool {
        match phase {
            Phase::Dns => self.looks_up(),
            Phase::Tls => self.url.is_tls(),
            Phase::Connect => !self.module.enable_http3,
            Phase::Send | Phase::FirstByte | Phase::Transfer => true,
        }
    }
}
