//! How tokens are had, read as it is written.

use std::path::Path;

use httpcycle_exporter::config;
use httpcycle_exporter::target::address::TargetUrl;

use crate::config::{good, no_authorities};

#[test]
fn what_tokens_are_had_by_is_read_as_written() {
    let config = good("complete.yml");
    let of = |name: &str| &*config.modules[name].module;
    let tokens = of("tokens").oauth2().unwrap();
    assert_eq!(tokens.client_id, "me");
    assert_eq!(tokens.client_secret.expose(), b"canary-client");
    assert_eq!(tokens.scopes, ["read", "write:all"]);
    assert_eq!(
        tokens.token_url.to_string(),
        "https://auth.example/token?realm=xxxxx"
    );
    let params = tokens.endpoint_params.iter();
    let params: Vec<_> = params
        .map(|(name, value)| (&**name, &**value.expose()))
        .collect();
    assert_eq!(params, [("audience", ""), ("resource", "canary-resource")]);
    assert_eq!(tokens.tls.server_name.as_deref(), Some("tokens.example"));
    assert_eq!(tokens.tls.authorities.as_ref().map(Vec::len), Some(1));
    let agent = tokens.user_agent.as_ref().unwrap();
    assert_eq!(agent.expose(), "canary-agent");
    let way = |url: &str| {
        let proxy = tokens.proxy.as_deref().unwrap();
        let proxy = proxy.of(&TargetUrl::parse(url).unwrap());
        proxy.map(ToString::to_string)
    };
    let proxy = Some("socks5://proxy.example:1080".to_owned());
    assert_eq!(way("https://auth.example/"), proxy);
    assert_eq!(way("https://internal.example/"), None);
    assert!(of("tokens").tls.authorities.is_none());
    let by_file = of("tokens_by_file").oauth2().unwrap();
    assert_eq!(by_file.client_secret.expose(), b"canary-file");
    assert_eq!(of("tokens_by_file").files.len(), 1);
}

/// The system's authorities are missed where a token is asked for over TLS, and nowhere else.
#[test]
fn tls_to_servers_of_tokens_is_tried_only_where_it_is_used() {
    let load = |text: &str| config::parse("f.yml", Path::new(""), text, &no_authorities);
    let unused = "modules:\n  m: {prober: http, http: {oauth2: {client_id: a, token_url: 'https://a.example/'}}}\n";
    assert!(load(unused).is_ok());
    let used = format!("{unused}targets:\n  - {{url: 'http://a.example/', module: m}}\n");
    let said = load(&used).unwrap_err().to_string();
    let expected =
        "f.yml:2:51: TLS of oauth2 of module \"m\" cannot work: this system has no authorities";
    assert_eq!(said.trim_end(), expected);
    assert!(load(&used.replace("https://", "http://")).is_ok());
    let set = unused.replace(
        "client_id: a",
        "client_id: a, tls_config: {min_version: TLS13}",
    );
    assert!(load(&set).is_err());
}
