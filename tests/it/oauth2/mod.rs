//! Tokens: one for a module, fetched beside the probes, renewed in time; who cannot have one probes
//! nothing and charges nobody.

mod api;
mod asked;
mod beside_blackbox;
mod clocks;
mod discovered;
mod doubts;
mod life;
mod outage;
mod refused;
mod reload;
mod server;
mod single;
mod way;

use std::path::Path;
use std::sync::Arc;

use httpcycle_exporter::auth::source::Source;
use httpcycle_exporter::config;
use httpcycle_exporter::target::oauth2::OAuth2;
use tokio::runtime::Handle;

use crate::support::exporter::Exporter;

/// A configuration with a module `m` that gets tokens, and so many targets of it.
fn config(oauth2: &str, n_targets: usize, url: &str, interval: &str) -> String {
    let mut text = format!(
        "modules:\n  m:\n    prober: http\n    http:\n      oauth2: {{{oauth2}}}\ntargets:\n"
    );
    if n_targets == 0 {
        text += "  []\n";
    }
    for n in 0..n_targets {
        text += &format!("  - {{name: t{n}, url: '{url}', module: m, interval: {interval}}}\n");
    }
    text
}

/// Who asks, and whom.
fn client(token_url: &str) -> String {
    format!("client_id: me, client_secret: hunter2, token_url: '{token_url}'")
}

/// How many probes failed for what the API answered. On a busy machine it may also be late.
fn n_refused(exporter: &Exporter) -> f64 {
    let page = exporter.get_text("GET /metrics");
    let lines = page.lines().filter(|line| {
        line.starts_with("httpcycle_probe_failures_total{") && line.contains("reason=\"status\"")
    });
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

/// The settings of a module.
fn settings(oauth2: &str) -> Arc<OAuth2> {
    settings_within("", oauth2)
}

/// The same where rules count for the whole configuration.
fn settings_within(rules: &str, oauth2: &str) -> Arc<OAuth2> {
    let text = config(oauth2, 0, "", "") + rules;
    let config = config::parse("f.yml", Path::new(""), &text, &|_| Ok(()));
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    config.modules["m"].module.oauth2().unwrap().clone()
}

/// Tokens by these settings, fetched when they are asked for.
fn source(settings: Arc<OAuth2>) -> Source {
    Source::new("m", settings, false, &Handle::current())
}
