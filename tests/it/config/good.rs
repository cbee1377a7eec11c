//! Good files: what is made of what they say.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use httpcycle_exporter::config;
use httpcycle_exporter::outcome::ConflictReason;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::body::{BodyChecks, Compression};
use httpcycle_exporter::target::cel::Cel;
use httpcycle_exporter::target::checks::{Checks, HeaderMatch};
use httpcycle_exporter::target::credentials::Credentials;
use httpcycle_exporter::target::expression::Expression;
use httpcycle_exporter::target::module::{IpFamily, IpStrategy, Module};
use httpcycle_exporter::target::reach::{Range, Reach, Rules};
use httpcycle_exporter::target::tls::TlsVersion;

use crate::config::{check_tls, good};

/// The reasons that are the module's own.
fn reasons(module: &Module) -> Vec<&str> {
    let named = module.conflict_reasons();
    named.skip(2).map(|(_, name)| name).collect()
}

/// The rules of the complete file, with these of a module.
fn reach(allow: &str, deny: &str) -> Reach {
    let rules = |allow: &str, deny: &str| {
        let ranges = |text: &str| {
            let texts = text.split_whitespace();
            texts.map(|text| Range::parse(text).unwrap()).collect()
        };
        let (allow, deny) = (ranges(allow), ranges(deny));
        Arc::new(Rules { allow, deny })
    };
    Reach {
        everywhere: rules("0.0.0.0/0 ::/0 10.0.0.0/8 169.254.169.254", "fd00::/8"),
        own: rules(allow, deny),
    }
}

#[test]
fn a_target_that_is_denied_is_warned_of() {
    let text = "deny_addresses: [127.0.0.0/8]\ntargets:\n  - url: http://0x7f.1/\n  \
                - url: http://a.test/\n  - url: http://[::ffff:a9fe:a9fe]/\n";
    let config = config::parse("f.yml", Path::new(""), text, &check_tls).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "f.yml:3:10: no probe of the target can succeed: 127.0.0.1 may not be probed: \
         deny_addresses has 127.0.0.0/8",
        "f.yml:5:10: no probe of the target can succeed: ::ffff:169.254.169.254 may not be \
         probed: it stands for 169.254.169.254, and 169.254.0.0/16 is denied unless \
         allow_addresses has it or a part of it",
    ];
    assert_eq!(warnings, expected);
}

fn checks_of_the_complete_file() -> Checks {
    let check = |name, regexp, allow_missing| HeaderMatch {
        header: HeaderName::from_static(name),
        regexp: Expression::new(regexp).unwrap(),
        allow_missing,
    };
    Checks {
        http_versions: vec!["HTTP/1.1".to_owned(), "HTTP/2.0".to_owned()],
        fail_if_ssl: false,
        fail_if_not_ssl: true,
        fail_if_header_matches: vec![
            check("x-cache", "(?i)^stale$", true),
            check("server", "1.10", false),
        ],
        fail_if_header_not_matches: vec![check(
            "content-type",
            r"^application/(problem\+)?json\b",
            false,
        )],
        body: body_checks_of_the_complete_file(),
    }
}

