//! A target that no file lists: what the command line is asked to probe.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio::time::timeout;

use crate::app::StartError;
use crate::app::current::Current;
use crate::app::limits;
use crate::app::probing_runtime;
use crate::app::signals::StopSignals;
use crate::auth::Tokens;
use crate::config;
use crate::config::ConfiguredModule;
use crate::outcome::Attempt;
use crate::outcome::detail::Detail;
use crate::outcome::skip::SkipReason;
use crate::probe::Prober;
use crate::probe::dns::Resolver;
use crate::probe::dns::system::SystemFiles;
use crate::probe::heartbeat::Heartbeat;
use crate::probe::show::Unfinished;
use crate::probe::tls::TlsClient;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;
use crate::target::module::Module;

/// The timeout of a module that names none.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The kernel begins to stamp what arrives a moment after the first socket asks for it.
const STAMPING_BEGINS: Duration = Duration::from_millis(20);

/// What was found is told within this time of a signal, or not at all.
const FAREWELL: Duration = Duration::from_secs(1);

/// For how long somebody who wants to see a probe waits for the token that it needs: longer than asking
/// for it may take.
const TOKEN_PATIENCE: Duration = Duration::from_secs(60);

/// A target that can be probed, with the runtime to do so.
#[derive(Debug)]
pub struct SingleTarget {
    target: Arc<Target>,
    current: Arc<Current>,
    /// Those of the target's module, which are fetched for as long as this is there.
    _tokens: Tokens,
    runtime: Runtime,
    stopped: watch::Receiver<bool>,
}

/// Why there are no more probes.
#[derive(Clone, Copy, Debug)]
pub enum Ended {
    /// Nobody wanted more.
    Enough,
    /// A signal came, and ended the probe that was under way, if one was.
    Interrupted(Option<Unfinished>),
}

impl SingleTarget {
    /// Prepares probes of `url` with a module of the configuration file; without a file there is the
    /// one that exists unwritten. SIGINT and SIGTERM end the probes; `give_up` is called for the second
    /// of them, or when the process is still there a while after the first, as what it writes may go
    /// where nobody reads.
    pub fn prepare(
        url: TargetUrl,
        module: &str,
        config_file: Option<&Path>,
        give_up: fn(),
    ) -> Result<Self, StartError> {
        let ConfiguredModule { module, timeout } = match config_file {
            None => ConfiguredModule {
                module: Arc::new(Module::http_2xx()),
                timeout: None,
            },
            Some(file) => configured(module, file)?,
        };
        if module.enable_http3 && !url.is_tls() {
            let name = &module.name;
            let what = format!(
                "module {name:?} has enable_http3, and there is no HTTP/3 for http; write https://"
            );
            return Err(StartError::Unbuildable(what));
        }
        limits::leave_no_core();
        let timeout = timeout.unwrap_or(TIMEOUT);
        let proxy = module.proxy.as_ref();
        let needs_tls = url.is_tls() || proxy.is_some_and(|proxy| proxy.needs_tls());
        let tls = match TlsClient::new(&module.tls) {
            Ok(client) => Some(Arc::new(client)),
            // Plain HTTP can be probed on a system without authorities.
            Err(_) if !needs_tls => None,
            Err(what) => {
                let name = &module.name;
                let what = format!("TLS of module {name:?} cannot work: {what}");
                return Err(StartError::Unbuildable(what));
            }
        };
        let files = SystemFiles::of_this_system().watched();
        let files = files.map_err(StartError::Runtime)?;
        let resolver = Resolver::new(files, module.resolver);
        let target = Arc::new(Target {
            name: url.to_string(),
            url,
            module,
            interval: timeout,
            timeout,
            labels: Labels::default(),
        });
        let heartbeat = Arc::<Heartbeat>::default();
        let prober = Prober::new(target.clone(), Arc::new(resolver), tls);
        let prober = Arc::new(prober.with_heartbeat(heartbeat.clone()));
        let runtime = probing_runtime().map_err(StartError::Runtime)?;
        runtime.spawn(async move { heartbeat.beat().await });
        let signals = {
            let _within = runtime.enter();
            StopSignals::listen().map_err(StartError::Runtime)?
        };
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(heed(signals, stop, give_up));
        let mut tokens = Tokens::default();
        tokens.reconcile([(&target.module, true)]);
        let current = Current::fixed(prober, tokens.of(&target.module));
        runtime.block_on(first_token(&current, &target, stopped.clone()))?;
        Ok(Self {
            target,
            current: Arc::new(current),
            _tokens: tokens,
            runtime,
            stopped,
        })
    }

