//! Configuration files as users write them: what loads, what does not, and what is said about it.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use httpcycle_exporter::config::{self, Config, LoadError};
use httpcycle_exporter::target::module::{IpFamily, Module};
use httpcycle_exporter::target::tls::{TlsSettings, TlsVersion};
use tokio::time::Instant;

/// Set to write what comes out as what is expected; read the diff before you keep it.
const UPDATE: &str = "UPDATE_EXPECTED";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config")
        .join(name)
}

/// Stands for a probe that cannot do without authorities and refuses one name.
fn check_tls(tls: &TlsSettings) -> Result<(), String> {
    match &tls.server_name {
        Some(name) if name == "refused.example" => Err("it is refused".to_owned()),
        _ => Ok(()),
    }
}

fn no_authorities(tls: &TlsSettings) -> Result<(), String> {
    match tls.authorities {
        Some(_) => Ok(()),
        None => Err("this system has no authorities".to_owned()),
    }
}

/// Parses a text that stands in the folder of the bad files.
fn parse(text: &str) -> Result<Config, String> {
    config::parse("f.yml", &folder("bad"), text, &check_tls).map_err(|error| error.to_string())
}

fn good(name: &str) -> Config {
    match config::load(&folder("good").join(name), &check_tls) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    }
}

/// The bad files with what is said about each.
fn bad_files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder("bad")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let check: config::TlsCheck<'_> = if name.contains("https_target") {
            &no_authorities
        } else {
            &check_tls
        };
        let said = match config::parse(name, &folder("bad"), &text, check) {
            Ok(_) => String::new(),
            Err(problems) => format!("{problems}\n"),
        };
        files.push((path, said));
    }
    files.sort();
    files
}

#[test]
fn bad_files_are_refused_with_exactly_what_is_expected() {
    let files = bad_files();
    assert!(files.len() >= 25, "only {} bad files", files.len());
    let mut wrong = String::new();
    for (path, said) in files {
        let beside = path.with_extension("txt");
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&beside, &said).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said.is_empty() || said != expected {
            writeln!(
                wrong,
                "{}\n--- expected\n{expected}--- said\n{said}",
                path.display()
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_expectation_has_its_file() {
    for entry in fs::read_dir(folder("bad")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("yml").exists(), "{}", path.display());
    }
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
    let headers: Vec<_> = module
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
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
    assert_eq!(module.body, "{\"version\": 7, \"note\": \"canary-body\"}");
    assert_eq!(module.valid_status_codes, [200, 204, 409]);
    assert_eq!(module.conflict_codes, [409, 412]);
    assert_eq!(module.preferred_family, IpFamily::V4);
    assert!(!module.family_fallback);
    let resolver: SocketAddr = "127.0.0.1:5353".parse().unwrap();
    assert_eq!(module.resolver, Some(resolver));
    assert_eq!(module.tls.authorities.as_ref().map(Vec::len), Some(1));
    assert_eq!(module.tls.server_name.as_deref(), Some("internal.example"));
    assert!(!module.tls.verify);
    assert_eq!(module.tls.max_version, TlsVersion::Tls12);

    assert_eq!(second.name, "https://api.example.com/orders/43?token=xxxxx");
    assert_eq!(second.timeout, second.interval);
    assert_eq!(second.module.body, "hello\n");
    assert_eq!(second.module.resolver, Some("[::1]:53".parse().unwrap()));
    assert_eq!(second.module.conflict_codes, [0; 0]);
    assert_eq!(third.name, "ümläut\nname");
    assert_eq!(third.timeout, Duration::from_secs(10));
    let bare = Module {
        name: "bare".to_owned(),
        ..Module::http_2xx()
    };
    assert_eq!(*third.module, bare);
    assert_eq!(fourth.name, "7");
    assert_eq!(*fourth.module, Module::http_2xx());
    assert_eq!(fourth.timeout, Duration::from_millis(10));

    let bounds = [1, 10, 100, 1000, 2500].map(Duration::from_millis);
    assert_eq!(config.histogram_bounds, bounds);
    let names: Vec<_> = config.modules.keys().collect();
    assert_eq!(names, ["bare", "from_file", "http_2xx", "update_order"]);
    assert_eq!(
        config.modules["from_file"].timeout,
        Some(Duration::from_millis(1500))
    );
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
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
    let values: Vec<_> = module.headers.iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["b", "text/plain"]);
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
fn tls_is_tried_only_where_it_is_used() {
    let load = |text: &str| config::parse("f.yml", Path::new(""), text, &no_authorities);
    let plain = "modules:\n  m: {prober: http}\ntargets:\n  - url: http://a.example/\n";
    assert!(load(plain).is_ok());
    let tls = plain.replace("http://", "https://");
    assert!(load(&tls).is_err());
    let set = "modules:\n  m: {prober: http, http: {tls_config: {min_version: TLS13}}}\n";
    assert!(load(set).is_err());
}

#[test]
fn a_client_certificate_is_read_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = "tls_config: {cert_file: cert.pem, key_file: key.pem}";
    let text = format!("modules:\n  m: {{prober: http, http: {{{tls}}}}}\n");
    let path = dir.path().join("httpcycle.yml");
    fs::write(&path, text).unwrap();
    let config = config::load(&path, &check_tls).unwrap();
    let identity = config.modules["m"].module.tls.identity.as_ref().unwrap();
    assert_eq!(identity.chain, [made.cert.der().clone()]);
    assert_eq!(
        identity.key.secret_der(),
        made.signing_key.serialize_der().as_slice()
    );
}

#[test]
fn files_that_cannot_be_read_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nothing.yml");
    let error = config::load(&missing, &check_tls).unwrap_err();
    assert!(matches!(&error, LoadError::Unreadable(path, _) if *path == missing));
    let said = error.to_string();
    assert!(said.contains("nothing.yml\": No such file"), "{said}");

    let latin1 = dir.path().join("latin1.yml");
    fs::write(&latin1, b"targets:\n  - name: \xe4\n").unwrap();
    let said = config::load(&latin1, &check_tls).unwrap_err().to_string();
    assert!(
        said.ends_with("latin1.yml:2:11: the file is not UTF-8 here; save it as UTF-8"),
        "{said}"
    );
}

