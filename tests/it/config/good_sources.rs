//! Where further targets are found.

use std::path::Path;
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::config::discovery::TargetSource;
use httpcycle_exporter::target::credentials::Credentials;
use httpcycle_exporter::target::files::Part;

use crate::config::{check_tls, folder, good};

#[test]
fn the_sources_of_the_complete_file_are_read_as_written() {
    let config = good("complete.yml");
    let files = config.sources.iter().filter_map(|source| match source {
        TargetSource::Files(source) => Some(source),
        TargetSource::Http(_) => None,
    });
    let files: Vec<_> = files
        .map(|source| {
            (
                &*source.pattern,
                &*source.folder,
                &*source.names,
                source.every,
            )
        })
        .collect();
    let (here, seconds) = (folder("good"), Duration::from_secs);
    let expected = [
        (
            "targets/*.yml",
            &*here.join("targets"),
            "*.yml",
            seconds(30),
        ),
        (
            "/etc/targets.JSON",
            Path::new("/etc"),
            "targets.JSON",
            seconds(30),
        ),
        ("[a-z]?.yaml", &*here.join(""), "[a-z]?.yaml", seconds(30)),
        ("one.json", &*here.join(""), "one.json", seconds(300)),
    ];
    assert_eq!(files, expected);

    let http = config.sources.iter().filter_map(|source| match source {
        TargetSource::Http(source) => Some(source),
        TargetSource::Files(_) => None,
    });
    let http: Vec<_> = http.collect();
    let names: Vec<String> = config
        .sources
        .iter()
        .skip(4)
        .map(TargetSource::name)
        .collect();
    assert_eq!(
        names[..2],
        [
            "http://sd.example/targets?token=xxxxx",
            "https://sd.example/"
        ]
    );
    assert_eq!(http[0].every, Duration::from_secs(60));
    let second = &http[1];
    assert_eq!(second.every, Duration::from_millis(1500));
    let request = &second.request;
    assert!(!request.follow_redirects && http[0].request.follow_redirects);
    let Some(Credentials::Basic { username, .. }) = &request.credentials else {
        panic!("{:?}", request.credentials);
    };
    assert_eq!(username.expose(), b"canary-user");
    let parts: Vec<&Part> = request.files.iter().map(|file| &file.part).collect();
    assert_eq!(parts, [&Part::Password, &Part::Authorities]);
    assert_eq!(request.http_headers.len(), 1);
    let proxy = request.proxy.as_ref().unwrap();
    assert_eq!(proxy.connect_headers.len(), 1);
    assert!(proxy.proxies.no_proxy.is_some() && request.tls.authorities.is_some());
    for (source, scheme) in http[2..5].iter().zip(["Token", "Bearer", "Bearer"]) {
        let credentials = source.request.credentials.as_ref().unwrap();
        assert!(matches!(credentials, Credentials::Authorization { scheme: s, .. } if s == scheme));
    }
    assert!(http[5].request.oauth2().is_some());
    let shown = format!("{:?}", config.sources);
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn a_pattern_that_is_listed_twice_is_read_once() {
    let text = "file_sd_configs:\n- files: [a.json, b/../a.json]\n- files: [a.json]\n";
    let config = config::parse("f.yml", Path::new("x"), text, &check_tls).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["f.yml:3:11: \"a.json\" is listed twice; it is read once"]
    );
    assert_eq!(config.sources.len(), 2);
}
