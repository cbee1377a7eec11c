//! What sources list, made into targets: which of them are probed, by which module, how often, and
//! under which labels.

mod shared;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;
use std::sync::Arc;

use crate::config::ConfiguredModule;
use crate::config::groups::Listed;
use crate::config::text::quote;
use crate::discovery::Answer;
use crate::discovery::Part;
use crate::discovery::targets::shared::Shared;
use crate::target::Target;
use crate::target::shard::Shard;

/// How many discovered targets are probed.
pub const MAX_TARGETS: usize = 200_000;
/// How many remarks are kept; the others are counted.
const MAX_REMARKS: usize = 1_000;

/// A module that discovered targets may ask for.
#[derive(Clone, Debug)]
pub struct UsableModule {
    /// The module and the timeout that is written with it.
    pub configured: ConfiguredModule,
    /// Why it cannot be used for https, if it cannot.
    pub no_tls: Option<String>,
}

/// What the configuration says of discovered targets.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The modules by name.
    pub modules: HashMap<String, UsableModule>,
    /// The names of the targets in the configuration itself.
    pub configured: HashSet<String>,
    /// The part of all targets that is this exporter's.
    pub shard: Shard,
}

/// What is found.
#[derive(Debug, Default)]
pub struct Found {
    /// The targets, each name once, in the order of the sources.
    pub targets: Vec<Arc<Target>>,
    /// What the operator should know of what is listed.
    pub remarks: Vec<Remark>,
    /// How many more remarks there were.
    pub n_more_remarks: usize,
}

/// Something to say of what is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// What tells it from others, wherever it stands: lines and groups move.
    pub key: u64,
    /// Where it stands, and what is wrong.
    pub text: String,
}

impl Found {
    fn remark(&mut self, place: Place<'_>, listed: Option<&Listed>, what: &str) {
        if self.remarks.len() >= MAX_REMARKS {
            self.n_more_remarks += 1;
            return;
        }
        let mut hasher = DefaultHasher::new();
        (&place.part.name, listed.map(|one| &one.text), what).hash(&mut hasher);
        self.remarks.push(Remark {
            key: hasher.finish(),
            text: place.say(listed, what),
        });
    }
}

/// The targets of all answers. One that is as it was `before` is that one; of those of one name the
/// configured one wins, then the first.
pub fn find(wanted: &Wanted, answers: &[Answer], before: &HashMap<String, Arc<Target>>) -> Found {
    let mut found = Found::default();
    let mut names: HashSet<String> = HashSet::new();
    for part in answers.iter().flat_map(|answer| answer.iter()) {
        for (index, group) in part.groups.iter().enumerate() {
            let place = Place {
                part,
                group: index + 1,
            };
            let Some(shared) = Shared::of(group, place, wanted, &mut found) else {
                continue;
            };
            for listed in &group.targets {
                let target = match shared.target(listed) {
                    Ok(target) => target,
                    Err(what) => {
                        found.remark(place, Some(listed), &what);
                        continue;
                    }
                };
                let name = &target.name;
                if !wanted.shard.owns(name) {
                    continue;
                }
                let is_configured = wanted.configured.contains(name);
                if is_configured || !names.insert(name.clone()) {
                    let first = match is_configured {
                        true => "the configuration has a target of that name",
                        false => "it is listed twice; the first one is probed",
                    };
                    found.remark(
                        place,
                        Some(listed),
                        &format!("{} is left out: {first}", quote(name)),
                    );
                    continue;
                }
                // After a reload the module is another one even if it says the same, and it is that one
                // whose files are looked at.
                let known = before.get(name).filter(|known| {
                    Arc::ptr_eq(&known.module, &target.module) && ***known == target
                });
                found
                    .targets
                    .push(known.cloned().unwrap_or_else(|| Arc::new(target)));
            }
        }
    }
    bound(&mut found, before);
    found
}

/// Leaves out what is beyond the bound; those that run already stay.
fn bound(found: &mut Found, before: &HashMap<String, Arc<Target>>) {
    let n_found = found.targets.len();
    if n_found <= MAX_TARGETS {
        return;
    }
    let runs = |target: &Arc<Target>| before.contains_key(&target.name);
    let n_running = found.targets.iter().filter(|target| runs(target)).count();
    let mut room = MAX_TARGETS.saturating_sub(n_running);
    found.targets.retain(|target| {
        let is_new = !runs(target);
        let stays = !is_new || room > 0;
        room -= usize::from(is_new && stays);
        stays
    });
    found.targets.truncate(MAX_TARGETS);
    let text = format!(
        "{n_found} targets are listed; {MAX_TARGETS} of them are probed, the others are left out"
    );
    // Where it is seen whatever else there is to say, and once for as long as there are too many.
    found.remarks.insert(0, Remark { key: 0, text });
}

/// Where something stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    part: &'p Part,
    group: usize,
}

impl Place<'_> {
    fn say(&self, listed: Option<&Listed>, what: &str) -> String {
        let (name, group) = (&self.part.name, self.group);
        let Some(listed) = listed else {
            return format!("{name}: group {group}: {what}");
        };
        let groups = &self.part.groups;
        let targets = groups.get(group - 1).map(|group| group.targets.iter());
        let number = targets.and_then(|mut all| all.position(|one| std::ptr::eq(one, listed)));
        let (line, number) = (listed.line, number.unwrap_or_default() + 1);
        format!("{name}:{line}: group {group}, target {number}: {what}")
    }
}
