//! The configuration file of the soak: a module and a target for each peer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use httpcycle_exporter::config;
use httpcycle_exporter::target::body::Compression;
use httpcycle_exporter::target::module::IpFamily;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::TlsVersion;

use crate::peers::Staged;

/// A body of a request that is longer is not written into the file.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Writes the module that probes `staged` under `name`; `None` if that module cannot be written, as
/// it would then be another one.
pub fn module(name: &str, staged: &Staged, timeout: Duration) -> Option<String> {
    let module = staged.behaviour.module(&staged.place);
    if module.body.expose().len() > MAX_BODY_BYTES {
        return None;
    }
    let written = written(name, &module, timeout);
    let file = format!("modules:\n{written}");
    let config = config::parse("soak.yml", Path::new(""), &file, &|_| Ok(())).ok()?;
    let read = config.modules.get(name)?.module.clone();
    let wanted = Module {
        name: name.to_owned(),
        ..module
    };
    (Arc::unwrap_or_clone(read) == wanted).then_some(written)
}

fn written(name: &str, module: &Module, timeout: Duration) -> String {
    let mut http = vec![
        format!("method: {}", module.method),
        format!("follow_redirects: {}", module.follow_redirects),
        format!("enable_http2: {}", module.enable_http2),
        format!("ip_protocol_fallback: {}", module.family_fallback),
        format!(
            "preferred_ip_protocol: {}",
            match module.preferred_family {
                IpFamily::V4 => "ip4",
                IpFamily::V6 => "ip6",
            }
        ),
        format!("valid_status_codes: {:?}", module.valid_status_codes),
        format!("valid_http_versions: {:?}", module.checks.http_versions),
    ];
    if let Ok(body) = str::from_utf8(module.body.expose())
        && !body.is_empty()
    {
        http.push(format!("body: {body:?}"));
    }
    if let Some(resolver) = module.resolver {
        http.push(format!("resolver: \"{resolver}\""));
    }
    if let Some(limit) = module.checks.body.size_limit {
        http.push(format!("body_size_limit: {limit}B"));
    }
    if let Some(compression) = module.checks.body.compression {
        let name = match compression {
            Compression::Gzip => "gzip",
            Compression::Deflate => "deflate",
            Compression::Br => "br",
        };
        http.push(format!("compression: {name}"));
    }
    http.push(format!("tls_config: {{{}}}", tls(module).join(", ")));
    let http: Vec<String> = http.iter().map(|line| format!("      {line}\n")).collect();
    format!(
        "  {name}:\n    prober: http\n    timeout: {}ms\n    http:\n{}",
        timeout.as_millis(),
        http.concat()
    )
}

fn tls(module: &Module) -> Vec<String> {
    let tls = &module.tls;
    let mut keys = vec![format!("insecure_skip_verify: {}", !tls.verify)];
    if let Some(authorities) = &tls.authorities {
        let all: String = authorities
            .iter()
            .map(|der| pem("CERTIFICATE", der))
            .collect();
        keys.push(format!("ca: {all:?}"));
    }
    if let Some(identity) = &tls.identity {
        keys.push(format!(
            "cert: {:?}",
            pem("CERTIFICATE", &identity.chain[0])
        ));
        keys.push(format!(
            "key: {:?}",
            pem("PRIVATE KEY", identity.key.expose().secret_der())
        ));
    }
    if let Some(name) = &tls.server_name {
        keys.push(format!("server_name: {name:?}"));
    }
    for (key, version, default) in [
        ("min_version", tls.min_version, TlsVersion::Tls12),
        ("max_version", tls.max_version, TlsVersion::Tls13),
    ] {
        if version != default {
            let name = match version {
                TlsVersion::Tls12 => "TLS12",
                TlsVersion::Tls13 => "TLS13",
            };
            keys.push(format!("{key}: {name}"));
        }
    }
    keys
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}
