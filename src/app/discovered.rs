//! What sources list, beside the targets of the configuration: probed like those, and changed without
//! touching the ones that stay.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::app::current::Current;
use crate::app::job::TargetJob;
use crate::app::plan::Plan;
use crate::config::discovery::TargetSource;
use crate::discovery;
use crate::discovery::Failures;
use crate::discovery::targets;
use crate::discovery::targets::UsableModule;
use crate::discovery::targets::Wanted;
use crate::discovery::told::Told;
use crate::metrics::bounds::Bounds;
use crate::metrics::own::Own;
use crate::scheduler::Job as _;
use crate::target::Target;

/// How long sources may take before the exporter is ready without what they list.
const FIRST: Duration = Duration::from_secs(5);

/// Counts failures of sources as the exporter's own metrics.
pub struct SourceFailures(pub Arc<Own>);

impl Failures for SourceFailures {
    fn failed(&self, source: &str) {
        self.0.source_failed(source);
    }
}

/// What discovered targets are made with, and those that are probed.
#[derive(Debug, Default)]
pub struct Discovered {
    wanted: Wanted,
    /// Probers of no target by the names of their modules.
    templates: HashMap<String, Current>,
    /// The names of the modules that configured targets have.
    used: HashSet<String>,
    bounds: Option<Arc<Bounds>>,
    /// The jobs of the configured targets, in their order.
    pub configured: Vec<Arc<TargetJob>>,
    targets: HashMap<String, Arc<Target>>,
    told: Told,
}

impl Discovered {
    /// Takes what targets are made with from `plan`, whose modules have these templates.
    pub fn begin_anew(&mut self, plan: &Plan, templates: Vec<Current>) {
        self.wanted = wanted(plan);
        self.bounds = Some(plan.bounds.clone());
        let names = plan.endpoint.iter();
        let names = names.map(|ready| ready.configured.module.name.clone());
        self.templates = names.zip(templates).collect();
        let modules = plan.targets.iter().map(|target| &target.module);
        self.used = modules.map(|module| module.name.clone()).collect();
    }
}

/// What `plan` says of discovered targets.
fn wanted(plan: &Plan) -> Wanted {
    let modules = plan.endpoint.iter().map(|ready| {
        let usable = UsableModule {
            configured: ready.configured.clone(),
            no_tls: ready.tls.as_ref().err().cloned(),
        };
        (ready.configured.module.name.clone(), usable)
    });
    Wanted {
        modules: modules.collect(),
        configured: plan.targets.iter().map(|one| one.name.clone()).collect(),
        shard: plan.shown.shard,
    }
}

/// The warnings of a plan, with what can be said of its sources without asking a server.
pub fn with_remarks(plan: Plan) -> Vec<String> {
    let mut answers = Vec::new();
    let mut warnings = plan.warnings.clone();
    for source in &plan.sources {
        if let TargetSource::Files(source) = source {
            let (answer, said) = discovery::files::read_once(source);
            answers.push(answer);
            warnings.extend(said);
        }
    }
    let found = targets::find(&wanted(&plan), &answers, &HashMap::new());
    warnings.extend(found.remarks.into_iter().map(|remark| remark.text));
    if found.n_more_remarks > 0 {
        let n_more = found.n_more_remarks;
        warnings.push(format!("and {n_more} more remarks on discovered targets"));
    }
    warnings
}

impl App {
    /// Waits a moment for what the sources list at first, and probes it.
    pub async fn find_first(&mut self) {
        if self.discovery.tried(FIRST).await {
            self.adopt_found();
        } else {
            tracing::warn!(
                "some sources of targets take longer than {FIRST:?}; they are not waited for"
            );
            self.adopt_found();
        }
    }

    /// Makes what the sources list now what is probed besides the configured targets. Those that stay
    /// are not touched.
    pub fn adopt_found(&mut self) {
        let found = self.find();
        let before = &self.discovered.targets;
        let n_new = found
            .iter()
            .filter(|one| !before.contains_key(&one.name))
            .count();
        let n_gone = before.len() + n_new - found.len();
        let configured = std::mem::take(&mut self.discovered.configured);
        if let Some(bounds) = self.discovered.bounds.clone() {
            let targets = configured.iter().map(|job| job.target());
            self.reconcile_series(targets, &found, &bounds);
        }
        self.discovered.configured = configured;
        let discovered = found.len();
        self.probe(found, false);
        if n_new + n_gone > 0 {
            tracing::info!(discovered, new = n_new, gone = n_gone, "targets discovered");
        }
    }

    /// The targets that the sources list. What is wrong with them is logged once.
    pub fn find(&mut self) -> Vec<Arc<Target>> {
        let answers = self.discovery.answers();
        let discovered = &mut self.discovered;
        let mut found = targets::find(&discovered.wanted, &answers, &discovered.targets);
        for news in discovered.told.news(&mut found) {
            tracing::warn!("{news}");
        }
        found.targets
    }

    /// Makes the series of these targets those that are shown.
    pub fn reconcile_series<'t>(
        &self,
        configured: impl Iterator<Item = &'t Arc<Target>>,
        found: &'t [Arc<Target>],
        bounds: &Arc<Bounds>,
    ) {
        let targets: Vec<Arc<Target>> = configured.chain(found).cloned().collect();
        self.store.reconcile(&targets, bounds);
        self.histories.reconcile(&targets);
        self.own.set_targets(targets.len());
    }

    /// Probes the configured targets and those that were found. A target that is found as it was keeps
    /// its job, unless all is `anew`.
    pub fn probe(&mut self, found: Vec<Arc<Target>>, anew: bool) {
        let used: HashSet<&str> = found.iter().map(|one| one.module.name.as_str()).collect();
        // What has targets keeps a token ready for them. The settings that it is had by may be those of
        // files that have changed since the configuration was read.
        let configured = &self.discovered.used;
        self.tokens
            .keep(|module| configured.contains(module) || used.contains(module));
        let configured = self.discovered.configured.iter();
        let mut in_order: Vec<_> = configured.cloned().collect();
        in_order.reserve(found.len());
        let mut joining = Vec::new();
        for target in &found {
            let same = self.jobs.get(&target.name).filter(|_| !anew);
            let same = same.filter(|job| Arc::ptr_eq(job.target(), target));
            let job = match same {
                Some(job) => Some(job.clone()),
                None => {
                    let template = self.discovered.templates.get(&target.module.name);
                    template.and_then(|template| {
                        let (current, joins) = template.aimed_at(target);
                        joining.extend(joins);
                        self.job(target, current)
                    })
                }
            };
            in_order.extend(job);
        }
        self.watcher.join(joining);
        let jobs = in_order.iter();
        let jobs = jobs.map(|job| (job.target().name.clone(), job.clone()));
        self.jobs = jobs.collect();
        let found = found.into_iter();
        self.discovered.targets = found.map(|target| (target.name.clone(), target)).collect();
        self.scheduler.reconcile(in_order);
    }
}
