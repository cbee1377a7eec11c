//! TLS in files that load: where it is tried, and how certificates and keys are given.

use std::fs;
use std::path::Path;

use httpcycle_exporter::config;
use httpcycle_exporter::target::files::Part;

use crate::config::{check_tls, no_authorities};

#[test]
fn tls_is_tried_only_where_it_is_used() {
    let load = |text: &str| config::parse("f.yml", Path::new(""), text, &no_authorities);
    let plain = "modules:\n  m: {prober: http}\ntargets:\n  - url: http://a.example/\n";
    assert!(load(plain).is_ok());
    let tls = plain.replace("http://", "https://");
    assert!(load(&tls).is_err());
    let set = "modules:\n  m: {prober: http, http: {tls_config: {min_version: TLS13}}}\n";
    assert!(load(set).is_err());
}

/// Both forms of each, and one of each.
#[test]
fn certificates_and_keys_are_written_or_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(dir.path().join("cert.pem"), &cert).unwrap();
    fs::write(dir.path().join("key.pem"), &key).unwrap();
    // As JSON, which YAML is as well, so that the line breaks are kept.
    let (cert, key) = (format!("{cert:?}"), format!("{key:?}"));
    for (tls, files) in [
        (
            "ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem".to_owned(),
            &[Part::Authorities, Part::ClientChain, Part::ClientKey][..],
        ),
        (format!("ca: {cert}, cert: {cert}, key: {key}"), &[]),
        (
            format!("ca: {cert}, cert_file: cert.pem, key: {key}, key_file: ''"),
            &[Part::ClientChain],
        ),
        (
            format!("ca_file: cert.pem, cert: {cert}, key_file: key.pem"),
            &[Part::Authorities, Part::ClientKey],
        ),
    ] {
        let text = format!("modules:\n  m: {{prober: http, http: {{tls_config: {{{tls}}}}}}}\n");
        let path = dir.path().join("httpcycle.yml");
        fs::write(&path, text).unwrap();
        let config = config::load(&path, &check_tls).unwrap();
        let module = &config.modules["m"].module;
        let identity = module.tls.identity.as_ref().unwrap();
        let certificates = [made.cert.der().clone()];
        assert_eq!(module.tls.authorities.as_deref(), Some(&certificates[..]));
        assert_eq!(identity.chain, certificates);
        assert_eq!(
            identity.key.expose().secret_der(),
            made.signing_key.serialize_der().as_slice()
        );
        let parts: Vec<_> = module.files.iter().map(|file| file.part.clone()).collect();
        assert_eq!(parts, files, "{tls}");
    }
}