fn body_checks_of_the_complete_file() -> BodyChecks {
    let regexp = |text| Expression::new(text).unwrap();
    let every_item =
        "body.version >= 7 &&\nbody.items.all(item, item.state in [\"paid\", \"open\"])\n";
    BodyChecks {
        matches: vec![regexp("(?i)maintenance"), regexp("5.0")],
        not_matches: vec![regexp(r#""version":\s*\d+"#)],
        json_matches: Some(Cel::new("has(body.error)").unwrap()),
        json_not_matches: Some(Cel::new(every_item).unwrap()),
        compression: Some(Compression::Gzip),
        size_limit: NonZeroU64::new(3 * 512 * 1024),
    }
}

#[test]
fn checks_that_no_response_can_pass_are_warned_of() {
    let text = "modules:\n  m:\n    prober: http\n    http:\n      \
                valid_http_versions: [HTTP/2, HTTP/1.1]\n      \
                fail_if_ssl: true\n      fail_if_not_ssl: true\n      \
                valid_status_codes: [200, 100, 101]\n      conflict: {codes: [199]}\n";
    let config = config::parse("f.yml", Path::new(""), text, &check_tls).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "f.yml:5:29: no response has the version \"HTTP/2\"; \
         known are HTTP/1.0, HTTP/1.1, HTTP/2.0",
        "f.yml:7:7: fail_if_not_ssl beside fail_if_ssl lets no probe succeed",
        "f.yml:8:33: valid_status_codes lists 100, which no final response has",
        "f.yml:9:26: codes lists 199, which no final response has",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn a_complete_file_is_read_as_written() {
    let config = good("complete.yml");
    let [orders, second, third, fourth] = config.targets.as_slice() else {
        panic!("{} targets", config.targets.len());
    };
    assert_eq!(orders.name, "orders");
    assert_eq!(orders.interval, Duration::from_secs(5));
    assert_eq!(orders.timeout, Duration::from_secs(2));
    let labels: Vec<_> = orders.labels.iter().collect();
    let expected = [
        ("leading", "007"),
        ("on", "true"),
        ("quoted", "null"),
        ("team", "payments"),
        ("version", "1.10"),
    ];
    assert_eq!(labels, expected);

    let module = &*orders.module;
    assert_eq!(module.method, "PUT");
    assert!(!module.follow_redirects);
    assert_eq!(module.ip_strategy, IpStrategy::All);
    let headers: Vec<_> = module
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose().as_bytes()))
        .collect();
    let expected: [(&str, &[u8]); 6] = [
        ("content-type", b"application/json"),
        ("host", b"other.example"),
        ("x-number", b"1.10"),
        ("x-empty", b""),
        ("x-umlaut", "ü".as_bytes()),
        ("authorization", b"Bearer canary-header"),
    ];
    assert_eq!(headers, expected);
    assert_eq!(
        module.body.expose(),
        "{\"version\": 7, \"note\": \"canary-body\"}"
    );
    assert_eq!(module.valid_status_codes, [200, 204, 409]);
    assert_eq!(module.checks, checks_of_the_complete_file());
    assert_eq!(module.conflict_codes, [409, 412]);
    assert_eq!(module.preferred_family, IpFamily::V4);
    assert!(!module.family_fallback);
    let resolver: SocketAddr = "127.0.0.1:5353".parse().unwrap();
    assert_eq!(module.resolver, Some(resolver));
    assert_eq!(module.source_ip, Some([127, 0, 0, 2].into()));
    assert_eq!(module.reach, reach("127.0.0.0/8", "127.0.0.9 127.0.0.9"));
    assert_eq!(module.tls.authorities.as_ref().map(Vec::len), Some(1));
    assert_eq!(module.tls.server_name.as_deref(), Some("internal.example"));
    assert!(!module.tls.verify);
    assert_eq!(module.tls.max_version, TlsVersion::Tls12);
    assert!(!module.enable_http2);

    assert_eq!(second.name, "https://api.example.com/orders/43?token=xxxxx");
    assert_eq!(second.timeout, second.interval);
    assert_eq!(second.module.body.expose(), "hello\n");
    assert_eq!(second.module.resolver, Some("[::1]:53".parse().unwrap()));
    assert_eq!(second.module.conflict_codes, [0; 0]);
    assert_eq!(third.name, "ümläut\nname");
    assert_eq!(third.timeout, Duration::from_secs(10));
    let unwritten = Module {
        reach: reach("", ""),
        ..Module::http_2xx()
    };
    let bare = Module {
        name: "bare".to_owned(),
        ..unwritten.clone()
    };
    assert_eq!(*third.module, bare);
    assert_eq!(fourth.name, "7");
    assert_eq!(*fourth.module, unwritten);
    assert_eq!(fourth.timeout, Duration::from_millis(10));

    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn a_complete_file_has_bounds_and_modules_besides() {
    let config = good("complete.yml");
    let bounds = [1, 10, 100, 1000, 2500].map(Duration::from_millis);
    assert_eq!(config.histogram_bounds, bounds);
    let names: Vec<_> = config.modules.keys().collect();
    let expected = "bare basic bearer bearer_file behind_a_proxy from_file http_2xx tokens tokens_by_file update_order";
    assert_eq!(names, expected.split(' ').collect::<Vec<_>>());
    assert_eq!(
        config.modules["from_file"].timeout,
        Some(Duration::from_millis(1500))
    );
}

#[test]
fn credentials_are_read_as_written() {
    let config = good("complete.yml");
    let of = |name: &str| &*config.modules[name].module;
    let authorization = |scheme: &str, value: &[u8]| Credentials::authorization(scheme, value);
    for (name, credentials) in [
        (
            "update_order",
            authorization("Token", b"canary-credentials"),
        ),
        (
            "basic",
            Some(Credentials::Basic {
                username: b"canary-user".to_vec().into(),
                password: b"canary-file".to_vec().into(),
            }),
        ),
        ("bearer", authorization("Bearer", b"canary-token")),
        ("bearer_file", authorization("Bearer", b"canary-file")),
        ("bare", None),
    ] {
        assert_eq!(of(name).credentials, credentials, "{name}");
    }
    let behind = of("behind_a_proxy").proxy.as_deref().unwrap();
    let through = |url: &str| {
        let proxy = behind.of(&TargetUrl::parse(url).unwrap())?;
        Some((
            proxy.to_string(),
            proxy.userinfo.clone().unwrap().expose().1.clone(),
        ))
    };
    let proxy = Some((
        "http://proxy.example:3128".to_owned(),
        b"canary-proxy".to_vec(),
    ));
    assert_eq!(through("https://a.example/"), proxy);
    assert_eq!(through("http://sub.internal.example/"), None);
    assert!(behind.skips_look_up);
    let [(name, value)] = &*behind.connect_headers else {
        panic!("{behind:?}");
    };
    assert_eq!(
        (name.as_str(), value.expose().as_bytes()),
        ("x-tenant", &b"canary-tenant"[..])
    );
    let headers = &of("update_order").http_headers;
    assert!(headers.iter().all(|(name, _)| name == "x-trace"));
    let values: Vec<_> = headers.iter().map(|(_, value)| value.expose()).collect();
    assert_eq!(values, ["one", "2", "canary-secret", "canary-file"]);
}

#[test]
fn reasons_of_conflicts_are_read_as_written() {
    let config = good("complete.yml");
    let [orders, second, ..] = config.targets.as_slice() else {
        panic!("{} targets", config.targets.len());
    };
    let module = &*orders.module;
    let names = ["already_exists", "stale write", "ümläut"];
    assert_eq!(reasons(module), names);
    let rule = module.conflict_reason.as_ref().unwrap();
    for (value, reason) in [
        (&b"Exists too"[..], ConflictReason::Listed(0)),
        (b"409", ConflictReason::Listed(1)),
        (b"true", ConflictReason::Listed(2)),
        (b"1.10", ConflictReason::Other),
        (b"1.1", ConflictReason::Other),
    ] {
        assert_eq!(rule.reasons.of(Some(value)), reason);
    }
    let of_s3 = reasons(&second.module);
    assert_eq!(of_s3.len(), 8);
    assert!(!of_s3.contains(&"bucket_not_empty"), "{of_s3:?}");
    assert_eq!(of_s3[6..], ["not-empty", "mine"]);
}

#[test]
fn aliases_and_merge_keys_share_what_is_written_once() {
    let config = good("aliases.yml");
    let [one, two] = config.targets.as_slice() else {
        panic!("{} targets", config.targets.len());
    };
    assert_eq!((one.name.as_str(), two.name.as_str()), ("one", "two"));
    assert_eq!(two.url, one.url);
    assert_eq!(two.interval, Duration::from_secs(5));
    let module = &two.module;
    assert_eq!(module.name, "b");
    assert_eq!(module.valid_status_codes, [200]);
    assert_eq!(module.conflict_codes, [200]);
    let values: Vec<_> = module
        .headers
        .iter()
        .map(|(_, value)| value.expose())
        .collect();
    assert_eq!(values, ["b", "text/plain"]);
}

#[test]
fn what_blackbox_exporter_comes_with_loads() {
    let config = good("blackbox_default.yml");
    let names: Vec<_> = config.modules.keys().collect();
    assert_eq!(names, ["http_2xx", "http_3xx", "http_post_2xx"]);
    assert_eq!(config.warnings.len(), 11, "one a module of another prober");
    let http3 = &config.modules["http_3xx"].module;
    assert!(http3.enable_http3 && !http3.enable_http2);
    assert_eq!(http3.checks.http_versions, ["HTTP/3.0"]);
}

#[test]
fn a_file_of_blackbox_exporter_loads_with_warnings() {
    let config = good("blackbox.yml");
    let names: Vec<_> = config.modules.keys().collect();
    assert_eq!(names, ["http_2xx", "http_post_2xx"]);
    let target = &config.targets[0];
    assert_eq!(target.module.preferred_family, IpFamily::V4);
    assert_eq!(target.timeout, Duration::from_secs(5));
    assert_eq!(target.interval, Duration::from_secs(15));
    let warnings: Vec<_> = config
        .warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.pos.line, warning.message))
        .collect();
    let skipped = |line: usize, name: &str, prober: &str| {
        format!(
            "{line}: module \"{name}\" is skipped: its prober is {prober}, and only http is probed"
        )
    };
    let expected = [
        "8: min_version TLS10 means TLS12: nothing older is offered".to_owned(),
        "9: section tcp has no effect in a module whose prober is http".to_owned(),
        skipped(14, "tcp_connect", "tcp"),
        skipped(17, "ssh_banner", "tcp"),
        skipped(23, "icmp", "icmp"),
        skipped(26, "dns", "dns"),
        skipped(27, "grpc", "grpc"),
        skipped(28, "unix", "unix"),
        skipped(29, "websocket", "websocket"),
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn an_empty_file_has_defaults() {
    for name in ["empty.yml", "empty_sections.yml"] {
        let config = good(name);
        assert!(config.targets.is_empty(), "{name}");
        assert!(config.modules.contains_key("http_2xx"), "{name}");
        // The default bounds of the public surface.
        let seconds: Vec<_> = config
            .histogram_bounds
            .iter()
            .map(Duration::as_secs_f64)
            .collect();
        let expected = [
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        ];
        assert_eq!(seconds, expected, "{name}");
    }
}

#[test]
fn empty_texts_are_keys_that_are_not_there() {
    let config = good("empty_texts.yml");
    let bare = Module {
        name: "m".to_owned(),
        ..Module::http_2xx()
    };
    assert_eq!(*config.modules["m"].module, bare);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}
