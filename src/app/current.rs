//! What a target is probed with now: the prober that was made last, with the token that its module has.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::auth::source::Source;
use crate::auth::token::Token;
use crate::outcome::Outcome;
use crate::outcome::Response;
use crate::outcome::skip::SkipReason;
use crate::probe::Prober;
use crate::target::Target;

/// The code of who is to show something else (RFC 9110, 15.5.2).
const UNAUTHORIZED: u16 = 401;

/// The prober that was made last; none while a file cannot be read.
pub type Latest = Option<Arc<Prober>>;

/// The prober of a target, now and when the files or the token of its module have changed.
#[derive(Clone, Debug)]
pub struct Current {
    made: Made,
    tokens: Option<Arc<Source>>,
}

/// What makes probers.
#[derive(Clone, Debug)]
enum Made {
    /// The module has no files.
    Once(Arc<Prober>),
    /// The module has files.
    OfFiles {
        /// What they held last made this, if they could be read.
        latest: watch::Receiver<Latest>,
        /// What they held when the configuration was read made this.
        first: Arc<Prober>,
    },
}

/// A prober that is to follow the files of its module, which somebody looks at already.
#[derive(Debug)]
pub struct Joining {
    /// With the module as the configuration was read.
    pub prober: Arc<Prober>,
    /// Where to tell what the files hold.
    pub send: watch::Sender<Latest>,
}

impl Current {
    /// A prober whose files nobody looks at.
    pub fn fixed(prober: Arc<Prober>, tokens: Option<Arc<Source>>) -> Self {
        let made = Made::Once(prober);
        Self { made, tokens }
    }

    /// The prober that was received last; `first` has the module as the configuration was read.
    pub fn changing(
        latest: watch::Receiver<Latest>,
        first: Arc<Prober>,
        tokens: Option<Arc<Source>>,
    ) -> Self {
        let made = Made::OfFiles { latest, first };
        Self { made, tokens }
    }

    /// What this would be for `target`, which has the same module. If that has files, it is as they are
    /// now, and follows them once it has joined.
    pub fn aimed_at(&self, target: &Arc<Target>) -> (Self, Option<Joining>) {
        let tokens = self.tokens.clone();
        match &self.made {
            Made::Once(prober) => {
                let prober = Arc::new(prober.aimed_at(target.clone()));
                (Self::fixed(prober, tokens), None)
            }
            Made::OfFiles { latest, first } => {
                let now = latest.borrow().clone().map(|prober| {
                    Arc::new(prober.aimed_at(Target {
                        module: prober.target().module.clone(),
                        ..Target::clone(target)
                    }))
                });
                let first = Arc::new(first.aimed_at(target.clone()));
                let (send, receive) = watch::channel(now);
                let joining = Joining {
                    prober: first.clone(),
                    send,
                };
                (Self::changing(receive, first, tokens), Some(joining))
            }
        }
    }

    /// The prober, which has no token yet; `None` if a file cannot be read.
    pub fn prober(&self) -> Latest {
        match &self.made {
            Made::Once(prober) => Some(prober.clone()),
            Made::OfFiles { latest, .. } => latest.borrow().clone(),
        }
    }

    /// What to probe with now, or why there is nothing.
    pub fn ready(&self) -> Result<Ready, SkipReason> {
        let prober = self.prober().ok_or(SkipReason::SecretUnreadable)?;
        self.authorized(prober)
    }

    /// A prober of the module with its token, if it needs one.
    pub fn authorized(&self, prober: Arc<Prober>) -> Result<Ready, SkipReason> {
        if prober.target().module.oauth2().is_none() {
            let shown = None;
            return Ok(Ready { prober, shown });
        }
        let tokens = self.tokens.as_ref().ok_or(SkipReason::TokenUnavailable)?;
        let token = tokens.token().ok_or(SkipReason::TokenUnavailable)?;
        Ok(Ready {
            prober: Arc::new(prober.authorized(token.value())),
            shown: Some((tokens.clone(), token)),
        })
    }

    /// Waits for the module's token for so long, if it needs one and has none. The error says why there
    /// is none.
    pub async fn wait(&self, patience: Duration) -> Result<(), String> {
        match &self.tokens {
            Some(tokens) => tokens.wait(patience).await.map(drop),
            None => Ok(()),
        }
    }

    /// Whether there is nothing to wait for before a probe.
    pub fn needs_no_wait(&self) -> bool {
        let tokens = self.tokens.as_ref();
        tokens.is_none_or(|tokens| tokens.token().is_some())
    }
}

/// What a target is probed with, once.
#[derive(Debug)]
pub struct Ready {
    /// The prober, which shows the token if the module has them.
    pub prober: Arc<Prober>,
    /// The token, and where it is from.
    shown: Option<(Arc<Source>, Arc<Token>)>,
}

impl Ready {
    /// Learns what came of the probe: a server that wants to know who asks may have refused the token,
    /// if it has seen it.
    pub fn learn(&self, outcome: &Outcome) {
        let Some((tokens, token)) = &self.shown else {
            return;
        };
        let is_refusal =
            |response: &Response| response.code == UNAUTHORIZED && !response.left_origin;
        if outcome.failure.is_some() && outcome.response.as_ref().is_some_and(is_refusal) {
            tokens.doubt(token);
        }
    }
}
