//! Configurations that are broken right where a secret stands: what is said about them shows none.

use std::fs;
use std::path::Path;

use httpcycle_exporter::config;

use crate::secrets::canary::{PLACES, canary, filled, found};
use crate::support::exporter::program;

/// A configuration with a secret on a line of its own in every place that takes one.
const WHOLE: &str = "modules:
  a:
    prober: http
    timeout: 5s
    http:
      method: PUT
      headers:
        X-Api-Key: {header}
        Cookie: a={cookie}
      http_headers:
        X-More:
          values: [{value}]
          secrets:
            - {secret}
          files: [{dir}/headerfile]
      authorization:
        type: Token
        credentials: {credentials}
      body: |
        {\"token\":
          \"{body}\"}
      proxy_url: http://{proxyuser}:{proxypassword}@127.0.0.1:3128
      no_proxy: u:{noproxy}@b.test
      proxy_connect_header:
        X-Tenant: [{proxyheader}]
  b:
    prober: http
    http:
      basic_auth:
        username: {user}
        password: {password}
  c:
    prober: http
    http:
      bearer_token: {bearer}
  d:
    prober: http
    http:
      basic_auth:
        username_file: {dir}/userfile
        password_file: {dir}/passwordfile
  e:
    prober: http
    http:
      bearer_token_file: {dir}/bearerfile
      body_file: {dir}/bodyfile
  f:
    prober: http
    http:
      oauth2:
        client_id: me
        client_secret: {clientsecret}
        token_url: http://127.0.0.1/x?k={tokenquery}
        endpoint_params:
          resource: {tokenparam}
  g:
    prober: http
    http:
      oauth2:
        client_id: me
        client_secret_file: {dir}/clientsecretfile
        token_url: http://127.0.0.1/
targets:
  - name: t
    url: http://{urluser}:{urlpassword}@127.0.0.1/x?t={urlquery}&{urlbare}
    module: a
";

/// What may go wrong with a value: `@` is the secret, as it is written.
const VALUES: &[&str] = &[
    "[@]",
    "[@",
    "{@: x}",
    "{@: [x]}",
    "{\"@ @\": x}",
    "{@: [}",
    "{@}",
    "{a: @}",
    "\"@",
    "'@",
    "'@' x",
    "\"\\q@\"",
    "\"@\\\"",
    "@: x",
    "x: @",
    "- @",
    "? @",
    "*@",
    "&@",
    "&@ x",
    "!@",
    "!@ x",
    "!!@ x",
    "!!binary @",
    "!!binary Cg@",
    "!<@> x",
    "%@",
    "`@",
    ", @",
    "|@",
    ">@ x",
    "@\t: x",
    "@\u{1}",
    "\"@\\u0001\"",
    "\"@\\n\"",
    "@\n@",
    "@\n @",
    "\n@",
    "\n  @: x",
    "\n    @: @",
    "@ #",
    "<<",
    "{<<: @}",
    "~",
];

/// What may go wrong with a line: `%` is the line without its indentation, `_` that indentation.
const LINES: &[&str] = &[
    "_%\n_%",
    "_%\n_@",
    "_%\n_@: x",
    "_%\n_unknown: @",
    "_%\n_pasword: @",
    "_%\n_@_file: @",
    "%",
    "  _%",
    " _%",
    "\t_%",
    "_- %",
    "_%\n@: x",
    "_%\n---\n@",
    "_%\n%@ x",
    "_@",
    "_@ : @",
    "_username: [@]\n_%",
];

/// What is said about a configuration, whether it loads or not.
fn said(dir: &Path, text: &str) -> String {
    match config::parse("f.yml", dir, text, &|_| Err("no TLS".to_owned())) {
        Ok(config) => config
            .warnings
            .iter()
            .map(|warning| format!("{warning}\n"))
            .collect(),
        Err(problems) => problems.to_string(),
    }
}

fn write_files(dir: &Path) {
    for place in PLACES.iter().filter(|place| place.ends_with("file")) {
        fs::write(dir.join(place), canary(place)).unwrap();
    }
}

/// Every way to break every line that holds a secret.
fn broken(whole: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, line) in whole.lines().enumerate() {
        let Some(place) = PLACES.iter().find(|place| line.contains(&canary(place))) else {
            continue;
        };
        let secret = canary(place);
        let bare = line.trim_start();
        let indentation = &line[..line.len() - bare.len()];
        let values = VALUES.iter().filter_map(|value| {
            let (key, _) = line.split_once(": ")?;
            Some(format!("{key}: {}", value.replace('@', &secret)))
        });
        let within = VALUES
            .iter()
            .map(|value| line.replace(&secret, &value.replace('@', &secret)));
        let lines = LINES.iter().map(|template| {
            let line = template.replace('%', bare);
            line.replace('_', indentation).replace('@', &secret)
        });
        for changed in values.chain(within).chain(lines) {
            let lines = whole.lines().enumerate();
            let lines = lines.map(|(other, line)| if other == number { &changed } else { line });
            broken.push(lines.collect::<Vec<_>>().join("\n"));
        }
    }
    broken
}

