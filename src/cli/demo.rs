//! `demo`: an exporter of the API that the program brings, and a word on what to open.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::app;
use crate::app::Settings;
use crate::app::StartError;
use crate::cli::logging::LogLevel;
use crate::config::content::Origin;
use crate::demo::Demo;
use crate::demo::storm::Storms;

/// How much a demo logs: what there is to open would be lost in what the log says of every storm.
pub fn log_level(given: &ArgMatches, wanted: LogLevel) -> LogLevel {
    match given.value_source("log_level") {
        Some(ValueSource::CommandLine) => wanted,
        _ => LogLevel::Error,
    }
}

/// Runs until SIGINT or SIGTERM. The API is there before the first probe and after the last one.
/// What to open is said once it can be opened.
pub fn run(settings: Settings, say: impl FnOnce(&str)) -> Result<(), StartError> {
    let storms = Storms::USUAL;
    let demo = Demo::start(storms).map_err(StartError::Runtime)?;
    let result = demo.configuration().map_err(StartError::Runtime);
    let result = result.and_then(|text| {
        let pages = settings.telemetry_path.clone();
        let api = format!("http://{}", demo.address());
        let settings = Settings {
            config: Origin::BuiltIn(text),
            ..settings
        };
        app::run(settings, |urls| say(&welcome(urls, &pages, &api, storms)))
    });
    demo.stop();
    result
}

/// What to open of an exporter at any of `urls` that probes `api`.
fn welcome(urls: &[String], telemetry_path: &str, api: &str, storms: Storms) -> String {
    let mut pages = Vec::new();
    for url in urls {
        if telemetry_path != "/" {
            pages.push(("status page", format!("{url}/")));
        }
        pages.push(("metrics", format!("{url}{telemetry_path}")));
        pages.push(("last probes", format!("{url}/api/v1/targets")));
        pages.push(("configuration", format!("{url}/config")));
    }
    pages.push(("orders API", format!("{api}/orders")));
    let pages = pages
        .iter()
        .map(|(name, url)| format!("  {name:<15}{url}\n"));
    let pages: String = pages.collect();
    let first = storms.first.as_secs();
    let every = storms.every().as_secs();
    let lasts = storms.lasts.as_secs();
    format!(
        "The demo runs: a small API of orders, probed every second.\n\n{pages}\n\
         In {first} s, and every {every} s from then on, a conflict storm of {lasts} s: a batch job \
         saves all orders,\nso that the versions that others have read are stale.\n\
         A conflict by hand is a version that is not the current one:\n\n  \
         curl -i -X PUT {api}/orders/42 -d '{{\"version\": 0, \"state\": \"packed\"}}'\n\n\
         Ctrl-C ends it. --log.level=info shows what else it says.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_open_is_what_there_is() {
        let urls = [
            "http://localhost:1".to_owned(),
            "https://[::1]:2".to_owned(),
        ];
        let text = welcome(&urls, "/m", "http://127.0.0.1:3", Storms::USUAL);
        for part in [
            " http://localhost:1/\n",
            " http://localhost:1/m\n",
            " https://[::1]:2/api/v1/targets\n",
            " http://127.0.0.1:3/orders\n",
            "PUT http://127.0.0.1:3/orders/42 -d '{\"version\": 0, ",
            "In 75 s, and every 120 s",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let text = welcome(&urls, "/", "http://127.0.0.1:3", Storms::USUAL);
        assert!(!text.contains("status page"), "{text}");
    }
}
