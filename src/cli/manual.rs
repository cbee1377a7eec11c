//! `man`: the manual page, from the same arguments as `--help`, and from what no argument tells.

use std::io;

use clap::Arg;
use clap::Command;
use clap::CommandFactory as _;
use clap_mangen::Man;
use clap_mangen::roff::Inline;
use clap_mangen::roff::Roff;
use clap_mangen::roff::bold;
use clap_mangen::roff::italic;
use clap_mangen::roff::roman;

use crate::cli::arguments::Arguments;

/// What one paragraph says: a term, and a sentence about it.
type Told = (&'static str, &'static str);

const EXIT_STATUS: &[Told] = &[
    ("0", "All is well, or SIGINT or SIGTERM ended it."),
    (
        "1",
        "It could not run, an exporter is not healthy, a probe was not as wanted, or a file would be \
         overwritten.",
    ),
    (
        "2",
        "Wrong usage, or a configuration that is missing or has mistakes; all of them are told, with \
         line and column, before any socket is opened.",
    ),
];

const FILES: &[Told] = &[
    (
        "httpcycle.yml",
        "The configuration, in the folder that it is started in unless --config.file is given. \
         Relative names in it start at its own folder. What \"schema\" prints lets editors check it.",
    ),
    (
        "/etc/httpcycle_exporter/httpcycle.yml",
        "The configuration of the service and of the container.",
    ),
    (
        "/etc/default/httpcycle_exporter",
        "Further arguments of the service, in ARGUMENTS.",
    ),
    (
        "/etc/resolv.conf, /etc/hosts",
        "The name servers to ask, and names that have the addresses that stand there and no others.",
    ),
];

const SIGNALS: &[Told] = &[
    (
        "SIGHUP",
        "Reads the configuration again. One with mistakes changes nothing and is logged.",
    ),
    (
        "SIGINT, SIGTERM",
        "Ends it: no probe starts any more, those under way have five seconds, and responses three \
         after that. Another signal cuts both short.",
    ),
];

const ENVIRONMENT: &[Told] = &[
    (
        "HTTP_PROXY, HTTPS_PROXY, NO_PROXY",
        "The proxies of modules with proxy_from_environment.",
    ),
    (
        "NO_COLOR",
        "Has \"probe\" draw without colours on a terminal.",
    ),
    (
        "LISTEN_FDS, LISTEN_PID",
        "The sockets that systemd hands over, with --web.systemd-socket.",
    ),
];

const EXAMPLES: &[Told] = &[
    (
        "httpcycle_exporter demo",
        "Shows all of it without a file: an API with conflicts, and what to open.",
    ),
    (
        "httpcycle_exporter --config.file=httpcycle.yml --config.check",
        "Tells all mistakes of a configuration.",
    ),
    (
        "httpcycle_exporter probe https://api.example.com/ --count=10",
        "Probes ten times, and says how the times spread.",
    ),
];

/// The page as groff reads it.
pub fn page() -> Vec<u8> {
    let mut page = Vec::new();
    write(&mut page).expect("a Vec takes whatever is written");
    page
}

fn write(page: &mut Vec<u8>) -> io::Result<()> {
    // There is no page of the subcommand "help".
    let command = Arguments::command().disable_help_subcommand(true);
    let man = Man::new(command.clone()).manual("User Commands");
    man.render_title(page)?;
    name(&command).to_writer(page)?;
    synopsis(&command).to_writer(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    subcommands(command).to_writer(page)?;
    let mut rest = Roff::new();
    for (heading, told) in [
        ("EXIT STATUS", EXIT_STATUS),
        ("SIGNALS", SIGNALS),
        ("FILES", FILES),
        ("ENVIRONMENT", ENVIRONMENT),
        ("EXAMPLES", EXAMPLES),
    ] {
        rest.control("SH", [heading]);
        for (term, sentence) in told {
            rest.control("TP", []);
            rest.text([bold(*term)]).text([roman(*sentence)]);
        }
    }
    rest.control("SH", ["SEE ALSO"]);
    rest.text([
        bold("prometheus"),
        roman("(1), "),
        bold("promtool"),
        roman("(1), "),
        bold("systemd.socket"),
        roman("(5)"),
    ]);
    rest.to_writer(page)
}

/// What lists of pages show of it.
fn name(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let name = command.get_name();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!(
        "{name} - Prometheus exporter of the HTTP cycle"
    ))]);
    roff
}

/// One line a subcommand.
fn synopsis(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let name = command.get_name();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(name), roman(" ["), italic("FLAGS"), roman("]")]);
    for subcommand in command.get_subcommands() {
        roff.control("br", []);
        let mut line = vec![bold(format!("{name} {}", subcommand.get_name()))];
        for argument in subcommand.get_arguments() {
            line.push(roman(" "));
            line.extend(written(argument));
        }
        roff.text(line);
    }
    roff
}

/// The subcommands with what they take besides the flags of all.
fn subcommands(mut command: Command) -> Roff {
    command.build();
    let mut roff = Roff::new();
    roff.control("SH", ["SUBCOMMANDS"]);
    for subcommand in command.get_subcommands() {
        roff.control("SS", [subcommand.get_name()]);
        let about = subcommand
            .get_long_about()
            .or_else(|| subcommand.get_about());
        roff.text([roman(about.map(ToString::to_string).unwrap_or_default())]);
        let own = subcommand.get_arguments();
        for argument in own.filter(|own| !own.is_global_set() && own.get_id() != "help") {
            roff.control("TP", []);
            roff.text(written(argument));
            let help = argument.get_long_help().or_else(|| argument.get_help());
            let mut help = help.map(ToString::to_string).unwrap_or_default();
            let values = argument.get_possible_values();
            let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
            if !values.is_empty() && argument.get_action().takes_values() {
                help.push_str(&format!(". One of {}", values.join(", ")));
            }
            let defaults = argument.get_default_values().iter();
            let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
            if !defaults.is_empty() && argument.get_action().takes_values() {
                help.push_str(&format!(". By default {}", defaults.join(" ")));
            }
            roff.text([roman(help)]);
        }
    }
    roff
}

/// An argument as it is written on a command line.
fn written(argument: &Arg) -> Vec<Inline> {
    let names = argument.get_value_names().unwrap_or_default();
    let value = names.join(" ");
    let Some(long) = argument.get_long() else {
        return match argument.is_required_set() {
            true => vec![italic(value)],
            false => vec![roman("["), italic(value), roman("]")],
        };
    };
    let mut inline = vec![roman("["), bold(format!("--{long}"))];
    if argument.get_action().takes_values() {
        inline.extend([roman("="), italic(value)]);
    }
    inline.push(roman("]"));
    inline
}
