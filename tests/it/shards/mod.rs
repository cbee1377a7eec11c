//! Targets that several exporters share: each is probed by exactly one of them, whatever it is called.

mod flags;
mod pages;
mod split;

use crate::support::exporter::Exporter;

/// Starts the exporter that has the part `ordinal` of `total`.
fn start(config: &str, ordinal: usize, total: usize, arguments: &[&str]) -> Exporter {
    let flags = [
        format!("--shard.ordinal={ordinal}"),
        format!("--shard.total={total}"),
    ];
    let flags = flags.iter().map(String::as_str);
    let arguments: Vec<&str> = flags.chain(arguments.iter().copied()).collect();
    Exporter::start_with(config, &arguments)
}

/// A name in double quotes, as YAML and JSON have it.
fn quoted(name: &str) -> String {
    serde_json::to_string(name).unwrap()
}
