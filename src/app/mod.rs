//! The wiring: configuration → stores, probers, scheduler, server. The only place that knows all.

mod adopt;
mod current;
mod discovered;
mod doors;
mod endpoint;
mod error;
mod job;
mod limits;
mod places;
mod plan;
mod reload;
mod rotation;
mod signals;
pub mod single;
mod states;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::SystemTime;

use tokio::runtime;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::app::current::Current;
use crate::app::discovered::Discovered;
use crate::app::discovered::SourceFailures;
use crate::app::endpoint::EndpointModules;
pub use crate::app::error::StartError;
use crate::app::job::TargetJob;
use crate::app::places::Places;
use crate::app::plan::Plan;
use crate::app::reload::Reloader;
use crate::app::rotation::Watcher;
use crate::app::signals::StopSignals;
use crate::auth::Tokens;
use crate::config::content::Origin;
use crate::discovery::Discovery;
use crate::history::store::Histories;
use crate::metrics::own::Own;
use crate::metrics::store::Store;
use crate::probe::dns::system::SystemFiles;
use crate::probe::heartbeat::Heartbeat;
use crate::scheduler::Scheduler;
use crate::server;
use crate::server::Site;
use crate::server::config::ConfigPage;
use crate::server::connections::limits::Limits;
use crate::server::door::Door;
use crate::server::external::Prefix;
use crate::server::listen;
use crate::server::listen::ListenAddress;
use crate::server::probe::Endpoint;
use crate::server::reload::Reload;
use crate::target::shard::Shard;

/// How long probes in flight may take once the exporter stops. With what responses under way may take
/// it is less than the ten seconds after which Docker kills.
const PROBE_GRACE: Duration = Duration::from_secs(5);

/// How the operator wants the exporter to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration.
    pub config: Origin,
    /// Where to listen.
    pub listen_addresses: Vec<ListenAddress>,
    /// Whether systemd opened the sockets to listen on, and the addresses do not count.
    pub systemd_socket: bool,
    /// The web configuration file, if there is one.
    pub web_config_file: Option<PathBuf>,
    /// The path of the metrics.
    pub telemetry_path: String,
    /// What stands before the paths of all pages.
    pub prefix: Prefix,
    /// Which of the targets to probe.
    pub shard: Shard,
    /// How many probes of each target to keep.
    pub history_limit: usize,
    /// How many seconds less than the scrape a probe of `/probe` has; `None` to probe nothing on
    /// request.
    pub probe_endpoint: Option<f64>,
    /// Whether `POST /-/reload` reads the configuration again.
    pub lifecycle: bool,
    /// How often to look whether the configuration file has changed; `None` for never.
    pub auto_reload: Option<Duration>,
}

/// Reads the configuration and reports what is wrong with it, whichever targets are this exporter's;
/// opens no socket. Returns the warnings.
pub fn check(settings: &Settings) -> Result<Vec<String>, StartError> {
    let shard = Shard::WHOLE;
    let settings = &Settings {
        shard,
        ..settings.clone()
    };
    let web = settings
        .web_config_file
        .as_deref()
        .map_or(Ok(()), doors::check);
    match (Plan::load(settings), web) {
        (Ok(plan), Ok(())) => Ok(discovered::with_remarks(plan)),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(error),
        (Err(one), Err(other)) => Err(StartError::Both(Box::new([one, other]))),
    }
}

