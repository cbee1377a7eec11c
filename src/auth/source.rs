//! Where the probes of a module have their token from: a task keeps it, and everybody reads it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::auth::grant::Grant;
use crate::auth::moment::Clock;
use crate::auth::moment::Moment;
use crate::auth::pause::pause;
use crate::auth::token::Token;
use crate::target::oauth2::OAuth2;

/// How often at most what targets say of a token leads to another one.
const DOUBT: Duration = Duration::from_secs(60);

/// The clock is looked at so often at least: the timer of who sleeps until then stands still while the
/// system is suspended.
const LOOK: Duration = Duration::from_secs(5);

/// The tokens of a module. Its task ends with it.
#[derive(Debug)]
pub struct Source {
    shared: Arc<Shared>,
    /// The settings as the configuration was read; a file of them may have changed since.
    configured: Mutex<Arc<OAuth2>>,
    task: AbortHandle,
}

/// What the task and those who want a token have in common.
#[derive(Debug)]
struct Shared {
    module: String,
    settings: watch::Sender<Arc<OAuth2>>,
    held: watch::Sender<Held>,
    /// Whether a token is to be there before anybody asks for it.
    is_kept: AtomicBool,
    /// Whether somebody has asked for one since the last was had.
    is_wanted: AtomicBool,
    call: Notify,
    clock: Clock,
}

/// What there is.
#[derive(Clone, Debug, Default)]
struct Held {
    token: Option<Arc<Token>>,
    /// Why the last request failed, if it did, for as long as no other is made.
    failure: Option<Arc<str>>,
    /// Whether a target has refused the token that is there.
    is_doubted: bool,
    /// When another was asked for the last time because of that.
    doubted_at: Option<Instant>,
}

impl Held {
    fn usable(&self, now: Moment) -> Option<&Arc<Token>> {
        self.token.as_ref().filter(|token| token.is_usable(now))
    }
}

impl Source {
    /// Tokens for a module, fetched on `runtime`: at once if they are to be kept, else when somebody
    /// asks for one.
    pub fn new(module: &str, settings: Arc<OAuth2>, is_kept: bool, runtime: &Handle) -> Self {
        Self::by_clock(module, settings, is_kept, runtime, Moment::now)
    }

    /// The same by another clock, by which tokens end.
    pub fn by_clock(
        module: &str,
        settings: Arc<OAuth2>,
        is_kept: bool,
        runtime: &Handle,
        clock: Clock,
    ) -> Self {
        let configured = Mutex::new(settings.clone());
        let shared = Arc::new(Shared {
            module: module.to_owned(),
            settings: watch::Sender::new(settings),
            held: watch::Sender::default(),
            is_kept: AtomicBool::new(is_kept),
            is_wanted: AtomicBool::new(false),
            call: Notify::new(),
            clock,
        });
        let kept = shared.clone();
        let task = runtime.spawn(async move { kept.keep_on().await });
        Self {
            shared,
            configured,
            task: task.abort_handle(),
        }
    }

