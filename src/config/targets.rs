//! The section `targets`: what to probe, and how often.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::config::duration;
use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::modules::{HttpModule, ModuleEntry};
use crate::config::problem::{Pos, Report};
use crate::config::schema;
use crate::config::text::{quote, suggest};
use crate::config::yaml::Node;
use crate::target::Target;
use crate::target::address::{Hostname, TargetUrl};
use crate::target::labels::Labels;
use crate::target::module::Module;

/// The time between two probes, unless a target has another.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(15);
/// The shortest time between two probes.
pub const MIN_INTERVAL: Duration = Duration::from_millis(10);
/// The longest timeout of a probe that has none of its own.
pub const MAX_DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A target and the places that later checks name.
#[derive(Debug)]
pub struct WrittenTarget {
    /// The target.
    pub target: Target,
    /// Where it begins.
    pub pos: Pos,
}

/// Reads the section.
pub fn read(
    section: Option<Field<'_>>,
    modules: &BTreeMap<String, ModuleEntry>,
    report: &mut Report,
) -> Vec<WrittenTarget> {
    let items = section.and_then(|field| field.list("a list of targets", report));
    let mut names = HashMap::new();
    let mut targets = Vec::new();
    for node in items.unwrap_or_default() {
        targets.extend(read_target(node, modules, &mut names, report));
    }
    targets
}

fn read_target(
    node: &Node,
    modules: &BTreeMap<String, ModuleEntry>,
    names: &mut HashMap<String, usize>,
    report: &mut Report,
) -> Option<WrittenTarget> {
    let mut fields = Fields::open(node, &schema::TARGET, report)?;
    let (name, url) = (fields.take("name"), fields.take("url"));
    let (module, interval) = (fields.take("module"), fields.take("interval"));
    let labels = fields
        .take("labels")
        .map(|field| read_labels(field, report));
    fields.belong(["timeout", "prober", "http"], "to a module");
    fields.finish(report);

    if url.is_none() {
        report.mistake(
            node.pos,
            "the target has no url; write url: http://host:port/path",
        );
    }
    let url = url.and_then(|field| Some((read_url(field, report)?, field.pos())));
    let name = unique_name(name, url.as_ref(), names, report);
    let http = read_module(module, node.pos, modules, report);
    let every = match interval {
        Some(field) => read_interval(field, report),
        None => Some(DEFAULT_INTERVAL),
    };
    let (http, every) = (http?, every?);
    let pos = interval.or(module).map_or(node.pos, |field| field.pos());
    let timeout = fitting_timeout(http, every, pos, report)?;
    if let Some((url, url_pos)) = &url {
        refuse_other_family(url, *url_pos, http, report);
        refuse_plain_http3(url, *url_pos, http, report);
        warn_of_denied(url, *url_pos, http, report);
    }
    let target = Target {
        name: name?,
        url: url?.0,
        module: Arc::clone(&http.module),
        interval: every,
        timeout,
        labels: labels.unwrap_or_default(),
    };
    Some(WrittenTarget {
        target,
        pos: node.pos,
    })
}

/// The error of a URL says nothing of it but scheme and lengths: a URL may hold a password.
fn read_url(field: Field<'_>, report: &mut Report) -> Option<TargetUrl> {
    match TargetUrl::parse(field.text(report)?) {
        Ok(url) => Some(url),
        Err(error) => field.mistake(&format!("is invalid: {error}"), report),
    }
}

/// The name as written, or else the URL as it is shown, if no target before has it.
fn unique_name(
    name: Option<Field<'_>>,
    url: Option<&(TargetUrl, Pos)>,
    names: &mut HashMap<String, usize>,
    report: &mut Report,
) -> Option<String> {
    let (text, pos) = match name {
        Some(field) => (public(field, report)?, field.pos()),
        None => url.map(|(url, pos)| (url.to_string(), *pos))?,
    };
    if text.is_empty() {
        report.mistake(pos, "name is empty; leave it out to use the url");
        return None;
    }
    let shown = quote(&text);
    let Some(line) = names.get(&text) else {
        names.insert(text.clone(), pos.line);
        return Some(text);
    };
    let message = if name.is_some() {
        format!("target name {shown} is used twice; the first is on line {line}")
    } else {
        format!(
            "target name {shown}, made from the url, is used twice; the first is on line {line}; \
             set name to tell them apart"
        )
    };
    report.mistake(pos, message);
    None
}

