//! The process: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    httpcycle_exporter::cli::main(std::env::args_os())
}
