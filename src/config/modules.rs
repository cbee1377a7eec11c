//! The section `modules`: those of the HTTP prober are read, those of others skipped.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::duration;
use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::http::{self, TlsConfigs};
use crate::config::problem::{Pos, Report};
use crate::config::schema;
use crate::config::text::quote;
use crate::target::module::Module;
use crate::target::reach::{Reach, Rules};

/// What became of a module of the file.
#[derive(Debug)]
pub enum ModuleEntry {
    /// It can be probed with.
    Http(HttpModule),
    /// It has another prober.
    Skipped(String),
    /// Its mistakes are reported.
    Broken,
}

/// A module of the HTTP prober with what is not the probe's business.
#[derive(Debug)]
pub struct HttpModule {
    /// How to probe.
    pub module: Arc<Module>,
    /// The timeout, if it has one of its own.
    pub timeout: Option<Duration>,
    /// Where its timeout stands.
    pub timeout_pos: Option<Pos>,
    /// Where its name stands; nowhere for the one that exists unwritten.
    pub pos: Option<Pos>,
    /// Each `tls_config` that it has.
    pub tls_configs: TlsConfigs,
}

/// Reads the section. `http_2xx` is always there. The rules about addresses are those of the whole
/// file.
pub fn read(
    section: Option<Field<'_>>,
    base_dir: &Path,
    everywhere: &Arc<Rules>,
    report: &mut Report,
) -> BTreeMap<String, ModuleEntry> {
    let mut modules = BTreeMap::new();
    let entries = section.and_then(|field| field.mapping("a mapping of names to modules", report));
    for entry in entries.unwrap_or_default() {
        if entry.key.is_empty() {
            report.mistake(entry.pos, "a module must have a name");
            continue;
        }
        let module = read_module(Field::of(entry), base_dir, everywhere, report);
        modules.insert(entry.key.clone(), module);
    }
    let unwritten = Module {
        reach: Reach {
            everywhere: everywhere.clone(),
            own: Arc::default(),
        },
        ..Module::http_2xx()
    };
    modules.entry(unwritten.name.clone()).or_insert_with(|| {
        ModuleEntry::Http(HttpModule {
            module: Arc::new(unwritten),
            timeout: None,
            timeout_pos: None,
            pos: None,
            tls_configs: TlsConfigs::default(),
        })
    });
    modules
}

fn read_module(
    module: Field<'_>,
    base_dir: &Path,
    everywhere: &Arc<Rules>,
    report: &mut Report,
) -> ModuleEntry {
    let Some(mut fields) = Fields::open(module.node, &schema::MODULE, report) else {
        return ModuleEntry::Broken;
    };
    let (name, pos) = (module.name, module.key_pos);
    let prober = fields.take("prober");
    match prober.map(|field| field.text(report)) {
        None => report.mistake(
            pos,
            format!("module {} has no prober; write prober: http", quote(name)),
        ),
        Some(None) => return ModuleEntry::Broken,
        Some(Some("http")) => {}
        Some(Some(prober)) if schema::MODULE.ineffective().any(|other| other == prober) => {
            let name = quote(name);
            report.warning(
                pos,
                format!(
                    "module {name} is skipped: its prober is {prober}, and only http is probed"
                ),
            );
            return ModuleEntry::Skipped(prober.to_owned());
        }
        Some(Some(_)) => {
            return prober
                .and_then(|field| field.expected("http", "", report))
                .unwrap_or(ModuleEntry::Broken);
        }
    }
    let timeout = fields.take("timeout");
    let section = fields.take("http");
    let (mut module, tls_configs) = http::read(section, name, base_dir, report);
    module.put_within(everywhere);
    // The sections of other probers, which have their names.
    for prober in schema::MODULE.ineffective() {
        if let Some(field) = fields.take(prober) {
            report.warning(
                field.key_pos,
                format!("section {prober} has no effect in a module whose prober is http"),
            );
        }
    }
    let http_module = HttpModule {
        module: Arc::new(module),
        timeout: timeout.and_then(|field| read_timeout(field, report)),
        timeout_pos: timeout.map(|field| field.pos()),
        pos: Some(pos),
        tls_configs,
    };
    fields.belong(schema::HTTP.effective(), "under http");
    fields.belong(["url", "interval", "labels"], "to a target");
    fields.finish(report);
    ModuleEntry::Http(http_module)
}

fn read_timeout(field: Field<'_>, report: &mut Report) -> Option<Duration> {
    let timeout = field.duration(duration::parse_timeout, report)?;
    if timeout.is_zero() {
        return field.mistake(
            "is 0, so that no probe could succeed; leave it out for the default",
            report,
        );
    }
    Some(timeout)
}
