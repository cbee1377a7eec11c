//! What discovered targets are called. Values of queries are masked, and one URL may be listed with
//! several modules or labels, so that different targets can come to one name: each of them gets its own.

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;
use std::sync::Arc;

use crate::config::content::Digest;
use crate::target::Target;

/// What tells a target from others whatever they are called: where it is, how it is probed, and its
/// labels.
pub fn key(target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    (target.url.as_url().as_str(), &target.module.name).hash(&mut hasher);
    for label in target.labels.iter() {
        label.hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether both are one target, however often it is probed.
pub fn is_same(one: &Target, other: &Target) -> bool {
    one.url == other.url && one.module.name == other.module.name && one.labels == other.labels
}

/// Gives those of these targets other names that are not the only ones of theirs. One that had a name
/// `before` keeps it; then the first listed has the plain one. Tells which ones have another, by their
/// places, and what was theirs.
pub fn distinguish(
    targets: &mut [(u64, Target)],
    configured: &HashSet<String>,
    before: &HashMap<String, Arc<Target>>,
) -> Vec<(usize, String)> {
    let had_others = before.keys().any(|name| name.contains('#'));
    if !had_others && are_unique(targets) {
        return Vec::new();
    }
    let known: HashMap<u64, &Arc<Target>> = before.values().map(|one| (key(one), one)).collect();
    let mut taken: HashSet<String> = configured.clone();
    let mut is_named = vec![false; targets.len()];
    let mut renamed = Vec::new();
    for (place, ((key, target), is_named)) in targets.iter_mut().zip(&mut is_named).enumerate() {
        let known = known.get(key).filter(|known| is_same(known, target));
        let known = known.filter(|known| {
            let behind = known.name.strip_prefix(&*target.name);
            behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('#'))
        });
        if let Some(known) = known
            && taken.insert(known.name.clone())
        {
            *is_named = true;
            rename(target, known.name.clone(), place, &mut renamed);
        }
    }
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for (place, ((_, target), is_named)) in targets.iter_mut().zip(is_named).enumerate() {
        if is_named || taken.insert(target.name.clone()) {
            continue;
        }
        let stem = format!("{}#{}", target.name, suffix(target));
        let number = numbers.entry(stem.clone()).or_default();
        let name = loop {
            *number += 1;
            let name = match *number {
                1 => stem.clone(),
                number => format!("{stem}-{number}"),
            };
            if taken.insert(name.clone()) {
                break name;
            }
        };
        rename(target, name, place, &mut renamed);
    }
    renamed
}

fn are_unique(targets: &[(u64, Target)]) -> bool {
    let mut names = HashSet::with_capacity(targets.len());
    let mut targets = targets.iter();
    targets.all(|(_, target)| names.insert(target.name.as_str()))
}

fn rename(target: &mut Target, name: String, place: usize, renamed: &mut Vec<(usize, String)>) {
    if target.name != name {
        renamed.push((place, std::mem::replace(&mut target.name, name)));
    }
}

/// What of a target everybody may see, in six characters: no part of its URL is in it, as what is
/// masked there could be guessed from them.
fn suffix(target: &Target) -> String {
    let mut text = target.module.name.clone();
    for (name, value) in target.labels.iter() {
        text.push('\0');
        text.push_str(name);
        text.push('\0');
        text.push_str(value);
    }
    Digest::of(text.as_bytes()).short()
}
