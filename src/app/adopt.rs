//! Adopting a plan: what it says becomes what is probed and shown, and what stays is not touched.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::runtime;

use crate::app::App;
use crate::app::current::Current;
use crate::app::endpoint::ConfiguredProbes;
use crate::app::job::TargetJob;
use crate::app::plan::Plan;
use crate::config::discovery::TargetSource;
use crate::probe::Prober;
use crate::target::Target;

impl App {
    /// Makes `plan` what is probed and shown, with what its sources list.
    pub fn adopt(&mut self, plan: Plan) {
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        let shard = self.settings.shard;
        if !shard.is_whole() {
            let (targets, of) = (plan.targets.len(), plan.n_configured);
            tracing::info!(
                ordinal = shard.ordinal(),
                total = shard.total(),
                targets,
                of,
                "shard"
            );
        }
        self.discovery.search(&plan.sources);
        self.tokens.reconcile(plan.modules());
        let mut probers = plan.probers(&self.system_files, &self.heartbeat);
        probers.extend(self.templates(&plan));
        let mut watched = self.watcher.watch(probers, &self.tokens);
        let templates = watched.split_off(plan.targets.len());
        self.adopt_modules(&plan, templates.iter().cloned());
        self.discovered.begin_anew(&plan, templates);
        let found = self.find();
        self.adopt_series(&plan, &found);
        let configured = plan.targets.iter().zip(watched);
        let configured = configured.filter_map(|(target, current)| self.job(target, current));
        self.discovered.configured = configured.collect();
        self.probe(found, true);
    }

    /// The job of a target whose series stand.
    pub fn job(&self, target: &Arc<Target>, current: Current) -> Option<Arc<TargetJob>> {
        let name = &target.name;
        let (series, history) = (self.store.series(name)?, self.histories.of(name)?);
        let before = self.jobs.get(name);
        let (own, places) = (self.own.clone(), self.places.clone());
        Some(Arc::new(TargetJob::new(
            target.clone(),
            current,
            series,
            history,
            own,
            places,
            before,
        )))
    }

    /// Probers of no target, one for each module that `/probe` probes with.
    pub fn templates(&self, plan: &Plan) -> Vec<Prober> {
        plan.templates(&self.system_files, &self.heartbeat)
    }

    /// Makes the modules of `plan` what `/probe` probes with, as their templates have them.
    pub fn adopt_modules(&self, plan: &Plan, templates: impl IntoIterator<Item = Current>) {
        let modules = plan.endpoint.iter().zip(templates);
        self.endpoint_modules
            .replace(modules.map(|(module, template)| {
                let (own, probing) = (self.own.clone(), runtime::Handle::current());
                let places = self.places.clone();
                ConfiguredProbes {
                    timeout: module.configured.timeout,
                    no_tls: module.tls.as_ref().err().cloned(),
                    module: module.configured.module.clone(),
                    template,
                    own,
                    places,
                    probing,
                    skipping: AtomicBool::new(false),
                }
            }));
    }

    /// Shows the configuration of `plan`, and the series of its targets and of those `found`.
    pub fn adopt_series(&self, plan: &Plan, found: &[Arc<Target>]) {
        self.config_page.replace(plan.shown.clone());
        let sources: Vec<String> = plan.sources.iter().map(TargetSource::name).collect();
        self.own.set_sources(&sources);
        self.reconcile_series(plan.targets.iter(), found, &plan.bounds);
    }
}
