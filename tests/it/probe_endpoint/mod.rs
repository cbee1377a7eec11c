//! `/probe` and `/logs` of the built program, beside what blackbox_exporter answers.

mod pages;
mod requests;
mod series;
mod series_tls;

use std::collections::BTreeMap;
use std::path::Path;

use httpcycle_exporter::target::tls::TlsSettings;
use rustls_pki_types::CertificateDer;

use crate::support::exporter::Exporter;

/// Starts an exporter that probes on request.
fn start(config: &str) -> Exporter {
    Exporter::start_with(config, &["--web.enable-probe-endpoint"])
}

/// An answer, taken apart.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// Asks without blocking the peers that the exporter talks to.
fn ask(exporter: &Exporter, path: &str, headers: &str) -> Answer {
    tokio::task::block_in_place(|| {
        let response = exporter.get(&format!("GET {path}"), headers);
        let response = String::from_utf8(response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    })
}

/// Has `target` probed with the module `m` and returns the series, which must come as an exposition,
/// at the latest when the machine has a moment for it.
fn probe(exporter: &Exporter, target: &str) -> BTreeMap<String, f64> {
    let path = format!("/probe?module=m&target={target}");
    let mut answers = std::iter::repeat_with(|| ask(exporter, &path, "")).take(10);
    let is_overload = |answer: &Answer| answer.status == 503 && answer.body.contains("(overload)");
    let answer = answers.find(|answer| !is_overload(answer));
    let answer = answer.expect("the machine is too busy to probe");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let kind = "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(answer.head.contains(kind), "{}", answer.head);
    series(&answer.body)
}

/// The samples of a page by name and labels. Families stand in the order of their names, each with
/// its text and type, as in blackbox_exporter.
fn series(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let help = line.strip_prefix("# HELP ").unwrap();
        let name = help.split_once(' ').unwrap().0;
        assert_eq!(lines.next(), Some(&*format!("# TYPE {name} gauge")));
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            assert_eq!(line.split(['{', ' ']).next(), Some(name));
            let (series, value) = line.rsplit_once(' ').unwrap();
            samples.insert(series.to_owned(), value.parse().unwrap());
        }
        families.push(name);
    }
    assert!(families.is_sorted(), "{families:?}");
    samples
}

/// Writes certificates where a configuration can name them.
fn write_pem(path: &Path, certificate: &CertificateDer<'_>) {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    std::fs::write(path, pem).unwrap();
}

/// The `tls_config` of a module that trusts what these settings trust, written into `folder`.
fn tls_config(folder: &Path, trusted: &TlsSettings) -> String {
    let path = folder.join("ca.pem");
    write_pem(&path, &trusted.authorities.as_ref().unwrap()[0]);
    format!("tls_config: {{ca_file: {}}}", path.display())
}