/// Runs the exporter until SIGINT or SIGTERM. `on_ready` is told at which URLs this machine
/// reaches it, once it does and the loop runs.
pub fn run(settings: Settings, on_ready: impl FnOnce(&[String])) -> Result<(), StartError> {
    let plan = Plan::load(&settings);
    let doors = match &settings.web_config_file {
        Some(path) => doors::keep(path),
        None => Ok(doors::open()),
    };
    let (plan, doors) = match (plan, doors) {
        (Ok(plan), Ok(doors)) => (plan, doors),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => return Err(error),
        (Err(one), Err(other)) => return Err(StartError::Both(Box::new([one, other]))),
    };
    let open_files = limits::raise_open_files();
    limits::leave_no_core();
    let probing = probing_runtime().map_err(StartError::Runtime)?;
    let result = probing.block_on(start(settings, plan, doors, open_files, on_ready));
    // A file system that hangs holds up who reads the configuration from it, and nobody else.
    probing.shutdown_background();
    result
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
async fn start(
    settings: Settings,
    plan: Plan,
    doors: watch::Receiver<Arc<Door>>,
    open_files: u64,
    on_ready: impl FnOnce(&[String]),
) -> Result<(), StartError> {
    // Signals first: who sees the port open may send one, and by default it would kill.
    let mut signals = StopSignals::listen().map_err(StartError::Runtime)?;
    let hang_up = signals::hang_up().map_err(StartError::Runtime)?;
    let reloader = Reloader::new(hang_up, settings.auto_reload, plan.digest);
    let listeners: Vec<TcpListener> = match settings.systemd_socket {
        true => listen::from_systemd()?,
        false => settings
            .listen_addresses
            .iter()
            .map(ListenAddress::bind)
            .collect::<Result<_, _>>()?,
    };
    let tls = doors.borrow().tls().is_some();
    let addresses = listeners.iter().filter_map(|one| one.local_addr().ok());
    let addresses: Vec<SocketAddr> = addresses.collect();
    let url = |one: &SocketAddr| listen::url(*one, tls) + &settings.prefix.path_of("");
    let urls: Vec<String> = addresses.iter().map(url).collect();
    for address in &addresses {
        tracing::info!(%address, tls, "listening");
    }
    let places = Places::among(open_files, limits::n_open_files());
    tracing::info!(
        open_files,
        probes = places.count(),
        "limits of what is in flight"
    );
    let mut app = App::new(settings, places)?;
    // Every series and module stands before the first request can come.
    app.adopt_series(&plan, &[]);
    app.tokens.reconcile(plan.modules());
    let templates = app.templates(&plan).into_iter().map(|template| {
        let tokens = app.tokens.of(&template.target().module);
        Current::fixed(Arc::new(template), tokens)
    });
    app.adopt_modules(&plan, templates);
    let (stop_server, server) = app.start_server(listeners, &reloader, doors)?;
    let heartbeat = app.heartbeat.clone();
    tokio::spawn(async move { heartbeat.beat().await });
    app.adopt(plan);
    tokio::select! {
        () = app.find_first() => {}
        // It is stopped below as at any other time.
        () = signals.recv() => {}
    }
    app.ready.store(true, Ordering::Release);
    on_ready(&urls);
    app.run_until_stopped(&mut signals, reloader).await;
    stop_server.send_replace(true);
    tokio::select! {
        joined = spawn_blocking(move || server.join()) => {
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the server ended with a panic");
            }
        }
        () = signals.recv() => tracing::warn!("another signal: responses under way are cut"),
    }
    Ok(())
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
    places: Arc<Places>,
    config_page: Arc<ConfigPage>,
    watcher: Watcher,
    tokens: Tokens,
    discovery: Discovery,
    discovered: Discovered,
    scheduler: Scheduler<TargetJob>,
    jobs: HashMap<String, Arc<TargetJob>>,
}

impl App {
    fn new(settings: Settings, places: Places) -> Result<Self, StartError> {
        let own = Arc::new(Own::new(SystemTime::now()));
        let failures = Arc::new(SourceFailures(own.clone()));
        own.set_shard(settings.shard);
        Ok(Self {
            discovery: Discovery::new(failures),
            discovered: Discovered::default(),
            watcher: Watcher::start().map_err(StartError::Runtime)?,
            tokens: Tokens::default(),
            store: Arc::new(Store::new()),
            histories: Arc::new(Histories::new(settings.history_limit)),
            own,
            ready: Arc::default(),
            system_files: SystemFiles::of_this_system()
                .watched()
                .map_err(StartError::Runtime)?,
            heartbeat: Arc::default(),
            endpoint_modules: Arc::default(),
            places: Arc::new(places),
            config_page: Arc::default(),
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
        reloader: &Reloader,
        doors: watch::Receiver<Arc<Door>>,
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
            prefix: self.settings.prefix.clone(),
            config: self.config_page.clone(),
            shard: self.settings.shard,
            endpoint: endpoint.map(Arc::new),
            reload: self
                .settings
                .lifecycle
                .then(|| Arc::new(reloader.requests()) as Arc<dyn Reload>),
        };
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new()
            .name("serving".to_owned())
            .spawn(move || {
                let limits = Limits::of_this_process();
                serving.block_on(server::serve(listeners, site, doors, limits, stopped));
            })
            .map_err(StartError::Runtime)?;
        Ok((stop, thread))
    }

    /// Probes and reloads until a signal comes, then lets the probes in flight end, for as long as
    /// they are granted and no other signal comes.
    async fn run_until_stopped(&mut self, signals: &mut StopSignals, mut reloader: Reloader) {
        tokio::select! {
            biased;
            () = signals.recv() => {}
            () = reloader.run(self) => {}
        }
        // Who waits for a reload is told that there will be none.
        drop(reloader);
        self.ready.store(false, Ordering::Release);
        tracing::info!("stopping: probes in flight have {PROBE_GRACE:?} to end");
        let patience = async {
            tokio::select! {
                () = signals.recv() => tracing::warn!("another signal: probes in flight are cut"),
                () = sleep(PROBE_GRACE) => {}
            }
        };
        std::mem::take(&mut self.scheduler).stop(patience).await;
        tracing::info!("stopped");
    }
}
