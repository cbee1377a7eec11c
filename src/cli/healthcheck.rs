//! `healthcheck`: one probe of a running exporter's health page, by the prober itself. It sends
//! nothing that is secret, and so does not care who answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::file;
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
use crate::target::reach::Range;
use crate::target::reach::Reach;
use crate::target::reach::Rules;
use crate::target::tls::TlsSettings;

/// How long the exporter has to answer, at whichever URL.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where an exporter that listens on `address` may have its health page, which is at `path`. A web configuration that is
/// being written may not tell whether TLS is spoken; then it is either.
pub fn urls(address: &ListenAddress, path: &str, web_config_file: Option<&Path>) -> Vec<String> {
    let asks_for_tls = match web_config_file {
        Some(path) => file::read(path, file::MAX_BYTES)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| web::asks_for_tls(&text)),
        None => Some(false),
    };
    let schemes: &[&str] = match asks_for_tls {
        Some(true) => &["https"],
        Some(false) => &["http"],
        None => &["https", "http"],
    };
    let urls = schemes.iter();
    urls.map(|scheme| format!("{}{path}", address.local_url(scheme)))
        .collect()
}

/// Asks the exporter at the first of `urls` that it answers at.
pub fn run(urls: &[String]) -> Result<(), String> {
    run_within(TIMEOUT, urls)
}

fn run_within(timeout: Duration, urls: &[String]) -> Result<(), String> {
    let deadline = Instant::now() + timeout;
    let mut answered = Err("no address to ask".to_owned());
    for (url, n_left) in urls.iter().zip((1..=urls.len()).rev()) {
        let left = deadline.saturating_duration_since(Instant::now());
        // What one leaves of its share is the others'.
        let share = left / u32::try_from(n_left).unwrap_or(u32::MAX);
        answered = ask(url, share);
        if answered.is_ok() {
            break;
        }
    }
    answered
}

/// What is asked for and how. What keeps targets from where credentials are is not for the address
/// that the exporter itself listens on.
fn module() -> Module {
    let everywhere = ["0.0.0.0/0", "::/0", "169.254.0.0/16", "fe80::/10"];
    let everywhere = everywhere.iter().filter_map(|text| Range::parse(text).ok());
    Module {
        valid_status_codes: vec![200, 401, 429],
        reach: Reach {
            own: Arc::new(Rules {
                allow: everywhere.collect(),
                deny: Vec::new(),
            }),
            ..Reach::default()
        },
        tls: TlsSettings {
            verify: false,
            ..TlsSettings::default()
        },
        ..Module::http_2xx()
    }
}

/// Asks the exporter at `url`. One that wants credentials or a certificate, or is asked too often, is
/// alive too, and whose certificate it shows does not matter here.
fn ask(url: &str, timeout: Duration) -> Result<(), String> {
    let url = TargetUrl::parse(url).map_err(|error| match url.contains('@') {
        // What cannot be taken apart cannot be shown without its password.
        true => format!("cannot ask that URL: {error}"),
        false => format!("cannot ask {url:?}: {error}"),
    })?;
    let module = module();
    let tls = url
        .is_tls()
        .then(|| TlsClient::new(&module.tls).map(Arc::new));
    let resolver = Resolver::new(Arc::new(SystemFiles::of_this_system()), None);
    let target = Target {
        name: url.to_string(),
        url,
        module: Arc::new(module),
        interval: timeout,
        timeout,
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_endless_web_configuration_tells_nothing_of_tls() {
        let address = ":1".parse().expect("an address");
        let urls = urls(&address, "/-/healthy", Some(Path::new("/dev/zero")));
        assert_eq!(
            urls,
            [
                "https://127.0.0.1:1/-/healthy",
                "http://127.0.0.1:1/-/healthy"
            ]
        );
    }

    #[test]
    fn all_urls_have_the_time_of_one() {
        let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}/", silent.local_addr().expect("an address"));
        let lasts = |n: usize| {
            let before = Instant::now();
            let urls = vec![url.clone(); n];
            assert!(run_within(Duration::from_secs(1), &urls).is_err());
            before.elapsed()
        };
        let (one, three) = (lasts(1), lasts(3));
        assert!(three < one * 2, "{three:?} after {one:?}");
    }

    #[test]
    fn the_exporter_may_listen_where_targets_are_not_reached() {
        for address in [
            "127.0.0.1",
            "169.254.1.2",
            "fe80::1",
            "::1",
            "10.0.0.1",
            "2001:db8::1",
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert!(module().reach.check(address).is_ok(), "{address}");
        }
    }
}