    /// Goes on with the settings of a configuration, if its tokens are for the same as those so far; if
    /// not, nothing changes. Those by which it began may be older than what their files hold now.
    pub fn go_on(&self, settings: &Arc<OAuth2>) -> bool {
        let configured = self.configured.lock();
        let mut configured = configured.unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&configured, settings) {
            return true;
        }
        let goes_on = settings.is_for_the_same(&configured);
        if goes_on {
            configured.clone_from(settings);
            self.change(settings);
        }
        goes_on
    }

    /// Takes other settings. The token that is there is used until there is one by them.
    pub fn change(&self, settings: &Arc<OAuth2>) {
        self.shared.settings.send_if_modified(|known| {
            let is_other = known != settings;
            if is_other {
                *known = settings.clone();
            }
            is_other
        });
    }

    /// Whether a token is to be there before anybody asks for it.
    pub fn keep(&self, is_kept: bool) {
        self.shared.is_kept.store(is_kept, Ordering::Relaxed);
        self.shared.call.notify_one();
    }

    /// The token to show now, if there is one.
    pub fn token(&self) -> Option<Arc<Token>> {
        let now = (self.shared.clock)();
        let token = self.shared.held.borrow().usable(now).cloned();
        if !self.shared.is_kept.load(Ordering::Relaxed)
            && !self.shared.is_wanted.swap(true, Ordering::Relaxed)
        {
            self.shared.call.notify_one();
        }
        token
    }

    /// Waits for a token while one is being fetched, but no longer than `patience`. The error says why
    /// there is none.
    pub async fn wait(&self, patience: Duration) -> Result<Arc<Token>, String> {
        if let Some(token) = self.token() {
            return Ok(token);
        }
        self.shared.is_wanted.store(true, Ordering::Relaxed);
        self.shared.call.notify_one();
        let mut held = self.shared.held.subscribe();
        let clock = self.shared.clock;
        let is_over = |held: &Held| held.usable(clock()).is_some() || held.failure.is_some();
        let waited = timeout(patience, held.wait_for(is_over)).await;
        let Ok(Ok(held)) = waited else {
            return Err(format!("there is none after {patience:?}"));
        };
        match (held.usable(clock()), &held.failure) {
            (Some(token), _) => Ok(token.clone()),
            (None, failure) => Err(failure.as_deref().unwrap_or_default().to_owned()),
        }
    }

    /// Learns that a target refused the token that it was shown: it may have been revoked. That counts if
    /// it is still the one that is there.
    pub fn doubt(&self, shown: &Arc<Token>) {
        let mut is_new = false;
        self.shared.held.send_if_modified(|held| {
            let is_held = held.token.as_ref();
            let is_held = is_held.is_some_and(|token| Arc::ptr_eq(token, shown));
            let is_due = held.doubted_at.is_none_or(|at| at.elapsed() >= DOUBT);
            if is_held && is_due {
                is_new = !std::mem::replace(&mut held.is_doubted, true);
            }
            // Nobody waits for that.
            false
        });
        if is_new {
            self.shared.call.notify_one();
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the log last said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Said {
    Nothing,
    /// That the token cannot be renewed.
    Aging,
    /// That there is none.
    Without,
}

impl Shared {
    /// Fetches tokens for as long as it is awaited, whatever mistake of ours gets in the way.
    async fn keep_on(&self) {
        let mut n_panics = 0;
        loop {
            // A token that somebody was to have had is fetched then.
            let keeping = AssertUnwindSafe(self.keep(n_panics > 0));
            if keeping.catch_unwind().await.is_ok() {
                return;
            }
            let module = &self.module;
            tracing::error!(
                module,
                "fetching tokens panicked, which is a bug; it begins anew, please report it"
            );
            let why = "fetching it panicked, which is a bug";
            self.held
                .send_modify(|held| held.failure = Some(why.into()));
            sleep(pause(n_panics)).await;
            n_panics += 1;
            self.held.send_modify(|held| held.failure = None);
        }
    }

    /// Fetches a token whenever there is a reason, one at a time, for as long as it is awaited.
    async fn keep(&self, mut is_due: bool) {
        let mut settings = self.settings.subscribe();
        let mut current = settings.borrow_and_update().clone();
        let mut grant = Grant::new(&current, self.clock);
        let mut n_failures = 0;
        let mut said = Said::Nothing;
        loop {
            if !is_due {
                self.reason(&mut settings).await;
            }
            if settings.has_changed().unwrap_or_default() {
                current = settings.borrow_and_update().clone();
                grant = Grant::new(&current, self.clock);
                (n_failures, is_due) = (0, true);
            }
            // What is asked for from here on is asked for anew.
            self.is_wanted.store(false, Ordering::Relaxed);
            is_due |= self.take_doubt();
            let held = self.held.borrow().token.clone();
            let within = held.and_then(|token| token.patience((self.clock)()));
            let asked = tokio::select! {
                asked = grant.ask(&current, within) => asked,
                Ok(()) = settings.changed() => {
                    settings.mark_changed();
                    continue;
                }
            };
            match asked {
                Ok(token) => {
                    (n_failures, is_due) = (0, false);
                    said = self.had(token, said);
                }
                Err(why) => {
                    said = self.failed(&why, &current, said);
                    tokio::select! {
                        () = sleep(pause(n_failures)) => {}
                        Ok(()) = settings.changed() => {
                            settings.mark_changed();
                            is_due = true;
                        }
                    }
                    n_failures += 1;
                    self.held.send_modify(|held| held.failure = None);
                }
            }
        }
    }

    /// Waits for a reason to fetch a token.
    async fn reason(&self, settings: &mut watch::Receiver<Arc<OAuth2>>) {
        loop {
            let (token, is_doubted) = {
                let held = self.held.borrow();
                (held.token.clone(), held.is_doubted)
            };
            let now = (self.clock)();
            let left = token.as_ref().and_then(|token| token.renew_at());
            let left = left.map(|at| at.left(now));
            let is_old = token.is_none() || left.is_some_and(|left| left.is_zero());
            let is_asked_for = [&self.is_kept, &self.is_wanted]
                .iter()
                .any(|flag| flag.load(Ordering::Relaxed));
            if is_doubted || is_old && is_asked_for {
                return;
            }
            let aging = async {
                match left.filter(|_| !is_old) {
                    Some(left) => sleep(left.min(LOOK)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Ok(()) = settings.changed() => {
                    settings.mark_changed();
                    return;
                }
                () = self.call.notified() => {}
                () = aging => {}
            }
        }
    }

    /// Whether the token is doubted. Another is asked for then, and not because of doubts for a while.
    fn take_doubt(&self) -> bool {
        let mut is_doubted = false;
        self.held.send_if_modified(|held| {
            is_doubted = std::mem::take(&mut held.is_doubted);
            if is_doubted {
                held.doubted_at = Some(Instant::now());
            }
            false
        });
        is_doubted
    }

    fn had(&self, token: Token, said: Said) -> Said {
        self.held.send_modify(|held| {
            held.token = Some(Arc::new(token));
            // Those that came meanwhile are about the one before.
            (held.failure, held.is_doubted) = (None, false);
        });
        let module = &self.module;
        match said {
            Said::Nothing => tracing::debug!(module, "a token has been fetched"),
            Said::Aging | Said::Without => tracing::info!(module, "tokens can be had again"),
        }
        Said::Nothing
    }

    fn failed(&self, why: &str, settings: &OAuth2, said: Said) -> Said {
        self.held
            .send_modify(|held| held.failure = Some(why.into()));
        let (module, token_url) = (&self.module, &settings.token_url);
        let now = (self.clock)();
        let saying = match self.held.borrow().usable(now) {
            Some(_) => Said::Aging,
            None => Said::Without,
        };
        match saying {
            Said::Without if said != Said::Without => {
                tracing::warn!(
                    module,
                    %token_url,
                    why,
                    "no token can be had; slots are skipped until there is one"
                );
            }
            Said::Aging if said == Said::Nothing => {
                tracing::warn!(
                    module,
                    %token_url,
                    why,
                    "no other token can be had; the one that is there is used while it is valid"
                );
            }
            _ => {}
        }
        saying
    }
}
