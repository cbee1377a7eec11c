//! `healthcheck`: one probe of a running exporter's health page, by the prober itself. It sends
//! nothing that is secret, and so does not care who answers.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::web;
use crate::outcome::Attempt;
use crate::outcome::reason::Reason;
use crate::probe::Prober;
use crate::probe::dns::Resolver;
use crate::probe::dns::system::SystemFiles;
use crate::probe::tls::TlsClient;
use crate::server::listen::ListenAddress;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;
use crate::target::module::Module;
use crate::target::tls::TlsSettings;

/// How long the exporter has to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where an exporter that listens on `address` may have its health page. A web configuration that is
/// being written may not tell whether TLS is spoken; then it is either.
pub fn urls(address: &ListenAddress, web_config_file: Option<&Path>) -> Vec<String> {
    let asks_for_tls = match web_config_file {
        Some(path) => fs::read_to_string(path)
            .ok()
            .and_then(|text| web::asks_for_tls(&text)),
        None => Some(false),
    };
    let schemes: &[&str] = match asks_for_tls {
        Some(true) => &["https"],
        Some(false) => &["http"],
        None => &["https", "http"],
    };
    let urls = schemes.iter();
    urls.map(|scheme| format!("{}/-/healthy", address.local_url(scheme)))
        .collect()
}

/// Asks the exporter at the first of `urls` that it answers at.
pub fn run(urls: &[String]) -> Result<(), String> {
    let mut answered = Err("no address to ask".to_owned());
    for url in urls {
        answered = ask(url);
        if answered.is_ok() {
            break;
        }
    }
    answered
}

/// Asks the exporter at `url`. One that wants credentials or a certificate, or is asked too often, is
/// alive too, and whose certificate it shows does not matter here.
fn ask(url: &str) -> Result<(), String> {
    let url = TargetUrl::parse(url).map_err(|error| match url.contains('@') {
        // What cannot be taken apart cannot be shown without its password.
        true => format!("cannot ask that URL: {error}"),
        false => format!("cannot ask {url:?}: {error}"),
    })?;
    let module = Module {
        valid_status_codes: vec![200, 401, 429],
        tls: TlsSettings {
            verify: false,
            ..TlsSettings::default()
        },
        ..Module::http_2xx()
    };
    let tls = url
        .is_tls()
        .then(|| TlsClient::new(&module.tls).map(Arc::new));
    let resolver = Resolver::new(Arc::new(SystemFiles::of_this_system()), None);
    let target = Target {
        name: url.to_string(),
        url,
        module: Arc::new(module),
        interval: TIMEOUT,
        timeout: TIMEOUT,
        labels: Labels::default(),
    };
    let prober = Prober::new(Arc::new(target), Arc::new(resolver), tls.transpose()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let name = &prober.target().name;
    match runtime.block_on(prober.probe()) {
        Attempt::Skipped(reason) => Err(format!("cannot ask {name}: {}", reason.label())),
        Attempt::Finished(outcome) => match outcome.failure {
            None => Ok(()),
            Some(failure) if failure.reason == Reason::TlsClientCertRequired => Ok(()),
            Some(failure) => Err(format!(
                "{name} is not healthy: {}",
                failure.printable_detail()
            )),
        },
    }
}
