//! Configuration files as users write them: what loads, what does not, and what is said about it.

mod bad;
mod good;
mod good_sources;
mod good_tls;
mod good_tokens;
mod headers;
mod hostile;

use std::path::{Path, PathBuf};

use httpcycle_exporter::config::{self, Config};
use httpcycle_exporter::target::tls::TlsSettings;

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config")
        .join(name)
}

/// Stands for a probe that cannot do without authorities and refuses one name.
pub fn check_tls(tls: &TlsSettings) -> Result<(), String> {
    match &tls.server_name {
        Some(name) if name == "refused.example" => Err("it is refused".to_owned()),
        _ => Ok(()),
    }
}

pub fn no_authorities(tls: &TlsSettings) -> Result<(), String> {
    match tls.authorities {
        Some(_) => Ok(()),
        None => Err("this system has no authorities".to_owned()),
    }
}

/// Parses a text that stands in the folder of the bad files.
pub fn parse(text: &str) -> Result<Config, String> {
    config::parse("f.yml", &folder("bad"), text, &check_tls).map_err(|error| error.to_string())
}

pub fn good(name: &str) -> Config {
    match config::load(&folder("good").join(name), &check_tls) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    }
}
