//! Probing from a test as the program does, without a configuration file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::outcome::{Attempt, Outcome};
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::probe::dns::Resolver;
use httpcycle_exporter::probe::dns::system::SystemFiles;
use httpcycle_exporter::probe::tls::TlsClient;
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::labels::Labels;
use httpcycle_exporter::target::module::Module;

/// The prober of a target at `url`, with a hosts file and a resolv.conf that hold nothing: no name
/// can be asked for elsewhere than at the module's `resolver`.
pub fn prober(url: &str, module: Module, timeout: Duration) -> Prober {
    prober_with_hosts(target(url, module, timeout), "")
}

/// A target at `url`.
pub fn target(url: &str, module: Module, timeout: Duration) -> Target {
    Target {
        name: "test".to_owned(),
        url: TargetUrl::parse(url).unwrap(),
        interval: timeout,
        timeout,
        labels: Labels::default(),
        module: Arc::new(module),
    }
}

/// The prober of a target, with a hosts file of this content.
pub fn prober_with_hosts(target: Target, hosts: &str) -> Prober {
    let resolv_conf = "options timeout:1 attempts:2\nnameserver 127.0.0.1\n";
    prober_with_files(target, resolv_conf, hosts)
}

/// The prober of a target, with files of the system of these contents.
pub fn prober_with_files(target: Target, resolv_conf: &str, hosts: &str) -> Prober {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["resolv", "hosts"].map(|name| folder.path().join(name));
    for (path, content) in paths.iter().zip([resolv_conf, hosts]) {
        std::fs::write(path, content).unwrap();
    }
    let [resolv_conf, hosts] = paths;
    let files = Arc::new(SystemFiles::new(resolv_conf, hosts));
    let module = &target.module;
    let tls = (target.url.is_tls() || module.follow_redirects)
        .then(|| Arc::new(TlsClient::new(&module.tls).unwrap()));
    let resolver = Arc::new(Resolver::new(files, target.module.resolver));
    Prober::new(Arc::new(target), resolver, tls)
}

/// Probes once and expects that the exporter itself could, at the latest when the machine has a
/// moment for it.
pub async fn probe(prober: &Prober) -> Outcome {
    for _ in 0..10 {
        match prober.probe().await {
            Attempt::Finished(outcome) => return outcome,
            Attempt::Skipped(SkipReason::Overload) => {}
            Attempt::Skipped(reason) => panic!("skipped: {reason:?}"),
        }
    }
    panic!("the machine is too busy to probe");
}

/// Probes plain HTTP at `address` once, with the module that exists unwritten.
pub async fn probe_plain(address: SocketAddr, timeout: Duration) -> Outcome {
    probe(&prober(
        &format!("http://{address}/"),
        Module::http_2xx(),
        timeout,
    ))
    .await
}
