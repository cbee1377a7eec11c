//! A configuration file: everything that loading does, but for the files that it names.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::config;
use crate::config::Config;
use crate::config::file;
use crate::metrics::bounds::Bounds;
use crate::probe::tls::TlsClient;
use crate::server::write_module;
use crate::target::module::Module;
use crate::target::reach::Rules;
use crate::target::tls::TlsSettings;

/// Loads the bytes as a file. What loads can run, and what does not names places within the text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let parse = || config::parse("f", Path::new("folder"), text, &check_tls);
    let (loaded, n_read) = file::while_shut(parse);
    assert!(
        n_read <= data.len(),
        "{n_read} files of {} bytes",
        data.len()
    );
    match loaded {
        Ok(config) => check(&config),
        Err(problems) => {
            let n_lines = text.split(['\n', '\r']).count();
            assert!(problems.iter().count() > 0, "a refusal without a reason");
            for problem in problems.iter() {
                assert!(problem.pos.line <= n_lines, "{problem} of {n_lines} lines");
                assert!(problem.pos.column > 0, "{problem}");
            }
        }
    }
}

/// As the exporter does, but for the authorities of the system, which take long to read.
fn check_tls(settings: &TlsSettings) -> Result<(), String> {
    match settings.authorities {
        Some(_) => TlsClient::new(settings).map(drop),
        None => Ok(()),
    }
}

fn check(config: &Config) {
    let mut names = BTreeSet::new();
    for target in &config.targets {
        assert!(names.insert(&target.name), "{:?} twice", target.name);
        assert!(!target.name.is_empty(), "a target without a name");
        assert!(
            target.timeout > Duration::ZERO,
            "{:?} has no time",
            target.name
        );
        assert!(
            target.timeout <= target.interval,
            "{:?} has too much",
            target.name
        );
        let shown = format!("{target:?}");
        assert!(!shown.is_empty(), "a target that cannot be shown");
    }
    // Unless the file makes it one that is skipped, which it is told.
    let is_skipped = config.warnings.iter().any(|warning| {
        let warning = warning.to_string();
        warning.contains("module \"http_2xx\" is skipped")
    });
    assert!(
        config.modules.contains_key("http_2xx") || is_skipped,
        "the module that exists unwritten"
    );
    for (name, configured) in &config.modules {
        assert_eq!(*name, configured.module.name, "under another name");
        let module = &*configured.module;
        let mut written = String::new();
        write_module(module, configured.timeout, 0, &mut written);
        check_written(module, &written);
    }
    let seconds: Vec<f64> = config
        .histogram_bounds
        .iter()
        .map(Duration::as_secs_f64)
        .collect();
    Bounds::new(&seconds).expect("a configuration that loads can run");
    for warning in &config.warnings {
        assert!(
            !warning.to_string().is_empty(),
            "a warning that says nothing"
        );
    }
}

/// A module that holds no secret can be loaded again from what is shown of it.
fn check_written(module: &Module, written: &str) {
    let is_open = module.headers.is_empty()
        && module.http_headers.is_empty()
        && module.credentials.is_none()
        && module.body.expose().is_empty()
        && module.conflict_reason.is_none()
        && module.proxy.is_none()
        && module.tls == TlsSettings::default()
        && *module.reach.everywhere == Rules::default()
        && module.files.is_empty();
    if !is_open {
        return;
    }
    let indented: String = written
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    let text = format!("modules:\n  again:\n{indented}");
    let again = match config::parse("again", Path::new("folder"), &text, &check_tls) {
        Ok(config) => config.modules["again"].module.clone(),
        Err(problems) => panic!("{problems}\n{text}"),
    };
    let expected = Module {
        name: "again".to_owned(),
        ..module.clone()
    };
    assert_eq!(*again, expected, "{text}");
}
