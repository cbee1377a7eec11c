//! The results that `/logs` shows: the newest, and failures for longer. They are written only when
//! somebody asks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use crate::outcome::Outcome;
use crate::outcome::detail::Detail;
use crate::target::address::TargetUrl;
use crate::target::module::Module;
use crate::target::secret::Secret;

/// One probe on request.
#[derive(Debug)]
pub struct ProbeResult {
    /// The module, changed as the request wanted it.
    pub module: Arc<Module>,
    /// The timeout that is written with the module.
    pub module_timeout: Option<Duration>,
    /// The target as the request named it, which may hold a password.
    pub target: Secret<String>,
    /// When the probe began.
    pub started: SystemTime,
    /// How long it might take.
    pub timeout: Duration,
    /// What it found, or why the target is none.
    pub found: Result<Found, String>,
}

/// What a probe found.
#[derive(Debug)]
pub struct Found {
    /// The URL that the target stands for.
    pub url: TargetUrl,
    /// What happened.
    pub outcome: Outcome,
    /// More of it.
    pub detail: Box<Detail>,
}

impl ProbeResult {
    /// Whether the probe succeeded.
    pub fn is_success(&self) -> bool {
        self.found
            .as_ref()
            .is_ok_and(|found| found.outcome.failure.is_none())
    }

    /// The target without what is secret in it.
    pub fn shown_target(&self) -> String {
        match &self.found {
            Ok(found) => found.url.to_string(),
            Err(_) => "(invalid)".to_owned(),
        }
    }
}

/// A result in short.
#[derive(Debug)]
pub struct RequestedProbe {
    /// Its number, by which `/logs` knows it.
    pub id: i64,
    /// The name of the module.
    pub module: String,
    /// The target without what is secret in it.
    pub target: String,
    /// Whether it succeeded.
    pub is_success: bool,
}

/// The newest results in short.
#[derive(Debug)]
pub struct RecentProbes {
    /// The newest first.
    pub newest: Vec<RequestedProbe>,
    /// How many are kept.
    pub n_kept: usize,
}

/// The results that are kept, numbered from 0 on.
#[derive(Debug)]
pub struct Results {
    limit: usize,
    next_id: i64,
    newest: VecDeque<(i64, Arc<ProbeResult>)>,
    failed: VecDeque<(i64, Arc<ProbeResult>)>,
}

impl Results {
    /// Keeps the `limit` newest, and as many failures before them.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            next_id: 0,
            newest: VecDeque::new(),
            failed: VecDeque::new(),
        }
    }

    /// Keeps a result in place of the oldest.
    pub fn add(&mut self, result: Arc<ProbeResult>) {
        self.newest.push_back((self.next_id, result));
        self.next_id += 1;
        if self.newest.len() <= self.limit {
            return;
        }
        let oldest = self.newest.pop_front();
        if let Some((id, result)) = oldest.filter(|(_, result)| !result.is_success()) {
            self.failed.push_back((id, result));
            if self.failed.len() > self.limit {
                self.failed.pop_front();
            }
        }
    }

    /// All results with their numbers, the oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = (i64, &Arc<ProbeResult>)> {
        let all = self.failed.iter().chain(&self.newest);
        all.map(|(id, result)| (*id, result))
    }

    /// The newest results in short, at most so many.
    pub fn in_short(&self, at_most: usize) -> RecentProbes {
        let newest_first = self.all().rev().take(at_most);
        let in_short = newest_first.map(|(id, result)| RequestedProbe {
            id,
            module: result.module.name.clone(),
            target: result.shown_target(),
            is_success: result.is_success(),
        });
        RecentProbes {
            newest: in_short.collect(),
            n_kept: self.failed.len() + self.newest.len(),
        }
    }

    /// The result of this number.
    pub fn of_id(&self, id: i64) -> Option<Arc<ProbeResult>> {
        let found = self.all().find(|(known, _)| *known == id);
        found.map(|(_, result)| result.clone())
    }

    /// The oldest result of this target, with any module or with this one.
    pub fn of_target(&self, target: &str, module: Option<&str>) -> Option<Arc<ProbeResult>> {
        let found = self.all().find(|(_, result)| {
            result.target.expose() == target
                && module.is_none_or(|module| result.module.name == module)
        });
        found.map(|(_, result)| result.clone())
    }
}
