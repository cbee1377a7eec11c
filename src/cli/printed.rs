//! `schema`, `completions` and `man`: texts that others read, made from what the program knows of
//! itself.

use std::io;
use std::io::Write as _;

use clap::CommandFactory as _;

use crate::cli::arguments::Arguments;
use crate::cli::arguments::Command;
use crate::cli::manual;
use crate::cli::schema;

/// The text that a command prints, if it is one that does nothing else.
pub fn text_of(command: &Command) -> Option<Vec<u8>> {
    match command {
        Command::Schema => Some(schema::text().into_bytes()),
        Command::Man => Some(manual::page()),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            let mut arguments = Arguments::command();
            let name = arguments.get_name().to_owned();
            clap_complete::generate(*shell, &mut arguments, name, &mut text);
            Some(text)
        }
        Command::Assets { .. }
        | Command::Demo
        | Command::Healthcheck { .. }
        | Command::Probe(_) => None,
    }
}

/// Prints a text that whoever asked for it wants whole. One who stopped reading has what he wanted.
pub fn print(text: &[u8]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write: {error}"))
        }
        _ => Ok(()),
    }
}
