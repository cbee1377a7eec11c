//! The built program with a module that speaks HTTP/3: its series, its pages, and what `probe` prints.

use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::support::exporter::{Exporter, program};
use crate::support::http3::{NAME, Server};
use crate::support::pki;

/// A module `h3` that trusts a server, and one target of it.
fn config(server: &Server, path: &str, ca: &Path) -> String {
    let certificate = server.authority.certificate();
    std::fs::write(ca, pki::pem("CERTIFICATE", &certificate)).unwrap();
    format!(
        "modules:
  h3:
    prober: http
    http:
      enable_http3: true
      enable_http2: false
      valid_http_versions: [HTTP/3.0]
      preferred_ip_protocol: ip4
      tls_config: {{ca_file: {}, server_name: {NAME}}}
targets:
  - name: orders
    url: https://{}/{path}
    module: h3
    interval: 200ms
",
        ca.display(),
        server.address
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_pages_and_reload() {
    let server = super::by_path();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let configs = ["200", "409"].map(|path| config(&server, path, &ca));
    let address = server.address;
    let asking = move || {
        let [first, second] = configs;
        let arguments = ["--web.enable-probe-endpoint", "--web.enable-lifecycle"];
        let exporter = Exporter::start_with(&first, &arguments);
        let success = "httpcycle_probe_success{target=\"orders\"}";
        exporter.wait_for(success, |value| value == Some(1.0));
        let version = "httpcycle_http_version{target=\"orders\"}";
        assert_eq!(exporter.value(version), Some(3.0));
        let page = exporter.get_text("GET /metrics");
        for (phase, is_there) in [
            ("dns", false),
            ("connect", false),
            ("tls", true),
            ("send", true),
        ] {
            let series = "httpcycle_phase_duration_seconds_count{target=\"orders\"";
            let series = format!("{series},phase=\"{phase}\"}}");
            assert_eq!(page.contains(&series), is_there, "{phase}: {page}");
        }
        let json = exporter.get_text("GET /api/v1/targets/orders");
        let json: Value =
            serde_json::from_str(&json[json.find('{').unwrap()..json.rfind('}').unwrap() + 1])
                .unwrap();
        let probes = json["probes"]
            .as_array()
            .or_else(|| json["targets"][0]["probes"].as_array());
        let phases = probes.expect("probes")[0]["phases"]
            .as_array()
            .unwrap()
            .clone();
        let names: Vec<_> = phases
            .iter()
            .map(|phase| phase["phase"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["tls", "send", "first_byte", "transfer"]);
        // blackbox_exporter makes https of it.
        let probed = exporter.get_text(&format!("GET /probe?module=h3&target=http://{address}/"));
        for line in [
            "probe_success 1\n",
            "probe_http_version 3\n",
            "probe_http_ssl 1\n",
            "probe_http_duration_seconds{phase=\"connect\"} 0\n",
            "probe_tls_version_info{version=\"TLS 1.3\"} 1\n",
            "probe_tls_cipher_info{cipher=\"TLS_",
        ] {
            assert!(probed.contains(line), "{line}: {probed}");
        }
        exporter.reload(&second);
        exporter.get("POST /-/reload", "");
        let conflicts = "httpcycle_conflicts_total{target=\"orders\",expected=\"false\",reason=\"unspecified\"}";
        exporter.wait_for(conflicts, |value| value > Some(0.0));
    };
    thread::spawn(asking).join().unwrap();
}

/// What the program prints and its exit status.
fn run(mut command: Command) -> (String, i32) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        String::from_utf8(text).unwrap(),
        output.status.code().unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_draws_no_phase_that_there_is_not() {
    let server = super::by_path();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("httpcycle.yml");
    std::fs::write(&file, config(&server, "", &folder.path().join("ca.pem"))).unwrap();
    let address = server.address;
    let running = move || {
        let of = |url: String| {
            let mut command = program();
            command.arg("probe").arg(url).arg("--module=h3");
            command.arg("--config.file").arg(&file);
            run(command)
        };
        let (text, code) = of(format!("https://{address}/"));
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("tls") && !text.contains("connect"), "{text}");
        assert!(text.contains("HTTP/3"), "{text}");
        let (text, code) = of(format!("http://{address}/"));
        assert!(
            code != 0 && text.contains("there is no HTTP/3 for http"),
            "{text}"
        );
    };
    thread::spawn(running).join().unwrap();
}
