//! A configuration made ready to run: whatever can be wrong with it is known once a plan exists.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::app::Settings;
use crate::app::StartError;
use crate::config::ConfiguredModule;
use crate::config::content::Content;
use crate::config::content::Digest;
use crate::config::discovery::TargetSource;
use crate::metrics::bounds::Bounds;
use crate::probe::Prober;
use crate::probe::dns::Resolver;
use crate::probe::dns::system::SystemFiles;
use crate::probe::heartbeat::Heartbeat;
use crate::probe::tls::TlsClient;
use crate::server::config::Configured;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;
use crate::target::module::Module;
use crate::target::tls::TlsSettings;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// The targets of this shard, in the order of the file.
    pub targets: Vec<Arc<Target>>,
    /// How many targets all shards have.
    pub n_configured: usize,
    /// What each target needs for TLS, in the same order.
    tls_clients: Vec<Option<Arc<TlsClient>>>,
    /// Where further targets are found.
    pub sources: Vec<TargetSource>,
    /// The bounds of the histograms.
    pub bounds: Arc<Bounds>,
    /// What to show of it.
    pub shown: Arc<Configured>,
    /// The modules that `/probe` and discovered targets are probed with, if there are any.
    pub endpoint: Vec<EndpointModule>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// That of the file that it was made of.
    pub digest: Digest,
}

/// A module that is aimed at targets which are not in the configuration.
#[derive(Debug)]
pub struct EndpointModule {
    /// The module with its timeout.
    pub configured: ConfiguredModule,
    /// What it needs for TLS, or why it cannot have it: not every module is for https.
    pub tls: Result<Arc<TlsClient>, String>,
}

/// The TLS clients of a configuration, one for equal settings: each holds all trusted roots.
#[derive(Debug, Default)]
struct TlsClients(Vec<(TlsSettings, Arc<TlsClient>)>);

impl TlsClients {
    fn build(&mut self, settings: &TlsSettings) -> Result<Arc<TlsClient>, String> {
        if let Some((_, client)) = self.0.iter().find(|(built_of, _)| built_of == settings) {
            return Ok(client.clone());
        }
        let client = Arc::new(TlsClient::new(settings)?);
        self.0.push((settings.clone(), client.clone()));
        Ok(client)
    }
}

impl Plan {
    /// Loads the configuration and builds what TLS needs.
    pub fn load(settings: &Settings) -> Result<Self, StartError> {
        Self::of(settings, settings.config.read()?)
    }

    /// Loads what was read of the configuration and builds what TLS needs.
    pub fn of(settings: &Settings, content: Content) -> Result<Self, StartError> {
        let digest = content.digest();
        let tls_clients = RefCell::new(TlsClients::default());
        let config = content.load(&|tls| tls_clients.borrow_mut().build(tls).map(|_| ()))?;
        let seconds: Vec<f64> = config
            .histogram_bounds
            .iter()
            .map(Duration::as_secs_f64)
            .collect();
        let bounds = Bounds::new(&seconds).map_err(StartError::Unbuildable)?;
        let n_configured = config.targets.len();
        let own = config.targets.into_iter();
        let own = own.filter(|target| settings.shard.owns(&target.name));
        let targets: Vec<_> = own.map(Arc::new).collect();
        let mut tls_clients = tls_clients.into_inner();
        let mut no_https: Option<String> = None;
        let of_targets = targets.iter().map(|target| {
            let module = &target.module;
            let proxy = module.proxy.as_ref();
            if target.url.is_tls() || proxy.is_some_and(|proxy| proxy.needs_tls()) {
                return tls_clients.build(&module.tls).map(Some).map_err(|what| {
                    StartError::Unbuildable(format!("target {:?}: {what}", target.name))
                });
            }
            // Redirects may lead to https. A system without authorities can still probe http.
            if !module.follow_redirects {
                return Ok(None);
            }
            let built = tls_clients.build(&module.tls);
            Ok(built.map_err(|what| no_https = Some(what)).ok())
        });
        let tls_clients_of_targets = of_targets.collect::<Result<_, _>>()?;
        let mut warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        warnings.extend(no_https.map(|what| {
            format!(
                "redirects from http to https cannot be followed, their slots are skipped: {what}"
            )
        }));
        let modules = config.modules.values();
        let modules = modules.map(|module| (module.module.clone(), module.timeout));
        let shown = Configured {
            modules: modules.collect(),
            targets: targets.clone(),
            sources: config.sources.clone(),
            shard: settings.shard,
            histogram_bounds: config.histogram_bounds,
        };
        let modules = config.modules.into_values();
        let is_wanted = settings.probe_endpoint.is_some() || !config.sources.is_empty();
        let modules = modules.filter(|_| is_wanted);
        let endpoint = modules.map(|configured| {
            let tls = tls_clients.build(&configured.module.tls);
            EndpointModule { configured, tls }
        });
        Ok(Self {
            digest,
            tls_clients: tls_clients_of_targets,
            endpoint: endpoint.collect(),
            targets,
            sources: config.sources,
            n_configured,
            bounds: Arc::new(bounds),
            shown: Arc::new(shown),
            warnings,
        })
    }

    /// Its modules, each with whether a target has it; some more than once.
    pub fn modules(&self) -> impl Iterator<Item = (&Arc<Module>, bool)> {
        let of_targets = self.targets.iter().map(|target| (&target.module, true));
        let endpoint = self.endpoint.iter();
        of_targets.chain(endpoint.map(|one| (&one.configured.module, false)))
    }

    /// Makes the probers, in the order of the targets.
    pub fn probers(
        &self,
        system_files: &Arc<SystemFiles>,
        heartbeat: &Arc<Heartbeat>,
    ) -> Vec<Prober> {
        let mut resolvers: HashMap<Option<SocketAddr>, Arc<Resolver>> = HashMap::new();
        let targets = self.targets.iter().zip(&self.tls_clients);
        targets
            .map(|(target, tls)| {
                let server = target.module.resolver;
                let resolver = resolvers
                    .entry(server)
                    .or_insert_with(|| Arc::new(Resolver::new(system_files.clone(), server)));
                Prober::new(target.clone(), resolver.clone(), tls.clone())
                    .with_heartbeat(heartbeat.clone())
            })
            .collect()
    }

    /// Makes a prober for each of those modules, in their order, that is to be aimed at a target.
    pub fn templates(
        &self,
        system_files: &Arc<SystemFiles>,
        heartbeat: &Arc<Heartbeat>,
    ) -> Vec<Prober> {
        let modules = self.endpoint.iter();
        modules
            .map(|EndpointModule { configured, tls }| {
                let module = configured.module.clone();
                let resolver = Resolver::new(system_files.clone(), module.resolver);
                let nowhere = Target {
                    name: module.name.clone(),
                    url: TargetUrl::loopback(),
                    interval: Duration::MAX,
                    timeout: Duration::MAX,
                    labels: Labels::default(),
                    module,
                };
                Prober::new(Arc::new(nowhere), Arc::new(resolver), tls.clone().ok())
                    .with_heartbeat(heartbeat.clone())
            })
            .collect()
    }
}
