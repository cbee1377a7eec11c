//! The modules of the configuration in use, ready to probe what `/probe` asks for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::app::current::Current;
use crate::app::places::Places;
use crate::metrics::own::Own;
use crate::outcome::Attempt;
use crate::outcome::detail::Detail;
use crate::outcome::skip::SkipReason;
use crate::probe::Prober;
use crate::server::probe::Modules;
use crate::server::probe::ProbeModule;
use crate::server::probe::Probing;
use crate::target::Target;
use crate::target::module::Module;

/// The modules of the configuration in use; a reload puts others in their place.
#[derive(Debug, Default)]
pub struct EndpointModules(RwLock<Arc<HashMap<String, Arc<ConfiguredProbes>>>>);

impl EndpointModules {
    /// Puts these modules in the place of those before. Probes under way keep theirs.
    pub fn replace(&self, modules: impl Iterator<Item = ConfiguredProbes>) {
        let modules = modules.map(|probes| (probes.module.name.clone(), Arc::new(probes)));
        let modules = Arc::new(modules.collect());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = modules;
    }
}

impl Modules for EndpointModules {
    fn find(&self, name: &str) -> Option<Arc<dyn ProbeModule>> {
        let modules = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let probes = modules.get(name)?.clone();
        let template = probes.template.prober();
        Some(Arc::new(ReadyModule { probes, template }))
    }
}

/// A module with what its probes share.
#[derive(Debug)]
pub struct ConfiguredProbes {
    /// How to probe, as the configuration was read.
    pub module: Arc<Module>,
    /// The timeout that is written with it.
    pub timeout: Option<Duration>,
    /// A prober of no target, as the files of the module have it now.
    pub template: Current,
    /// Why TLS cannot be had, if it cannot.
    pub no_tls: Option<String>,
    /// Where probes are counted.
    pub own: Arc<Own>,
    /// Places among the probes in flight, shared with the loop.
    pub places: Arc<Places>,
    /// The runtime that probes.
    pub probing: Handle,
    /// Whether the last probe could not be made, which the log then says once.
    pub skipping: AtomicBool,
}

impl ConfiguredProbes {
    /// Logs what no series can tell: that nothing was measured, and failures that nobody foresaw.
    fn log(&self, attempt: &Attempt) {
        let module = &*self.module.name;
        match attempt {
            Attempt::Skipped(reason) => {
                if !self.skipping.swap(true, Ordering::Relaxed) {
                    let reason = reason.label();
                    tracing::warn!(module, reason, "a probe on request could not be made");
                }
            }
            Attempt::Finished(outcome) => {
                self.skipping.store(false, Ordering::Relaxed);
                let failure = outcome.failure.as_ref();
                if let Some(failure) = failure.filter(|failure| failure.reason.label() == "other") {
                    let (phase, detail) =
                        (failure.reason.place().label(), failure.printable_detail());
                    tracing::error!(
                        module,
                        phase,
                        detail,
                        "unforeseen failure, please report it"
                    );
                }
            }
        }
    }
}

/// A module as it is when a request comes; without a template while a file of it cannot be read.
#[derive(Debug)]
struct ReadyModule {
    probes: Arc<ConfiguredProbes>,
    template: Option<Arc<Prober>>,
}

impl ProbeModule for ReadyModule {
    fn module(&self) -> &Arc<Module> {
        let template = self.template.as_ref();
        template.map_or(&self.probes.module, |template| &template.target().module)
    }

    fn timeout(&self) -> Option<Duration> {
        self.probes.timeout
    }

    fn probe(&self, target: Target) -> Probing {
        let Some(template) = &self.template else {
            let skipped = skipped(SkipReason::SecretUnreadable);
            self.probes.log(&skipped.0);
            return Box::pin(async { Ok(skipped) });
        };
        let proxy = target.module.proxy.as_ref();
        let needs_tls = target.url.is_tls() || proxy.is_some_and(|proxy| proxy.needs_tls());
        if let Some(error) = self.probes.no_tls.as_ref().filter(|_| needs_tls) {
            let name = &target.module.name;
            let error = format!("TLS of module {name:?} cannot work: {error}");
            return Box::pin(async { Err(error) });
        }
        let (probes, template) = (self.probes.clone(), template.clone());
        Box::pin(async move {
            let task = {
                let probes = probes.clone();
                let probing = probes.probing.clone();
                probing.spawn(async move { probe(&probes, &template, target).await })
            };
            let _aborted = AbortOnDrop(task.abort_handle());
            let probed = task.await.unwrap_or_else(|error| {
                skipped(match error.is_panic() {
                    true => SkipReason::Internal,
                    false => SkipReason::Shutdown,
                })
            });
            probes.log(&probed.0);
            Ok(probed)
        })
    }
}

fn skipped(reason: SkipReason) -> (Attempt, Box<Detail>) {
    (Attempt::Skipped(reason), Box::default())
}

/// Probes once there is a token, if the module needs one. The wait for it is no part of the probe; that
/// it leaves less time for it is not charged to the target.
async fn probe(
    probes: &ConfiguredProbes,
    template: &Prober,
    target: Target,
) -> (Attempt, Box<Detail>) {
    let latest = Instant::now() + target.timeout;
    // Who finds none says so.
    probes.template.wait(target.timeout).await.ok();
    let prober = Arc::new(template.aimed_at(target));
    let ready = match probes.template.authorized(prober) {
        Ok(ready) => ready,
        Err(reason) => return skipped(reason),
    };
    let Some(_place) = probes.places.take() else {
        return skipped(SkipReason::FdLimit);
    };
    let _in_flight = probes.own.probe_started();
    let (attempt, detail): (Attempt, Box<Detail>) =
        ready.prober.probe_in_detail_until(latest).await;
    if let Attempt::Finished(outcome) = &attempt {
        probes.own.observe_probe(&outcome.timeline);
        ready.learn(outcome);
    }
    (attempt, detail)
}

/// Ends a probe that nobody waits for any more.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