/// A text that everybody is shown. If it is a URL with a user and a password, they are taken off.
fn public(field: Field<'_>, report: &mut Report) -> Option<String> {
    let text = field.text(report)?;
    let may_hold = text.contains("://") && text.contains('@');
    match may_hold.then(|| TargetUrl::parse(text)) {
        Some(Ok(url)) if url.userinfo().is_some() => {
            let message = format!(
                "{} is shown, and holds the user and password of a URL; they are taken off",
                field.name
            );
            report.warning(field.pos(), message);
            Some(url.to_string())
        }
        _ => Some(text.to_owned()),
    }
}

fn read_module<'m>(
    field: Option<Field<'_>>,
    target_pos: Pos,
    modules: &'m BTreeMap<String, ModuleEntry>,
    report: &mut Report,
) -> Option<&'m HttpModule> {
    let unwritten = Module::http_2xx().name;
    let name = match field {
        Some(field) => field.text(report)?,
        None => unwritten.as_str(),
    };
    let pos = field.map_or(target_pos, |field| field.pos());
    match modules.get(name) {
        Some(ModuleEntry::Http(module)) => return Some(module),
        Some(ModuleEntry::Broken) => {}
        Some(ModuleEntry::Skipped(prober)) => report.mistake(
            pos,
            format!(
                "module {} has the prober {prober}; a target needs one with http",
                quote(name)
            ),
        ),
        None => {
            let advice = suggest(name, modules.keys().map(String::as_str));
            report.mistake(
                pos,
                format!("module {} does not exist; {advice}", quote(name)),
            );
        }
    }
    None
}

fn read_interval(field: Field<'_>, report: &mut Report) -> Option<Duration> {
    let interval = field.duration(duration::parse, report)?;
    if interval < MIN_INTERVAL {
        let (found, min) = (duration::format(interval), duration::format(MIN_INTERVAL));
        return field.mistake(&format!("must be at least {min}, found {found}"), report);
    }
    Some(interval)
}

fn fitting_timeout(
    http: &HttpModule,
    interval: Duration,
    pos: Pos,
    report: &mut Report,
) -> Option<Duration> {
    let (Some(timeout), Some(timeout_pos)) = (http.timeout, http.timeout_pos) else {
        return Some(interval.min(MAX_DEFAULT_TIMEOUT));
    };
    if timeout > interval {
        let message = format!(
            "the timeout {} of module {} on line {} is longer than the interval {} of the target; \
             it may be equal",
            duration::format(timeout),
            quote(&http.module.name),
            timeout_pos.line,
            duration::format(interval)
        );
        report.mistake(pos, message);
        return None;
    }
    Some(timeout)
}

/// Refuses an address that cannot be reached from the one that the module sends from.
fn refuse_other_family(url: &TargetUrl, pos: Pos, http: &HttpModule, report: &mut Report) {
    if let (Hostname::Ip(ip), Some(source)) = (url.host(), http.module.source_ip)
        && ip.is_ipv4() != source.is_ipv4()
        // A proxy connects from an address of its own.
        && http.module.proxy.is_none()
    {
        let name = quote(&http.module.name);
        let message = format!(
            "the address of the url cannot be reached from {source}, the source_ip_address of \
             module {name}; use an address of its family"
        );
        report.mistake(pos, message);
    }
}

/// Refuses a URL without TLS for a module that speaks HTTP/3 alone.
fn refuse_plain_http3(url: &TargetUrl, pos: Pos, http: &HttpModule, report: &mut Report) {
    if http.module.enable_http3 && !url.is_tls() {
        let name = quote(&http.module.name);
        let message = format!(
            "module {name} has enable_http3, and there is no HTTP/3 for http; write https:// or use \
             another module"
        );
        report.mistake(pos, message);
    }
}

/// Warns of an address that no probe may connect to. It is no mistake: each probe says so too, and
/// the rules may well be meant for what others ask for.
fn warn_of_denied(url: &TargetUrl, pos: Pos, http: &HttpModule, report: &mut Report) {
    if let Hostname::Ip(ip) = url.host()
        && let Err(denial) = http.module.reach.check(*ip)
    {
        report.warning(pos, format!("no probe of the target can succeed: {denial}"));
    }
}

fn read_labels(field: Field<'_>, report: &mut Report) -> Labels {
    let mut labels = Labels::default();
    let entries = field.mapping("a mapping of names to values", report);
    for entry in entries.unwrap_or_default() {
        let name = format!("the value of label {}", quote(&entry.key));
        let field = Field {
            name: &name,
            ..Field::of(entry)
        };
        if let Some(value) = public(field, report)
            && let Err(error) = labels.insert(&entry.key, &value)
        {
            report.mistake(entry.pos, error);
        }
    }
    labels
}