    /// What is probed, and how.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// Probes once every `interval`, or as soon as the probe before is over, while `wants_more` says
    /// so, which is told what each found.
    pub fn probe_while(
        &self,
        interval: Duration,
        wants_more: impl FnMut(Attempt, Box<Detail>) -> bool,
    ) -> Ended {
        let (current, stopped) = (self.current.clone(), self.stopped.clone());
        let probing = probe_every(interval, current, stopped, wants_more);
        self.runtime.block_on(probing)
    }

    /// Leaves what is under way to the end of the process.
    pub fn leave(self) {
        self.runtime.shutdown_background();
    }
}

/// Tells of the first signal, and gives up what takes too long from then on.
async fn heed(mut signals: StopSignals, stop: watch::Sender<bool>, give_up: fn()) {
    signals.recv().await;
    stop.send_replace(true);
    timeout(FAREWELL, signals.recv()).await.ok();
    give_up();
}

/// Waits for the token of the target's module, if it needs one, until somebody wants no more.
async fn first_token(
    current: &Current,
    target: &Target,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), StartError> {
    let had = tokio::select! {
        biased;
        () = stop(&mut stopped) => return Ok(()),
        had = current.wait(TOKEN_PATIENCE) => had,
    };
    had.map_err(|why| {
        let name = &target.module.name;
        let url = target.module.oauth2().map(|oauth2| &oauth2.token_url);
        let url = url.map(|url| format!(" from {url}")).unwrap_or_default();
        StartError::NoToken(format!("no token for module {name:?}{url}: {why}"))
    })
}

async fn probe_every(
    interval: Duration,
    current: Arc<Current>,
    mut stopped: watch::Receiver<bool>,
    mut wants_more: impl FnMut(Attempt, Box<Detail>) -> bool,
) -> Ended {
    let mut next = Instant::now() + STAMPING_BEGINS;
    loop {
        tokio::select! {
            biased;
            () = stop(&mut stopped) => return Ended::Interrupted(None),
            () = sleep_until(next) => {}
        }
        next = Instant::now() + interval;
        let ready = match current.ready() {
            Ok(ready) => ready,
            Err(reason) => {
                if !wants_more(Attempt::Skipped(reason), Box::default()) {
                    return Ended::Enough;
                }
                continue;
            }
        };
        let mut stopped = stopped.clone();
        let prober = ready.prober.clone();
        // On a worker, as the thread that waits here is none.
        let probe = tokio::spawn(async move { prober.probe_to_show(stop(&mut stopped)).await });
        let bug = |_| Ok((Attempt::Skipped(SkipReason::Internal), Box::default()));
        match probe.await.unwrap_or_else(bug) {
            Err(unfinished) => return Ended::Interrupted(Some(unfinished)),
            Ok((attempt, detail)) => {
                if let Attempt::Finished(outcome) = &attempt {
                    ready.learn(outcome);
                }
                if !wants_more(attempt, detail) {
                    return Ended::Enough;
                }
            }
        }
    }
}

/// Waits for a signal.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    stopped.wait_for(|stopped| *stopped).await.map(drop).ok();
}

/// The module of that name in a file.
fn configured(name: &str, file: &Path) -> Result<ConfiguredModule, StartError> {
    let mut config = config::load(file, &|tls| TlsClient::new(tls).map(drop))?;
    config.modules.remove(name).ok_or_else(|| {
        let names: Vec<_> = config.modules.keys().map(String::as_str).collect();
        let (file, names) = (file.display(), names.join(", "));
        StartError::Unbuildable(format!(
            "{file} has no HTTP module {name:?}; it has {names}"
        ))
    })
}
