//! The wiring: configuration → stores, probers, scheduler, server. The only place that knows all.

mod endpoint;
mod error;
mod job;
mod limits;
mod plan;
mod rotation;
mod states;

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::SystemTime;

use tokio::runtime;
use tokio::runtime::Runtime;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::watch;

use crate::app::endpoint::ConfiguredProbes;
use crate::app::endpoint::EndpointModules;
pub use crate::app::error::StartError;
use crate::app::job::TargetJob;
use crate::app::plan::Plan;
use crate::app::rotation::Current;
use crate::app::rotation::Watcher;
use crate::history::store::Histories;
use crate::metrics::own::Own;
use crate::metrics::store::Store;
use crate::probe::Prober;
use crate::probe::dns::system::SystemFiles;
use crate::probe::heartbeat::Heartbeat;
use crate::scheduler::Scheduler;
use crate::server::Site;
use crate::server::listen::ListenAddress;
use crate::server::probe::Endpoint;

/// How the operator wants the exporter to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration file.
    pub config_file: PathBuf,
    /// Where to listen.
    pub listen_addresses: Vec<ListenAddress>,
    /// The path of the metrics.
    pub telemetry_path: String,
    /// How many probes of each target to keep.
    pub history_limit: usize,
    /// How many seconds less than the scrape a probe of `/probe` has; `None` to probe nothing on
    /// request.
    pub probe_endpoint: Option<f64>,
}

/// Reads the configuration and reports what is wrong with it; opens no socket. Returns the
/// warnings.
pub fn check(settings: &Settings) -> Result<Vec<String>, StartError> {
    Ok(Plan::load(settings)?.warnings)
}

/// Runs the exporter until SIGINT or SIGTERM.
pub fn run(settings: Settings) -> Result<(), StartError> {
    let plan = Plan::load(&settings)?;
    limits::raise_open_files();
    probing_runtime()
        .map_err(StartError::Runtime)?
        .block_on(start(settings, plan))
}

/// What probes run on.
pub fn probing_runtime() -> io::Result<Runtime> {
    // More than one worker: a target that floods must not stall the probes of others.
    let workers = thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("probing")
        .enable_all()
        .build()
}

/// Starts the parts in the order in which the outside may come to know of them.
async fn start(settings: Settings, plan: Plan) -> Result<(), StartError> {
    // Signals first: who sees the port open may send one, and by default it would kill.
    let signals = Signals::listen().map_err(StartError::Runtime)?;
    let listeners: Vec<TcpListener> = settings
        .listen_addresses
        .iter()
        .map(ListenAddress::bind)
        .collect::<Result<_, _>>()?;
    for listener in &listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
    }
    let mut app = App::new(settings)?;
    // Every series and module stands before the first request can come.
    app.adopt_series(&plan);
    let templates = app.templates(&plan);
    app.adopt_modules(&plan, templates.into_iter().map(Current::fixed));
    let (stop_server, server) = app.start_server(listeners)?;
    let heartbeat = app.heartbeat.clone();
    tokio::spawn(async move { heartbeat.beat().await });
    app.adopt(plan);
    app.ready.store(true, Ordering::Release);
    app.run_until_stopped(signals).await;
    stop_server.send_replace(true);
    if server.join().is_err() {
        tracing::error!("the server ended with a panic");
    }
    Ok(())
}

/// The signals that the exporter acts on.
struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }
}

/// The running exporter.
struct App {
    settings: Settings,
    store: Arc<Store>,
    histories: Arc<Histories>,
    own: Arc<Own>,
    ready: Arc<AtomicBool>,
    system_files: Arc<SystemFiles>,
    heartbeat: Arc<Heartbeat>,
    endpoint_modules: Arc<EndpointModules>,
    watcher: Watcher,
    scheduler: Scheduler<TargetJob>,
    jobs: HashMap<String, Arc<TargetJob>>,
}

impl App {
    fn new(settings: Settings) -> Result<Self, StartError> {
        Ok(Self {
            watcher: Watcher::start().map_err(StartError::Runtime)?,
            store: Arc::new(Store::new()),
            histories: Arc::new(Histories::new(settings.history_limit)),
            own: Arc::new(Own::new(SystemTime::now())),
            ready: Arc::default(),
            system_files: Arc::new(SystemFiles::of_this_system()),
            heartbeat: Arc::default(),
            endpoint_modules: Arc::default(),
            scheduler: Scheduler::new(),
            jobs: HashMap::new(),
            settings,
        })
    }

