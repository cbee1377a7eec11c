//! What the user wrote, turned into targets that are valid, with every mistake of a file in one run.
//!
//! A file becomes a tree that knows where everything stands (`yaml`); typed readers take it apart
//! (`fields` and one file for each section) and tell a [`problem::Report`] what is wrong. A reader
//! that stopped at the first mistake would make people run it again for every line.

mod body_checks;
pub mod bounds;
mod checks;
mod conflict;
pub mod content;
mod credentials;
pub mod discovery;
pub mod duration;
mod field;
mod fields;
pub mod file;
pub mod groups;
mod headers;
mod http;
mod http3;
mod http_headers;
mod modules;
mod oauth2;
pub mod problem;
mod proxy;
mod reach;
pub mod schema;
pub mod shape;
mod size;
mod source;
pub mod targets;
pub mod text;
mod tls;
pub mod web;
mod yaml;
mod yaml_build;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::content::Content;
use crate::config::discovery::{TargetSource, WrittenTls};
use crate::config::fields::Fields;
use crate::config::modules::{HttpModule, ModuleEntry};
use crate::config::problem::{Pos, Problem, Problems, Report};
use crate::config::targets::WrittenTarget;
use crate::target::Target;
use crate::target::credentials::Credentials;
use crate::target::module::Module;
use crate::target::tls::TlsSettings;

/// What a file asks for. What is in it can run.
#[derive(Clone, Debug)]
pub struct Config {
    /// What to probe, in the order of the file.
    pub targets: Vec<Target>,
    /// Where further targets are found.
    pub sources: Vec<TargetSource>,
    /// The modules of the HTTP prober by name, `http_2xx` always among them unless the
    /// file makes it one that is skipped.
    pub modules: BTreeMap<String, ConfiguredModule>,
    /// The upper bounds of the histograms' buckets, ascending, none of them 0.
    pub histogram_bounds: Vec<Duration>,
    /// What the user should know.
    pub warnings: Vec<Problem>,
}

/// A module and the timeout that is written with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfiguredModule {
    /// How to probe.
    pub module: Arc<Module>,
    /// The timeout; if there is none, it depends on the interval of the target.
    pub timeout: Option<Duration>,
}

/// Builds what a probe would build of the settings, so that a configuration that loads can run.
/// It is handed in because only the probe knows how.
pub type TlsCheck<'a> = &'a dyn Fn(&TlsSettings) -> Result<(), String>;

/// Why there is no configuration.
#[derive(Debug)]
pub enum LoadError {
    /// The file could not be read.
    Unreadable(PathBuf, io::Error),
    /// The file has mistakes.
    Problems(Problems),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "cannot read the configuration file {path:?}: {error}")
            }
            Self::Problems(problems) => problems.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, error) => Some(error),
            Self::Problems(_) => None,
        }
    }
}

/// Reads a file once and loads what it holds; names of files in it are relative to its folder.
pub fn load(path: &Path, check_tls: TlsCheck<'_>) -> Result<Config, LoadError> {
    Content::read(path)?.load(check_tls)
}

/// The text of a file; what is none is a mistake with its place.
fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, LoadError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let pos = yaml::end_of(&String::from_utf8_lossy(before));
        let message = "the file is not UTF-8 here; save it as UTF-8".to_owned();
        LoadError::Problems(Problems::one(name, pos, message))
    })
}

/// Loads the text of a file; messages call it `file_name`.
pub fn parse(
    file_name: &str,
    base_dir: &Path,
    text: &str,
    check_tls: TlsCheck<'_>,
) -> Result<Config, Problems> {
    let mut report = Report::new(file_name);
    let root = yaml::parse(text, &mut report);
    let fields = root.as_ref();
    let mut fields =
        fields.and_then(|root| Fields::open(root, &schema::CONFIGURATION, &mut report));
    let mut take = |key| fields.as_mut().and_then(|fields| fields.take(key));

    let (modules, targets) = (take("modules"), take("targets"));
    let (files, http) = (take("file_sd_configs"), take("http_sd_configs"));
    let histogram_bounds = bounds::read(take("histogram_bounds"), &mut report);
    let (allowed, denied) = (take(reach::ALLOW), take(reach::DENY));
    let everywhere = Arc::new(reach::read(allowed, denied, &mut report));
    let modules = modules::read(modules, base_dir, &everywhere, &mut report);
    let targets = targets::read(targets, &modules, &mut report);
    let (sources, tls) = discovery::read(files, http, base_dir, &everywhere, &mut report);
    if let Some(fields) = fields {
        fields.finish(&mut report);
    }
    check_all_tls(&modules, &targets, check_tls, &mut report);
    check_tls_of_sources(&tls, check_tls, &mut report);
    Ok(Config {
        warnings: report.finish()?,
        targets: targets.into_iter().map(|written| written.target).collect(),
        sources,
        modules: modules.into_iter().filter_map(configured).collect(),
        histogram_bounds,
    })
}

fn configured((name, entry): (String, ModuleEntry)) -> Option<(String, ConfiguredModule)> {
    let ModuleEntry::Http(HttpModule {
        module, timeout, ..
    }) = entry
    else {
        return None;
    };
    Some((name, ConfiguredModule { module, timeout }))
}

/// Tries the settings of every module that has some or that an https target uses. Others may lack
/// what only TLS needs, such as the system's authorities.
fn check_all_tls(
    modules: &BTreeMap<String, ModuleEntry>,
    targets: &[WrittenTarget],
    check_tls: TlsCheck<'_>,
    report: &mut Report,
) {
    let mut users: BTreeMap<&str, Pos> = BTreeMap::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for WrittenTarget { target, pos } in targets {
        used.insert(&target.module.name);
        if target.url.is_tls() {
            users.entry(&target.module.name).or_insert(*pos);
        }
    }
    for (name, entry) in modules {
        let ModuleEntry::Http(http) = entry else {
            continue;
        };
        check_tls_of_tokens(http, used.contains(name.as_str()), check_tls, report);
        let pos = match http.tls_configs.own {
            Some(tls_config) if tls_config.is_fine => tls_config.pos,
            Some(_) => continue,
            None => match users.get(name.as_str()) {
                Some(user) => http.pos.unwrap_or(*user),
                None => continue,
            },
        };
        if let Err(error) = check_tls(&http.module.tls) {
            let name = text::quote(name);
            report.mistake(pos, format!("TLS of module {name} cannot work: {error}"));
        }
    }
}

/// Tries what sources of targets are asked with.
fn check_tls_of_sources(tls: &[WrittenTls], check_tls: TlsCheck<'_>, report: &mut Report) {
    for (settings, pos) in tls {
        if let Err(error) = check_tls(settings) {
            report.mistake(*pos, format!("TLS of the source cannot work: {error}"));
        }
    }
}

/// Tries the settings by which tokens are had, if they are written or something has to use them.
fn check_tls_of_tokens(
    http: &HttpModule,
    is_used: bool,
    check_tls: TlsCheck<'_>,
    report: &mut Report,
) {
    let (Some(Credentials::OAuth2(oauth2)), Some(found)) =
        (&http.module.credentials, http.tls_configs.tokens)
    else {
        return;
    };
    let is_needed = found.is_written || (is_used && oauth2.token_url.is_tls());
    if !found.is_fine || !is_needed {
        return;
    }
    if let Err(error) = check_tls(&oauth2.tls) {
        let name = text::quote(&http.module.name);
        let message = format!("TLS of oauth2 of module {name} cannot work: {error}");
        report.mistake(found.pos, message);
    }
}
