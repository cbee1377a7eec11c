//! The modules of the configuration in use, ready to probe what `/probe` asks for.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::metrics::own::Own;
use crate::outcome::Attempt;
use crate::outcome::detail::Detail;
use crate::outcome::skip::SkipReason;
use crate::probe::Prober;
use crate::probe::dns::Resolver;
use crate::probe::heartbeat::Heartbeat;
use crate::probe::tls::TlsClient;
use crate::server::probe::Modules;
use crate::server::probe::ProbeModule;
use crate::server::probe::Probed;
use crate::server::probe::Probing;
use crate::target::Target;
use crate::target::module::Module;

/// The modules of the configuration in use; a reload puts others in their place.
#[derive(Debug, Default)]
pub struct EndpointModules(RwLock<Arc<HashMap<String, Arc<ReadyModule>>>>);

impl EndpointModules {
    /// Puts these modules in the place of those before. Probes under way keep theirs.
    pub fn replace(&self, modules: impl Iterator<Item = ReadyModule>) {
        let modules = modules.map(|ready| (ready.module.name.clone(), Arc::new(ready)));
        let modules = Arc::new(modules.collect());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = modules;
    }
}

impl Modules for EndpointModules {
    fn find(&self, name: &str) -> Option<Arc<dyn ProbeModule>> {
        let modules = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = modules.get(name)?;
        Some(found.clone())
    }
}

/// A module with what its probes share.
pub struct ReadyModule {
    /// How to probe.
    pub module: Arc<Module>,
    /// The timeout that is written with it.
    pub timeout: Option<Duration>,
    /// What TLS needs, or why it cannot be had.
    pub tls: Result<Arc<TlsClient>, String>,
    /// Who is asked for addresses.
    pub resolver: Arc<Resolver>,
    /// Tells when the runtime stands still.
    pub heartbeat: Arc<Heartbeat>,
    /// Where probes are counted.
    pub own: Arc<Own>,
    /// The runtime that probes.
    pub probing: Handle,
}

impl fmt::Debug for ReadyModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.module, f)
    }
}

impl ProbeModule for ReadyModule {
    fn module(&self) -> &Arc<Module> {
        &self.module
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn probe(&self, target: Target) -> Probing {
        let proxy = target.module.proxy.as_ref();
        let needs_tls = target.url.is_tls() || proxy.is_some_and(|proxy| proxy.needs_tls());
        let tls = match &self.tls {
            Ok(tls) => Some(tls.clone()),
            // A redirect that leads to https is a failure then.
            Err(_) if !needs_tls => None,
            Err(error) => {
                let error = format!("TLS of module {:?} cannot work: {error}", self.module.name);
                return Box::pin(async { Err(error) });
            }
        };
        let prober = Prober::new(Arc::new(target), self.resolver.clone(), tls)
            .with_heartbeat(self.heartbeat.clone());
        let (own, probing) = (self.own.clone(), self.probing.clone());
        Box::pin(async move {
            let task = probing.spawn(async move { probe(&prober, &own).await });
            let _aborted = AbortOnDrop(task.abort_handle());
            task.await.unwrap_or_else(|error| {
                let reason = match error.is_panic() {
                    true => SkipReason::Internal,
                    false => SkipReason::Shutdown,
                };
                Ok((Attempt::Skipped(reason), Box::default()))
            })
        })
    }
}

async fn probe(prober: &Prober, own: &Own) -> Probed {
    let _in_flight = own.probe_started();
    let (attempt, detail): (Attempt, Box<Detail>) = prober.probe_in_detail().await;
    if let Attempt::Finished(outcome) = &attempt {
        own.observe_probe(&outcome.timeline);
    }
    Ok((attempt, detail))
}

/// Ends a probe that nobody waits for any more.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