    /// Starts the server on a thread and runtime of its own, so that scrapes and probes share
    /// neither workers nor timers.
    fn start_server(
        &self,
        listeners: Vec<TcpListener>,
    ) -> Result<(watch::Sender<bool>, thread::JoinHandle<()>), StartError> {
        let serving = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let endpoint = self.settings.probe_endpoint.map(|offset| {
            let modules = self.endpoint_modules.clone();
            Endpoint::new(modules, offset, self.settings.history_limit)
        });
        let site = Site {
            store: self.store.clone(),
            histories: self.histories.clone(),
            own: self.own.clone(),
            ready: self.ready.clone(),
            telemetry_path: self.settings.telemetry_path.clone(),
            endpoint: endpoint.map(Arc::new),
        };
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new()
            .name("serving".to_owned())
            .spawn(move || serving.block_on(crate::server::serve(listeners, site, stopped)))
            .map_err(StartError::Runtime)?;
        Ok((stop, thread))
    }

    async fn run_until_stopped(&mut self, mut signals: Signals) {
        loop {
            tokio::select! {
                _ = signals.interrupt.recv() => break,
                _ = signals.terminate.recv() => break,
                // Signals that come during a reload are one signal after it.
                _ = signals.hang_up.recv() => self.reload().await,
            }
        }
        self.ready.store(false, Ordering::Release);
        tracing::info!("stopping: probes in flight run to their end");
        std::mem::take(&mut self.scheduler).stop().await;
        tracing::info!("stopped");
    }

    /// Reads the configuration again; one that is broken changes nothing.
    async fn reload(&mut self) {
        let settings = self.settings.clone();
        // Reading takes too long for a thread that probes.
        let loaded = tokio::task::spawn_blocking(move || Plan::load(&settings)).await;
        match loaded {
            Ok(Ok(plan)) => {
                self.adopt(plan);
                self.own.reload_succeeded(SystemTime::now());
                tracing::info!(targets = self.jobs.len(), "configuration reloaded");
            }
            Ok(Err(error)) => {
                self.own.reload_failed();
                tracing::error!(%error, "configuration not reloaded, the old one stays");
            }
            Err(error) => {
                self.own.reload_failed();
                tracing::error!(%error, "configuration not reloaded, the old one stays");
            }
        }
    }

    /// Makes `plan` what is probed and shown.
    fn adopt(&mut self, plan: Plan) {
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        self.adopt_series(&plan);
        let mut probers = plan.probers(&self.system_files, &self.heartbeat);
        probers.extend(self.templates(&plan));
        let mut watched = self.watcher.watch(probers);
        let templates = watched.split_off(plan.targets.len());
        self.adopt_modules(&plan, templates);
        let mut jobs = HashMap::with_capacity(watched.len());
        let mut in_order = Vec::with_capacity(watched.len());
        for (target, current) in plan.targets.iter().zip(watched) {
            let name = target.name.clone();
            let (Some(series), Some(history)) =
                (self.store.series(&name), self.histories.of(&name))
            else {
                continue;
            };
            let before = self.jobs.get(&name);
            let own = self.own.clone();
            let target = target.clone();
            let job = Arc::new(TargetJob::new(
                target, current, series, history, own, before,
            ));
            in_order.push(job.clone());
            jobs.insert(name, job);
        }
        self.jobs = jobs;
        self.scheduler.reconcile(in_order);
    }

    /// Probers of no target, one for each module that `/probe` probes with.
    fn templates(&self, plan: &Plan) -> Vec<Prober> {
        plan.templates(&self.system_files, &self.heartbeat)
    }

    /// Makes the modules of `plan` what `/probe` probes with, as their templates have them.
    fn adopt_modules(&self, plan: &Plan, templates: impl IntoIterator<Item = Current>) {
        let modules = plan.endpoint.iter().zip(templates);
        self.endpoint_modules
            .replace(modules.map(|(module, template)| {
                let (own, probing) = (self.own.clone(), runtime::Handle::current());
                ConfiguredProbes {
                    timeout: module.configured.timeout,
                    no_tls: module.tls.as_ref().err().cloned(),
                    module: module.configured.module.clone(),
                    template,
                    own,
                    probing,
                    skipping: AtomicBool::new(false),
                }
            }));
    }

    fn adopt_series(&self, plan: &Plan) {
        self.store.reconcile(&plan.targets, &plan.bounds);
        self.histories.reconcile(&plan.targets);
        self.own.set_targets(plan.targets.len());
    }
}
