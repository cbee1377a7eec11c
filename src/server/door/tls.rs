//! TLS of the server: what the settings make of rustls.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::SupportedCipherSuite;
use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::ring;
use rustls::version::TLS12;
use rustls::version::TLS13;

use crate::config::web::TlsServer;
use crate::server::door::clients;
use crate::target::tls::TlsVersion;

/// How ALPN calls HTTP/2 (RFC 9113, 3.2).
pub const HTTP2: &[u8] = b"h2";

/// How ALPN calls HTTP/1.1 (RFC 7301, 6).
const HTTP1: &[u8] = b"http/1.1";

/// Builds what connections are accepted with. The error goes behind the name of the section.
pub fn server_config(settings: &TlsServer, http2: bool) -> Result<ServerConfig, String> {
    let mut provider = ring::default_provider();
    provider.cipher_suites = suites(settings, &provider);
    if !settings.curves.is_empty() {
        let known = &provider.kx_groups;
        let wanted = settings.curves.iter();
        provider.kx_groups = wanted
            .filter_map(|name| known.iter().find(|group| curve_name(**group) == *name))
            .copied()
            .collect();
    }
    let versions = versions(settings, &provider);
    if versions.is_empty() {
        return Err("names no cipher suite of the versions that it allows".to_owned());
    }
    let provider = Arc::new(provider);
    let verifier = clients::verifier(&settings.clients, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| format!("cannot work: {error}"))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(settings.chain.clone(), settings.key.clone_key())
        .map_err(|error| format!("has a certificate and a key that do not fit: {error}"))?;
    config.ignore_client_order = settings.prefers_own_suites;
    config.alpn_protocols = match http2 {
        true => vec![HTTP2.to_vec(), HTTP1.to_vec()],
        false => vec![HTTP1.to_vec()],
    };
    Ok(config)
}

/// The suites to take. As in Go, naming suites of TLS 1.2 leaves those of 1.3 as they are.
fn suites(settings: &TlsServer, provider: &CryptoProvider) -> Vec<SupportedCipherSuite> {
    let all = &provider.cipher_suites;
    if settings.cipher_suites.is_empty() {
        return all.clone();
    }
    let wanted = settings.cipher_suites.iter();
    let mut found: Vec<_> = wanted
        .filter_map(|name| all.iter().find(|suite| suite_name(suite) == *name))
        .copied()
        .collect();
    let is_of_13 = |suite: &SupportedCipherSuite| suite.version() == &TLS13;
    if !found.iter().any(is_of_13) {
        found.extend(all.iter().copied().filter(is_of_13));
    }
    found
}

/// The versions that are allowed and have a suite.
fn versions(
    settings: &TlsServer,
    provider: &CryptoProvider,
) -> Vec<&'static SupportedProtocolVersion> {
    let allowed = settings.min_version..=settings.max_version;
    [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)]
        .into_iter()
        .filter(|(version, _)| allowed.contains(version))
        .map(|(_, version)| version)
        .filter(|version| {
            let mut suites = provider.cipher_suites.iter();
            suites.any(|suite| suite.version() == *version)
        })
        .collect()
}

/// What Go calls a suite.
fn suite_name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.replace("TLS13_", "TLS_")
}

/// What Go calls a curve.
fn curve_name(group: &dyn SupportedKxGroup) -> &'static str {
    match group.name() {
        rustls::NamedGroup::X25519 => "X25519",
        rustls::NamedGroup::secp256r1 => "CurveP256",
        rustls::NamedGroup::secp384r1 => "CurveP384",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::web::CIPHER_SUITES;
    use crate::config::web::CURVES;

    #[test]
    fn what_can_be_named_is_what_there_is() {
        let provider = ring::default_provider();
        let mut known: Vec<_> = provider.cipher_suites.iter().map(suite_name).collect();
        let mut named = CIPHER_SUITES.to_vec();
        known.sort();
        named.sort_unstable();
        assert_eq!(named, known);
        let groups = provider.kx_groups.iter().map(|group| curve_name(*group));
        assert_eq!(groups.collect::<Vec<_>>(), CURVES);
    }
}
