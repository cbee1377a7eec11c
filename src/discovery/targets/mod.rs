//! What sources list, made into targets: which of them are probed, by which module, how often, and
//! under which labels.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;
use std::sync::Arc;
use std::time::Duration;

use crate::config::ConfiguredModule;
use crate::config::duration;
use crate::config::groups::Group;
use crate::config::groups::Listed;
use crate::config::targets::DEFAULT_INTERVAL;
use crate::config::targets::MAX_DEFAULT_TIMEOUT;
use crate::config::targets::MIN_INTERVAL;
use crate::config::text::quote;
use crate::config::text::suggest;
use crate::discovery::Answer;
use crate::discovery::Part;
use crate::target::Target;
use crate::target::address::Hostname;
use crate::target::address::TargetUrl;
use crate::target::address::has_scheme;
use crate::target::labels::Labels;
use crate::target::module::Module;
use crate::target::shard::Shard;

/// How many discovered targets are probed.
pub const MAX_TARGETS: usize = 200_000;
/// How many labels a group may have, ...
const MAX_LABELS: usize = 64;
/// ... and how many bytes they may have together: each series of a target repeats them.
const MAX_LABEL_BYTES: usize = 8 << 10;
/// The characters of a target.
const MAX_TARGET_BYTES: usize = 8 << 10;
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
                let known = before.get(name).filter(|known| ***known == target);
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

/// What the targets of a group have in common.
struct Shared<'w> {
    module: &'w UsableModule,
    interval: Duration,
    timeout: Duration,
    scheme: &'w str,
    path: &'w str,
    labels: Labels,
}

impl<'w> Shared<'w> {
    fn of(
        group: &'w Group,
        place: Place<'_>,
        wanted: &'w Wanted,
        found: &mut Found,
    ) -> Option<Self> {
        let shared = Self::read(group, place, wanted, found);
        shared
            .map_err(|what| found.remark(place, None, &format!("{what}; its targets are left out")))
            .ok()
    }

    fn read(
        group: &'w Group,
        place: Place<'_>,
        wanted: &'w Wanted,
        found: &mut Found,
    ) -> Result<Self, String> {
        let n_bytes: usize = group
            .labels
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let n_labels = group.labels.len();
        if n_labels > MAX_LABELS || n_bytes > MAX_LABEL_BYTES {
            return Err(format!(
                "it has {n_labels} labels of {n_bytes} bytes; at most {MAX_LABELS} of {MAX_LABEL_BYTES} bytes will do"
            ));
        }
        // An empty value is none, as in Prometheus.
        let special = |name: &str| {
            let mut labels = group.labels.iter().rev();
            let value = labels
                .find(|(other, _)| other == name)
                .map(|(_, value)| value.as_str());
            value.filter(|value| !value.is_empty())
        };
        let unwritten = Module::http_2xx().name;
        let name = special("__param_module").unwrap_or(&unwritten);
        let module = wanted.modules.get(name).ok_or_else(|| {
            let mut known: Vec<_> = wanted.modules.keys().map(String::as_str).collect();
            known.sort_unstable();
            let advice = suggest(name, known.into_iter());
            format!(
                "module {} of __param_module cannot be had; {advice}",
                quote(name)
            )
        })?;
        let interval = read_duration("__scrape_interval__", special("__scrape_interval__"))?;
        let interval = interval.unwrap_or(DEFAULT_INTERVAL);
        let cap = read_duration("__scrape_timeout__", special("__scrape_timeout__"))?;
        let timeout = fitting_timeout(module, interval, cap)?;
        let scheme = match special("__scheme__") {
            None if module.configured.module.enable_http3 => "https",
            None => "http",
            Some(scheme @ ("http" | "https")) => scheme,
            Some(other) => {
                return Err(format!(
                    "__scheme__ must be http or https, found {}",
                    quote(other)
                ));
            }
        };
        Ok(Self {
            module,
            interval,
            timeout,
            scheme,
            path: special("__metrics_path__").unwrap_or_default(),
            labels: shown_labels(group, place, found),
        })
    }

