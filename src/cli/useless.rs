//! Flags that would have no effect: who gives one waits for something that does not happen.

use std::ffi::OsString;

use clap::ArgAction;
use clap::ArgMatches;
use clap::CommandFactory as _;
use clap::parser::ValueSource;

use crate::cli::arguments::Arguments;
use crate::cli::arguments::Command;

impl Command {
    /// Its name, and whether the flag of this name has an effect on it.
    fn heeds(&self, flag: &str) -> (&'static str, bool) {
        match self {
            Self::Demo => (
                "demo",
                !flag.starts_with("config.") && !flag.starts_with("shard."),
            ),
            // Containers give it the flags of the exporter that it asks.
            Self::Healthcheck { .. } => ("healthcheck", flag != "config.check"),
            Self::Probe(_) => ("probe", flag == "config.file"),
            Self::Assets { .. } => ("assets", false),
            Self::Completions { .. } => ("completions", false),
            Self::Man => ("man", false),
            Self::Schema => ("schema", false),
        }
    }
}

/// Says which of the flags that were `given` have no effect, a line each.
pub fn check(
    command: Option<&Command>,
    command_line: &[OsString],
    given: &ArgMatches,
) -> Result<(), String> {
    let Some(command) = command else {
        return Ok(());
    };
    let mut mistakes = Vec::new();
    for argument in Arguments::command().get_arguments() {
        let (id, flag) = (argument.get_id().as_str(), argument.get_long());
        let is_given = given.value_source(id) == Some(ValueSource::CommandLine);
        let Some(flag) = flag.filter(|_| is_given) else {
            continue;
        };
        let (name, is_heeded) = command.heeds(flag);
        let n_kept = given.get_raw(id).map_or(0, Iterator::count);
        if !is_heeded {
            mistakes.push(format!("--{flag} has no effect on {name}; leave it out"));
        } else if matches!(argument.get_action(), ArgAction::Append)
            && n_kept < n_written(command_line, flag)
        {
            // What stands on one side of the subcommand would replace what stands on the other.
            mistakes.push(format!(
                "--{flag} is before {name} and behind it; write all of them on one side"
            ));
        }
    }
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(mistakes.join("\n")),
    }
}

/// How often a flag was written.
fn n_written(command_line: &[OsString], flag: &str) -> usize {
    let written = command_line.iter().take_while(|word| **word != "--");
    let written = written.filter(|word| {
        let behind = word.to_str().and_then(|word| word.strip_prefix("--"));
        let behind = behind.and_then(|word| word.strip_prefix(flag));
        behind.is_some_and(|value| value.is_empty() || value.starts_with('='))
    });
    written.count()
}