#[test]
fn no_secret_is_shown() {
    // Everything that may be a secret holds this word; keys and places around it vary.
    const CANARY: &str = "canary";
    let complete = fs::read_to_string(folder("good").join("complete.yml")).unwrap();
    let config = good("complete.yml");
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains(CANARY), "{shown}");
    // As Debug would show bytes.
    assert!(!shown.contains("99, 97, 110, 97, 114, 121"), "{shown}");

    // Whatever single line is lost, doubled, pushed in or pulled out: nothing is shown.
    let lines: Vec<&str> = complete.lines().collect();
    for index in 0..lines.len() {
        let line = lines[index];
        for change in [
            String::new(),
            format!("{line}\n{line}"),
            format!("  {line}"),
            line.trim_start_matches("  ").to_owned(),
            line.replacen(": ", ":", 1),
            line.replacen(": ", ": !", 1),
            line.replacen(": ", ": *", 1),
            line.replacen(": ", ": [", 1),
            line.replacen("https://", "", 1),
            line.replacen("user:", "", 1),
            line.replacen('/', "", 2),
            line.replacen(['\'', '"'], "", 1),
        ] {
            let mut changed = lines.clone();
            changed[index] = &change;
            let text = changed.join("\n").replace("../files", "../good/../files");
            if let Err(said) = parse(&text) {
                assert!(!said.contains(CANARY), "line {index}, {change:?}: {said}");
            }
        }
    }
    for (path, said) in bad_files() {
        assert!(!said.contains("s3cret"), "{}: {said}", path.display());
    }
}

#[test]
fn hostile_files_fail_fast() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..=9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..=2_000 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    let mut merged = String::from("base: &base\n");
    for key in 0..5_000 {
        writeln!(merged, "  k{key}: x").unwrap();
    }
    merged += "targets:\n";
    merged += &"  - <<: *base\n".repeat(5_000);
    let codes = format!("c: &c [{}]\n", "x, ".repeat(200_000));
    let mistakes = codes + "modules: {m: {prober: http, http: {valid_status_codes: *c}}}";
    for (text, part) in [
        (bomb, "more than 5000000 values"),
        (chain, "nested more than 64 deep"),
        ("[".repeat(20_000), "nested more than 64 deep"),
        ("{a: ".repeat(20_000), "nested more than 64 deep"),
        ("- ".repeat(20_000), "nested more than 64 deep"),
        (merged, "more than 5000000 values"),
        (mistakes, "and 100001 more"),
        (
            format!("targets: \"{}", "x".repeat(1 << 20)),
            "unclosed quote",
        ),
    ] {
        let begin = Instant::now();
        let said = parse(&text).unwrap_err();
        assert!(said.contains(part), "{part}: {said:.200}");
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(5), "{part}: {took:?}");
    }
}

#[test]
fn ten_thousand_targets_load() {
    let mut text = String::from("modules:\n  m: {prober: http, timeout: 1s}\ntargets:\n");
    for index in 0..10_000 {
        write!(
            text,
            "  - name: t{index}\n    url: https://h{index}.example/path\n    module: m\n    \
             interval: 5s\n    labels: {{team: a, shard: {index}}}\n"
        )
        .unwrap();
    }
    let begin = Instant::now();
    let config = parse(&text).unwrap();
    let took = begin.elapsed();
    assert_eq!(config.targets.len(), 10_000);
    assert_eq!(config.targets[9_999].name, "t9999");
    assert!(took < Duration::from_secs(10), "{took:?}");

    // And as many mistakes, each told.
    let said = parse(&text.replace("module: m", "module: n")).unwrap_err();
    assert_eq!(said.lines().count(), 10_000);
}
