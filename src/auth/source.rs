//! Where the probes of a module have their token from: a task keeps it, and everybody reads it.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::sleep_until;
use tokio::time::timeout;

use crate::auth::grant::Grant;
use crate::auth::token::Token;
use crate::target::oauth2::OAuth2;

/// How often at most what targets say of a token leads to another one.
const DOUBT: Duration = Duration::from_secs(60);

/// The pause after a failure, at most, and what the following ones grow to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

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
    /// Whether a target has refused the one that is there.
    is_doubted: AtomicBool,
    doubted_at: Mutex<Option<Instant>>,
    call: Notify,
}

/// What there is.
#[derive(Clone, Debug, Default)]
struct Held {
    token: Option<Arc<Token>>,
    /// Why the last request failed, if it did, for as long as no other is made.
    failure: Option<Arc<str>>,
}

impl Held {
    fn usable(&self) -> Option<&Arc<Token>> {
        let now = Instant::now();
        self.token.as_ref().filter(|token| token.is_usable(now))
    }
}

impl Source {
    /// Tokens for a module, fetched on `runtime`: at once if they are to be kept, else when somebody
    /// asks for one.
    pub fn new(module: &str, settings: Arc<OAuth2>, is_kept: bool, runtime: &Handle) -> Self {
        let configured = Mutex::new(settings.clone());
        let shared = Arc::new(Shared {
            module: module.to_owned(),
            settings: watch::Sender::new(settings),
            held: watch::Sender::default(),
            is_kept: AtomicBool::new(is_kept),
            is_wanted: AtomicBool::new(false),
            is_doubted: AtomicBool::new(false),
            doubted_at: Mutex::default(),
            call: Notify::new(),
        });
        let kept = shared.clone();
        let task = runtime.spawn(async move { kept.keep().await });
        Self {
            shared,
            configured,
            task: task.abort_handle(),
        }
    }

    /// Whether these are the settings that it has, or were when its configuration was read.
    pub fn is_of(&self, settings: &Arc<OAuth2>) -> bool {
        let configured = self.configured.lock();
        let mut configured = configured.unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&configured, settings) {
            return true;
        }
        let is_same = **self.shared.settings.borrow() == **settings;
        if is_same {
            configured.clone_from(settings);
        }
        is_same
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
        let token = self.shared.held.borrow().usable().cloned();
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
        let is_over = |held: &Held| held.usable().is_some() || held.failure.is_some();
        let waited = timeout(patience, held.wait_for(is_over)).await;
        let Ok(Ok(held)) = waited else {
            return Err(format!("there is none after {patience:?}"));
        };
        match (held.usable(), &held.failure) {
            (Some(token), _) => Ok(token.clone()),
            (None, failure) => Err(failure.as_deref().unwrap_or_default().to_owned()),
        }
    }

    /// Learns that a target refused the token: it may have been revoked.
    pub fn doubt(&self) {
        let doubted_at = self.shared.doubted_at.lock();
        let mut doubted_at = doubted_at.unwrap_or_else(PoisonError::into_inner);
        if doubted_at.is_none_or(|at| at.elapsed() >= DOUBT) {
            *doubted_at = Some(Instant::now());
            self.shared.is_doubted.store(true, Ordering::Relaxed);
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
    /// Fetches a token whenever there is a reason, one at a time, for as long as it is awaited.
    async fn keep(&self) {
        let mut settings = self.settings.subscribe();
        let mut current = settings.borrow_and_update().clone();
        let mut grant = Grant::new(&current);
        let mut n_failures = 0;
        let mut said = Said::Nothing;
        let mut is_due = false;
        loop {
            if !is_due {
                self.reason(&mut settings).await;
            }
            if settings.has_changed().unwrap_or_default() {
                current = settings.borrow_and_update().clone();
                grant = Grant::new(&current);
                (n_failures, is_due) = (0, true);
            }
            // What is asked for from here on is asked for anew.
            self.is_wanted.store(false, Ordering::Relaxed);
            is_due |= self.is_doubted.swap(false, Ordering::Relaxed);
            match grant.ask(&current).await {
                Ok(token) => {
                    (n_failures, is_due) = (0, false);
                    said = self.had(token, said);
                }
                Err(why) => {
                    said = self.failed(&why, &current, said);
                    tokio::select! {
                        () = sleep(pause(n_failures)) => {}
                        _ = settings.changed() => {
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
            let token = self.held.borrow().token.clone();
            let renew_at = token.as_ref().and_then(|token| token.renew_at());
            let is_old = match &token {
                None => true,
                Some(_) => renew_at.is_some_and(|at| at <= Instant::now()),
            };
            let is_asked_for = [&self.is_kept, &self.is_wanted]
                .iter()
                .any(|flag| flag.load(Ordering::Relaxed));
            let is_doubted = self.is_doubted.load(Ordering::Relaxed);
            if is_doubted || is_old && is_asked_for {
                return;
            }
            let aging = async {
                match renew_at.filter(|_| !is_old) {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = settings.changed() => {
                    settings.mark_changed();
                    return;
                }
                () = self.call.notified() => {}
                () = aging => {}
            }
        }
    }

    fn had(&self, token: Token, said: Said) -> Said {
        let held = Held {
            token: Some(Arc::new(token)),
            failure: None,
        };
        self.held.send_replace(held);
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
        let saying = match self.held.borrow().usable() {
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

/// How long to leave the server alone after so many failures in a row before the last. Between half of
/// it and the whole is chance, so that many exporters do not come back at once.
fn pause(n_failures: u32) -> Duration {
    let (first, most) = PAUSES;
    let whole = first.saturating_mul(1 << n_failures.min(16)).min(most);
    let [chance, ..] = RandomState::new().hash_one(n_failures).to_ne_bytes();
    whole / 2 + whole * u32::from(chance) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_spread() {
        let (first, most) = PAUSES;
        let mut seen = std::collections::HashSet::new();
        for n in [0, 1, 2, 3, 4, 5, 6, 20, u32::MAX] {
            let whole = first.saturating_mul(1 << n.min(10)).min(most);
            for _ in 0..50 {
                let pause = pause(n);
                assert!(pause >= whole / 2 && pause <= whole, "{n}: {pause:?}");
                seen.insert(pause);
            }
        }
        assert!(seen.len() > 50, "{} pauses", seen.len());
    }
}
