//! The command line: what is run by which arguments, and the exit status.

pub mod allocator;
mod arguments;
mod assets;
mod demo;
mod escaping;
mod healthcheck;
mod logging;
mod manual;
mod printed;
mod probe;
mod schema;
mod useless;

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::FromArgMatches as _;
use clap::parser::ValueSource;
use nix::sys::signal::SigSet;
use nix::sys::signal::Signal;

use crate::app;
use crate::app::Settings;
use crate::app::StartError;
use crate::cli::arguments::Arguments;
use crate::cli::arguments::Command;
use crate::config::content::Origin;

/// Could not run, or the check failed.
const FAILED: u8 = 1;

/// Bad usage, or a configuration that is missing or has mistakes.
const USAGE: u8 = 2;

/// Runs the program with these arguments, the first of them its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    outlive_limit_of_files();
    let command_line: Vec<OsString> = arguments.into_iter().collect();
    let given = Arguments::command().try_get_matches_from(&command_line);
    let parsed = given.and_then(|given| Ok((Arguments::from_arg_matches(&given)?, given)));
    let (mut arguments, given) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version come this way too, with a status of 0. Nobody is left to tell if
            // the terminal is gone.
            error.print().ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    let checked_flags = useless::check(arguments.command.as_ref(), &command_line, &given);
    if checked_flags.is_err() {
        return report(checked_flags, USAGE);
    }
    let shard = match arguments.shard(&given) {
        Ok(shard) => shard,
        Err(what) => return report(Err(what), USAGE),
    };
    let prefix = match arguments.prefix() {
        Ok(prefix) => prefix,
        Err(what) => return report(Err(what), USAGE),
    };
    if let Some(text) = arguments.command.as_ref().and_then(printed::text_of) {
        return report(printed::print(&text), FAILED);
    }
    if let Some(Command::Assets { folder, force }) = &arguments.command {
        return report(write_assets(folder, *force), FAILED);
    }
    if let Some(Command::Probe(probed)) = &arguments.command {
        let is_file_named = given.value_source("config_file") == Some(ValueSource::CommandLine);
        return finished(probe::run(probed, &arguments.config_file, is_file_named));
    }
    let web_config_file = arguments.web_config_file.take();
    let web_config_file = web_config_file.filter(|path| !path.as_os_str().is_empty());
    if let Some(Command::Healthcheck { url }) = arguments.command {
        let urls = match (url, arguments.listen_addresses.first()) {
            (Some(url), _) => vec![url],
            (None, Some(address)) => {
                let path = prefix.path_of("/-/healthy");
                healthcheck::urls(address, &path, web_config_file.as_deref())
            }
            (None, None) => Vec::new(),
        };
        return report(healthcheck::run(&urls), FAILED);
    }
    let is_demo = matches!(arguments.command, Some(Command::Demo));
    if is_demo {
        arguments.log_level = demo::log_level(&given, arguments.log_level);
    }
    let settings = Settings {
        config: Origin::File(arguments.config_file.clone()),
        listen_addresses: arguments.listen_addresses,
        systemd_socket: arguments.systemd_socket,
        web_config_file,
        telemetry_path: arguments.telemetry_path,
        prefix,
        shard,
        history_limit: arguments.history_limit,
        probe_endpoint: arguments
            .enable_probe_endpoint
            .then_some(arguments.timeout_offset),
        lifecycle: arguments.enable_lifecycle,
        auto_reload: arguments
            .enable_auto_reload
            .then_some(arguments.auto_reload_interval),
    };
    if arguments.config_check {
        return finished(checked(&settings, &arguments.config_file));
    }
    allocator::settle(&command_line);
    let _flushed_at_the_end = logging::start(arguments.log_level, arguments.log_format);
    let result = match is_demo {
        true => demo::run(settings, say),
        false => app::run(settings, |_| {}),
    };
    finished(result.map(|()| true))
}

/// Has a write fail like any other where a file would grow beyond the limit of this process: the signal
/// would end the exporter because of its log. All threads inherit that it is blocked.
fn outlive_limit_of_files() {
    // It fails for nothing but arguments that do not exist.
    SigSet::from(Signal::SIGXFSZ).thread_block().ok();
}

/// Checks the configuration files and says what is to be said of them.
fn checked(settings: &Settings, config_file: &PathBuf) -> Result<bool, StartError> {
    for warning in app::check(settings)? {
        say(&format!("warning: {warning}"));
    }
    let web = settings.web_config_file.as_ref();
    for file in [Some(config_file), web].into_iter().flatten() {
        say(&format!("{} is fine", file.display()));
    }
    Ok(true)
}

/// Writes the files that the program brings, and says which.
fn write_assets(folder: &Path, force: bool) -> Result<(), String> {
    assets::write(folder, &crate::assets::FILES, force)?;
    for file in crate::assets::FILES {
        say(&folder.join(file.path).display().to_string());
    }
    Ok(())
}

/// The exit status of what could run, with success or without, or could not.
fn finished(result: Result<bool, StartError>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => report(Err(error.to_string()), status_of(&error)),
    }
}

fn status_of(error: &StartError) -> u8 {
    match error {
        StartError::Config(_) | StartError::Unbuildable(_) | StartError::Both(_) => USAGE,
        StartError::Bind(_) | StartError::NoToken(_) | StartError::Runtime(_) => FAILED,
    }
}

fn report(result: Result<(), String>, status: u8) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            complain(&what);
            ExitCode::from(status)
        }
    }
}

/// Answers a command. What cannot be written changes nothing of the exit status.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}

/// Shows mistakes as they are, not as log lines.
fn complain(what: &str) {
    writeln!(io::stderr(), "{what}").ok();
}
