//! The arguments: every flag and every subcommand, and which values they take.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use clap::Parser;
use clap::Subcommand;
use clap::builder::OsStringValueParser;
use clap::builder::RangedU64ValueParser;
use clap::builder::TypedValueParser as _;
use clap::parser::ValueSource;
use clap::value_parser;
use clap_complete::Shell;

use crate::cli::logging::LogFormat;
use crate::cli::logging::LogLevel;
use crate::cli::probe::ProbeArguments;
use crate::config::duration;
use crate::server::external::Prefix;
use crate::server::listen::ListenAddress;
use crate::target::shard::Shard;

/// More would be a data base's work.
const MAX_HISTORY: u64 = 10_000;

/// Walks the HTTP cycle of its targets all the time and tells Prometheus how long each phase took
/// and how often each status code, 409 Conflict above all, came back.
#[derive(Debug, Parser)]
#[command(name = "httpcycle_exporter", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do, if it is not to probe targets.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The configuration file.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        default_value = "httpcycle.yml",
        global = true
    )]
    pub config_file: PathBuf,

    /// Checks the configuration file and exits.
    #[arg(long = "config.check", global = true)]
    pub config_check: bool,

    /// Looks at the configuration file every now and then and reads it again when it has changed.
    #[arg(long = "config.enable-auto-reload", global = true)]
    pub enable_auto_reload: bool,

    /// How often to look at the configuration file.
    #[arg(
        long = "config.auto-reload-interval",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = auto_reload_interval,
        global = true
    )]
    pub auto_reload_interval: Duration,

    /// An address to listen on; may be repeated.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = ":10409",
        global = true
    )]
    pub listen_addresses: Vec<ListenAddress>,

    /// Listens on the sockets that systemd opened instead.
    #[arg(long = "web.systemd-socket", global = true)]
    pub systemd_socket: bool,

    /// The web configuration file, which says how the exporter itself is served: TLS, users, headers;
    /// an empty name stands for none.
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        global = true
    )]
    pub web_config_file: Option<PathBuf>,

    /// The path of the metrics.
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics",
        value_parser = telemetry_path,
        global = true
    )]
    pub telemetry_path: String,

    /// The URL under which users reach the exporter, as behind a proxy: its path stands before those
    /// of all pages.
    #[arg(
        long = "web.external-url",
        value_name = "URL",
        default_value = "/",
        hide_default_value = true,
        global = true
    )]
    pub external_url: String,

    /// How many of its last probes to keep of each target, and of those of /probe, failures for
    /// longer; 0 for none.
    #[arg(
        long = "history.limit",
        value_name = "PROBES",
        default_value_t = 20,
        value_parser = RangedU64ValueParser::<usize>::new().range(..=MAX_HISTORY),
        global = true
    )]
    pub history_limit: usize,

    /// Which part of the targets to probe, from 0 on, where several exporters share them.
    #[arg(
        long = "shard.ordinal",
        value_name = "N",
        default_value_t = 0,
        global = true
    )]
    pub shard_ordinal: u16,

    /// How many exporters share the targets.
    #[arg(
        long = "shard.total",
        value_name = "N",
        default_value_t = 1,
        value_parser = value_parser!(u16).range(1..),
        global = true
    )]
    pub shard_total: u16,

    /// Reads the configuration again on POST /-/reload.
    #[arg(long = "web.enable-lifecycle", global = true)]
    pub enable_lifecycle: bool,

    /// Answers /probe and /logs as blackbox_exporter does: whoever may ask can have anything probed
    /// that this machine reaches.
    #[arg(long = "web.enable-probe-endpoint", global = true)]
    pub enable_probe_endpoint: bool,

    /// How many seconds less than the scrape a probe of /probe may take.
    #[arg(
        long = "timeout-offset",
        value_name = "SECONDS",
        default_value = "0.5",
        value_parser = timeout_offset,
        allow_hyphen_values = true,
        global = true
    )]
    pub timeout_offset: f64,

    /// The least severe messages to log.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        global = true
    )]
    pub log_level: LogLevel,

    /// The format of the log.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        default_value = "logfmt",
        global = true
    )]
    pub log_format: LogFormat,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes the dashboards, the rules with their runbook, and samples of what Grafana, Prometheus and
    /// Alertmanager need to read them.
    Assets {
        /// The folder to write to; it is made if it is not there.
        #[arg(value_name = "DIR")]
        folder: PathBuf,

        /// Replaces files that are there.
        #[arg(long)]
        force: bool,
    },
    /// Prints what completes the flags and subcommands in a shell.
    Completions {
        /// The shell.
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Probes a small API of orders that it brings, with conflicts, and says what to open; needs no
    /// file, and logs errors alone unless --log.level is given.
    Demo,
    /// Asks a running exporter whether it is alive; for containers.
    Healthcheck {
        /// Its health page; by default that of an exporter started with the same flags here.
        url: Option<String>,
    },
    /// Prints the manual page.
    Man,
    /// Probes a URL, or several times with --count or --interval, and draws its phases.
    Probe(ProbeArguments),
    /// Prints the JSON Schema of the configuration file, by which editors complete and check it.
    Schema,
}

impl Arguments {
    /// What the external URL puts before all pages. The URL may hold a password, which clap would show
    /// if it read the URL itself.
    pub fn prefix(&self) -> Result<Prefix, String> {
        let prefix = self.external_url.parse();
        prefix.map_err(|error| format!("--web.external-url: {error}"))
    }

    /// The part of the targets that the flags that were `given` name, both of them or none.
    pub fn shard(&self, given: &ArgMatches) -> Result<Shard, String> {
        let is_given = |id| given.value_source(id) == Some(ValueSource::CommandLine);
        let (ordinal, total) = (self.shard_ordinal, self.shard_total);
        match (is_given("shard_ordinal"), is_given("shard_total")) {
            (true, false) => Err(format!(
                "--shard.ordinal={ordinal} without --shard.total: give the number of shards as well"
            )),
            (false, true) => Err(format!(
                "--shard.total={total} without --shard.ordinal: give each of the {total} a number of its \
                 own, from 0 on"
            )),
            _ => Shard::new(ordinal, total).ok_or_else(|| {
                format!(
                    "--shard.ordinal={ordinal} of --shard.total={total}: shards are counted from 0, so \
                     the last one is {}",
                    total.saturating_sub(1)
                )
            }),
        }
    }
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
