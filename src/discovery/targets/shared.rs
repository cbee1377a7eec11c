//! What the targets of a group have in common: their labels, and what those say of how to probe.

use std::time::Duration;

use crate::config::duration;
use crate::config::groups::Group;
use crate::config::groups::Listed;
use crate::config::targets::DEFAULT_INTERVAL;
use crate::config::targets::MAX_DEFAULT_TIMEOUT;
use crate::config::targets::MIN_INTERVAL;
use crate::config::text::quote;
use crate::config::text::suggest;
use crate::discovery::targets::Found;
use crate::discovery::targets::Place;
use crate::discovery::targets::UsableModule;
use crate::discovery::targets::Wanted;
use crate::target::Target;
use crate::target::address::Hostname;
use crate::target::address::TargetUrl;
use crate::target::address::has_scheme;
use crate::target::labels::Labels;
use crate::target::module::Module;

/// How many labels a group may have, ...
pub const MAX_LABELS: usize = 64;
/// ... and how many bytes they may have together: each series of a target repeats them.
pub const MAX_LABEL_BYTES: usize = 8 << 10;
/// The characters of a target.
pub const MAX_TARGET_BYTES: usize = 8 << 10;

/// What the targets of a group have in common.
pub struct Shared<'w> {
    module: &'w UsableModule,
    interval: Duration,
    timeout: Duration,
    scheme: &'w str,
    path: &'w str,
    name: Option<&'w str>,
    labels: Labels,
}

impl<'w> Shared<'w> {
    /// Reads the labels of a group. What makes its targets useless is a remark of `found`.
    pub fn of(
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
            name: special("__name"),
            labels: shown_labels(group, place, found),
        })
    }

    /// One of its targets. The error says why it cannot be probed.
    pub fn target(&self, listed: &Listed) -> Result<Target, String> {
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
            name: self.name.map_or_else(|| url.to_string(), str::to_owned),
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
        let stripped = without_userinfo(value);
        if stripped.is_some() {
            let name = quote(name);
            let what =
                format!("label {name} holds the user and password of a URL; they are taken off");
            found.remark(place, None, &what);
        }
        if let Err(error) = labels.insert(name, stripped.as_deref().unwrap_or(value)) {
            found.remark(place, None, &format!("{error}; it is left out"));
        }
    }
    labels
}

/// The text without users and passwords of the URLs in it, of whatever scheme, if it has any.
fn without_userinfo(text: &str) -> Option<String> {
    if !text.contains('@') {
        return None;
    }
    if let Ok(url) = TargetUrl::parse(text) {
        return url.userinfo().map(|_| url.to_string());
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((scheme, behind)) = rest.split_once("://") {
        shown.push_str(scheme);
        shown.push_str("://");
        let ends = |c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace();
        let (authority, _) = behind.split_once(ends).unwrap_or((behind, ""));
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        let at = match authority.rfind('@') {
            // What looks like a port may be a password with a slash in it.
            None if !port
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b']') =>
            {
                behind.find('@')
            }
            at => at,
        };
        rest = at.and_then(|at| behind.get(at + 1..)).unwrap_or(behind);
    }
    shown.push_str(rest);
    (shown.len() < text.len()).then_some(shown)
}