#[test]
fn no_mistake_beside_a_secret_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_files(dir);
    let whole = filled(WHOLE).replace("{dir}", &dir.display().to_string());
    assert_eq!(said(dir, &whole), "");
    let broken = broken(&whole);
    assert!(broken.len() > 1_000, "{}", broken.len());
    let mut leaks = Vec::new();
    let mut n_refused = 0;
    for text in &broken {
        let said = said(dir, text);
        n_refused += usize::from(!said.is_empty());
        for line in said.lines().filter(|line| !found(line).is_empty()) {
            leaks.push(format!("{:?}: {line}", found(line)));
        }
    }
    leaks.sort();
    leaks.dedup();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    assert!(
        n_refused > broken.len() / 2,
        "{n_refused} of {}",
        broken.len()
    );
}

#[test]
fn no_file_of_a_secret_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let whole = filled(WHOLE).replace("{dir}", &dir.display().to_string());
    for (content, expected) in [
        (canary("headerfile").repeat(6_000), "larger than 64 KiB"),
        (
            format!("a\u{1}{}", canary("headerfile")),
            "holds a line break",
        ),
        (format!("a\n{}", canary("headerfile")), "holds a line break"),
    ] {
        write_files(dir);
        fs::write(dir.join("headerfile"), content).unwrap();
        let said = said(dir, &whole);
        assert!(said.contains(expected), "{said}");
        assert!(found(&said).is_empty(), "{said}");
    }
    fs::remove_file(dir.join("headerfile")).unwrap();
    fs::create_dir(dir.join("headerfile")).unwrap();
    let said = said(dir, &whole);
    assert!(said.contains("cannot be read"), "{said}");
}

/// The program says the same, in every way in which it says it.
#[test]
fn the_program_shows_none_either() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_files(dir);
    let whole = filled(WHOLE).replace("{dir}", &dir.display().to_string());
    let broken = broken(&whole);
    let file = dir.join("httpcycle.yml");
    // Each mistake once, at one secret or another.
    for text in broken.iter().step_by(53) {
        fs::write(&file, text).unwrap();
        let checked = program()
            .arg("--config.check")
            .current_dir(dir)
            .output()
            .unwrap();
        for output in [&checked.stdout, &checked.stderr] {
            let output = String::from_utf8_lossy(output);
            assert!(found(&output).is_empty(), "{output}");
            assert!(!output.contains("panicked"), "{output}");
        }
    }
}

/// A name and a label are shown to everybody, whatever somebody writes there.
#[test]
fn names_and_labels_have_no_credentials() {
    let url = filled("http://{urluser}:{urlpassword}@a.test/x?t={urlquery}");
    let text = format!(
        "targets: [{{name: '{url}', url: '{url}', labels: {{link: '{url}', mail: 'a@b.test'}}}}]\n"
    );
    let config = config::parse("f.yml", Path::new(""), &text, &|_| Ok(())).unwrap();
    let target = &config.targets[0];
    assert_eq!(target.name, "http://a.test/x?t=xxxxx");
    let labels: Vec<_> = target.labels.iter().collect();
    assert_eq!(
        labels,
        [("link", "http://a.test/x?t=xxxxx"), ("mail", "a@b.test")]
    );
    let said = said(Path::new(""), &text);
    assert_eq!(said.matches("they are taken off").count(), 2, "{said}");
    assert!(found(&said).is_empty(), "{said}");
    assert!(found(&format!("{config:?}")).is_empty());
}

/// Whoever can write the file of a secret says what is sent; that others can read it is usual.
#[test]
fn a_file_that_everybody_can_write_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write_files(dir);
    let whole = filled(WHOLE).replace("{dir}", &dir.display().to_string());
    for (mode, is_warned) in [
        (0o600, false),
        (0o644, false),
        (0o660, false),
        (0o666, true),
    ] {
        let path = dir.join("passwordfile");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let said = said(dir, &whole);
        let warned = said.contains("can be written by everybody; run chmod o-w");
        assert_eq!(warned, is_warned, "{mode:o}: {said}");
    }
}