    fn target(&self, listed: &Listed) -> Result<Target, String> {
        let text = &*listed.text;
        if text.len() > MAX_TARGET_BYTES {
            let n_bytes = text.len();
            return Err(format!(
                "it has {n_bytes} bytes; at most {MAX_TARGET_BYTES} will do"
            ));
        }
        let url = self
            .url(text)
            .map_err(|what| format!("the URL is invalid: {what}"))?;
        let module = &self.module.configured.module;
        if let (Hostname::Ip(ip), Some(source)) = (url.host(), module.source_ip)
            && ip.is_ipv4() != source.is_ipv4()
            && module.proxy.is_none()
        {
            return Err(format!(
                "its address cannot be reached from {source}, the source_ip_address of its module"
            ));
        }
        if module.enable_http3 && !url.is_tls() {
            let name = quote(&module.name);
            return Err(format!(
                "module {name} has enable_http3, and there is no HTTP/3 for http; list it with https://"
            ));
        }
        let needs_tls =
            url.is_tls() || module.proxy.as_ref().is_some_and(|proxy| proxy.needs_tls());
        if let Some(why) = self.module.no_tls.as_ref().filter(|_| needs_tls) {
            let name = quote(&module.name);
            return Err(format!("TLS of module {name} cannot work: {why}"));
        }
        Ok(Target {
            name: url.to_string(),
            url,
            module: module.clone(),
            interval: self.interval,
            timeout: self.timeout,
            labels: self.labels.clone(),
        })
    }

    /// The path of the labels is for what has none of its own.
    fn url(&self, text: &str) -> Result<TargetUrl, String> {
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        if !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            // One that is not probed is said to be that.
            TargetUrl::parse(text)?;
        }
        let behind = match has_scheme(text) {
            true => text.split_once("://").map_or(text, |(_, behind)| behind),
            false => text,
        };
        if self.path.is_empty() || behind.contains(['/', '?', '#']) {
            return TargetUrl::of_target(text, self.scheme);
        }
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        TargetUrl::of_target(&format!("{text}{slash}{}", self.path), self.scheme)
    }
}

fn read_duration(name: &str, value: Option<&str>) -> Result<Option<Duration>, String> {
    let Some(text) = value else { return Ok(None) };
    match duration::parse(text) {
        Ok(duration) if duration >= MIN_INTERVAL => Ok(Some(duration)),
        Ok(_) => {
            let min = duration::format(MIN_INTERVAL);
            Err(format!(
                "{name} must be at least {min}, found {}",
                quote(text)
            ))
        }
        Err(hint) => Err(format!(
            "{name} must be a duration like 5s or 1m30s, found {}{hint}",
            quote(text)
        )),
    }
}

/// The shorter of the two that are given, as in blackbox_exporter, where the timeout of a scrape bounds
/// that of the module; it must fit the interval, as in Prometheus.
fn fitting_timeout(
    module: &UsableModule,
    interval: Duration,
    cap: Option<Duration>,
) -> Result<Duration, String> {
    let own = module.configured.timeout;
    let (timeout, whose) = match (own, cap) {
        (None, None) => return Ok(interval.min(MAX_DEFAULT_TIMEOUT)),
        (Some(own), Some(cap)) if cap < own => (cap, "__scrape_timeout__".to_owned()),
        (Some(own), _) => {
            let name = quote(&module.configured.module.name);
            (own, format!("the timeout of module {name}"))
        }
        (None, Some(cap)) => (cap, "__scrape_timeout__".to_owned()),
    };
    if timeout > interval {
        let (timeout, interval) = (duration::format(timeout), duration::format(interval));
        return Err(format!(
            "{whose} is {timeout}, longer than the interval {interval}; it may be equal"
        ));
    }
    Ok(timeout)
}

/// The labels that series have. Those that cannot be had are left out.
fn shown_labels(group: &Group, place: Place<'_>, found: &mut Found) -> Labels {
    let mut labels = Labels::default();
    for (name, value) in &group.labels {
        // To Prometheus an empty label is none, and these are for the machinery.
        if value.is_empty() || name.starts_with("__") {
            continue;
        }
        let may_hold = value.contains("://") && value.contains('@');
        let shown = match may_hold.then(|| TargetUrl::parse(value)) {
            Some(Ok(url)) if url.userinfo().is_some() => {
                let name = quote(name);
                let what = format!(
                    "label {name} holds the user and password of a URL; they are taken off"
                );
                found.remark(place, None, &what);
                &url.to_string()
            }
            _ => value,
        };
        if let Err(error) = labels.insert(name, shown) {
            found.remark(place, None, &format!("{error}; it is left out"));
        }
    }
    labels
}
