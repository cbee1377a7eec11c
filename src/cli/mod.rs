//! The command line: arguments, logging, exit status.

pub mod allocator;
mod demo;
mod healthcheck;
mod logging;
mod probe;

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory as _;
use clap::FromArgMatches as _;
use clap::Parser;
use clap::Subcommand;
use clap::builder::OsStringValueParser;
use clap::builder::RangedU64ValueParser;
use clap::builder::TypedValueParser as _;
use clap::parser::ValueSource;

use crate::app;
use crate::app::Settings;
use crate::app::StartError;
use crate::cli::logging::LogFormat;
use crate::cli::logging::LogLevel;
use crate::cli::probe::ProbeArguments;
use crate::config::content::Origin;
use crate::config::duration;
use crate::server::external::Prefix;
use crate::server::listen::ListenAddress;

/// Could not run, or the check failed.
const FAILED: u8 = 1;

/// Bad usage, or a configuration that is missing or has mistakes.
const USAGE: u8 = 2;

/// More would be a data base's work.
const MAX_HISTORY: u64 = 10_000;

/// Walks the HTTP cycle of its targets all the time and tells Prometheus how long each phase took
/// and how often each status code, 409 Conflict above all, came back.
#[derive(Debug, Parser)]
#[command(name = "httpcycle_exporter", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// The configuration file.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        default_value = "httpcycle.yml",
        global = true
    )]
    config_file: PathBuf,

    /// Checks the configuration file and exits.
    #[arg(long = "config.check", global = true)]
    config_check: bool,

    /// Looks at the configuration file every now and then and reads it again when it has changed.
    #[arg(long = "config.enable-auto-reload", global = true)]
    enable_auto_reload: bool,

    /// How often to look at the configuration file.
    #[arg(
        long = "config.auto-reload-interval",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = auto_reload_interval,
        global = true
    )]
    auto_reload_interval: Duration,

    /// An address to listen on; may be repeated.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = ":10409",
        global = true
    )]
    listen_addresses: Vec<ListenAddress>,

    /// Listens on the sockets that systemd opened instead.
    #[arg(long = "web.systemd-socket", global = true)]
    systemd_socket: bool,

    /// The web configuration file, which says how the exporter itself is served: TLS, users, headers;
    /// an empty name stands for none.
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        global = true
    )]
    web_config_file: Option<PathBuf>,

    /// The path of the metrics.
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics",
        value_parser = telemetry_path,
        global = true
    )]
    telemetry_path: String,

    /// The URL under which users reach the exporter, as behind a proxy: its path stands before those
    /// of all pages.
    #[arg(
        long = "web.external-url",
        value_name = "URL",
        default_value = "/",
        hide_default_value = true,
        global = true
    )]
    external_url: Prefix,

    /// How many of its last probes to keep of each target, and of those of /probe, failures for
    /// longer; 0 for none.
    #[arg(
        long = "history.limit",
        value_name = "PROBES",
        default_value_t = 20,
        value_parser = RangedU64ValueParser::<usize>::new().range(..=MAX_HISTORY),
        global = true
    )]
    history_limit: usize,

    /// Reads the configuration again on POST /-/reload.
    #[arg(long = "web.enable-lifecycle", global = true)]
    enable_lifecycle: bool,

    /// Answers /probe and /logs as blackbox_exporter does: whoever may ask can have anything probed
    /// that this machine reaches.
    #[arg(long = "web.enable-probe-endpoint", global = true)]
    enable_probe_endpoint: bool,

    /// How many seconds less than the scrape a probe of /probe may take.
    #[arg(
        long = "timeout-offset",
        value_name = "SECONDS",
        default_value = "0.5",
        value_parser = timeout_offset,
        allow_hyphen_values = true,
        global = true
    )]
    timeout_offset: f64,

    /// The least severe messages to log.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        global = true
    )]
    log_level: LogLevel,

    /// The format of the log.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Probes a small API of orders that it brings, with conflicts, and says what to open; needs no
    /// file, and logs errors alone unless --log.level is given.
    Demo,
    /// Asks a running exporter whether it is alive; for containers.
    Healthcheck {
        /// Its health page; by default that of an exporter started with the same flags here.
        url: Option<String>,
    },
    /// Probes a URL, or several times with --count or --interval, and draws its phases.
    Probe(ProbeArguments),
}

/// Accepts a path that pages can be told apart by.
fn telemetry_path(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if !text.starts_with('/') || !text.chars().all(is_plain) {
        return Err("write a path like /metrics".to_owned());
    }
    const TAKEN: [&str; 4] = ["/-/", "/api/", "/assets/", "/targets/"];
    if TAKEN.iter().any(|taken| text.starts_with(taken)) {
        return Err("the paths below /-/, /api/, /assets/ and /targets/ are taken".to_owned());
    }
    if ["/config", "/probe", "/logs"].contains(&text) {
        return Err("/config, /probe and /logs are taken".to_owned());
    }
    Ok(text.to_owned())
}

/// Accepts a time between two looks at a file that leaves time for other things.
fn auto_reload_interval(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_millis(100);
    match duration::parse(text) {
        Ok(interval) if interval >= LEAST => Ok(interval),
        Ok(_) => Err(format!("write {LEAST:?} or more")),
        Err(hint) => Err(format!("write a duration like 30s or 1m30s{hint}")),
    }
}

/// Accepts seconds that can be taken from others.
fn timeout_offset(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..f64::INFINITY).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds like 0.5, or 0 for none".to_owned()),
    }
}

/// Runs the program with these arguments, the first of them its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
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
    if let Some(Command::Probe(probed)) = &arguments.command {
        if arguments.config_check {
            complain("probe reads a configuration to probe with it; leave out --config.check");
            return ExitCode::from(USAGE);
        }
        let is_file_named = given.value_source("config_file") == Some(ValueSource::CommandLine);
        return finished(probe::run(probed, &arguments.config_file, is_file_named));
    }
    let web_config_file = arguments.web_config_file.take();
    let web_config_file = web_config_file.filter(|path| !path.as_os_str().is_empty());
    if let Some(Command::Healthcheck { url }) = arguments.command {
        if arguments.config_check {
            complain("healthcheck reads no configuration; leave out --config.check");
            return ExitCode::from(USAGE);
        }
        let urls = match (url, arguments.listen_addresses.first()) {
            (Some(url), _) => vec![url],
            (None, Some(address)) => {
                let path = arguments.external_url.path_of("/-/healthy");
                healthcheck::urls(address, &path, web_config_file.as_deref())
            }
            (None, None) => Vec::new(),
        };
        return report(healthcheck::run(&urls), FAILED);
    }
    let is_demo = matches!(arguments.command, Some(Command::Demo));
    if is_demo {
        if let Err(mistakes) = demo::allows(&given) {
            return report(Err(mistakes), USAGE);
        }
        arguments.log_level = demo::log_level(&given, arguments.log_level);
    }
    let settings = Settings {
        config: Origin::File(arguments.config_file.clone()),
        listen_addresses: arguments.listen_addresses,
        systemd_socket: arguments.systemd_socket,
        web_config_file,
        telemetry_path: arguments.telemetry_path,
        prefix: arguments.external_url,
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
        StartError::Bind(_) | StartError::Runtime(_) => FAILED,
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
