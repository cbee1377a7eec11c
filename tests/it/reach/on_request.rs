//! `/probe` of the built program, which anybody may ask for any address who can reach it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::reach::Row;
use crate::reach::notations::{ALLOWING, DENYING, Leads};
use crate::reach::scene::Scene;
use crate::support::exporter::Exporter;

/// An exporter that probes on request, with a module `m` and these rules for everything.
fn start(scene: &Scene, rules: &str) -> Exporter {
    let config = scene.fill(
        "modules: {m: {prober: http, timeout: 20s, http: {resolver: 'NAMES', \
         follow_redirects: false}}, r: {prober: http, timeout: 20s, http: {resolver: 'NAMES', \
         deny_addresses: [192.0.2.0/24]}}}\n",
    );
    let arguments = ["--web.enable-probe-endpoint"];
    Exporter::start_with(&format!("{rules}\n{config}"), &arguments)
}

/// The page for a target, without blocking the peers that the exporter talks to.
fn ask(exporter: &Exporter, module: &str, target: &str, more: &str) -> String {
    let target = utf8_percent_encode(target, NON_ALPHANUMERIC);
    let path = format!("GET /probe?module={module}&target={target}{more}");
    let answers = || tokio::task::block_in_place(|| exporter.get_text(&path));
    let mut answers = std::iter::repeat_with(answers).take(10);
    let answer = answers.find(|answer| !answer.contains("(overload)"));
    answer.expect("the machine is too busy to probe")
}

pub async fn all(scene: &Scene, rows: &[Row]) {
    let (denying, allowing) = (start(scene, DENYING), start(scene, ALLOWING));
    for (url, leads) in rows {
        // It has the hosts file of this machine, and takes what has another start for a host.
        let is_plain = url.starts_with("http://");
        let leads = is_plain && *leads != Leads::ByHosts && scene.leads(*leads);
        let url = scene.fill(url);
        let page = ask(&denying, "m", &url, "");
        assert!(page.contains("\nprobe_success 0\n"), "{url}: {page}");
        assert_eq!(scene.n_caught().await, 0, "{url} on request");
        let page = ask(&allowing, "m", &url, "");
        let n_caught = scene.n_caught().await;
        assert!(
            n_caught > 0 || !leads,
            "{url} on request when allowed: {page}"
        );
        scene.redirect_to(&url);
        let page = ask(&denying, "r", &scene.fill("http://REDIRECTING/"), "");
        assert!(page.contains("\nprobe_success 0\n"), "{url}: {page}");
        assert_eq!(scene.n_caught().await, 0, "{url} by a redirect on request");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_does_not_learn_where_a_name_leads() {
    let scene = Scene::new(false).await;
    let exporter = start(&scene, DENYING);
    for (url, reason) in [
        ("http://a.test:PORT/", "phase=connect reason=blocked"),
        ("http://REDIRECTING/", "phase=redirect reason=blocked"),
    ] {
        scene.redirect_to("http://a.test:PORT/");
        let page = ask(&exporter, "r", &scene.fill(url), "&debug=true");
        assert!(page.contains(reason), "{page}");
        assert!(
            page.contains("err=\"the address may not be probed\""),
            "{page}"
        );
        assert!(!page.contains("127.0.0.2"), "{page}");
        assert!(
            page.contains("probe_ip_addr_hash 0\n") || url.contains("REDIRECTING"),
            "{page}"
        );
        let rules =
            "# and for all modules deny_addresses: [\"127.0.0.0/29\", \"::1\", \"10.0.0.0/8\"]";
        assert!(page.contains(rules), "{page}");
        let own = "\n  deny_addresses: [\"192.0.2.0/24\"]\n";
        assert!(page.contains(own), "{page}");
    }
    assert_eq!(scene.n_caught().await, 0);
}
