//! `docs/configuration.md`: every key of the schema and no other, and defaults that are those.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use httpcycle_exporter::config::schema::{self, Holds, Section};
use httpcycle_exporter::config::{self, web};

use crate::reference::{code, parts, read};

/// The names by which the document calls the two files.
const FILES: [(&str, &Section); 2] = [
    ("httpcycle.yml", &schema::CONFIGURATION),
    ("web.yml", &web::schema::WEB),
];

/// Every section of a file by the path to it. The file itself stands under its name.
pub fn sections(
    file: &'static str,
    section: &'static Section,
) -> BTreeMap<String, &'static Section> {
    let mut found = BTreeMap::from([(file.to_owned(), section)]);
    let mut open = vec![(String::new(), section)];
    while let Some((path, section)) = open.pop() {
        for key in section.keys {
            let dot = if path.is_empty() { "" } else { "." };
            let (section, end) = match key.holds {
                Holds::Value | Holds::Shaped(_) | Holds::Nothing => continue,
                Holds::Section(section) => (section, ""),
                Holds::List(section) => (section, "[]"),
                Holds::Named(section) => (section, ".NAME"),
            };
            let path = format!("{path}{dot}{}{end}", key.name);
            found.insert(path.clone(), section);
            open.push((path, section));
        }
    }
    found
}

#[test]
fn every_key_has_its_row_and_no_other() {
    let document = read("docs/configuration.md");
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for part in parts(&document) {
        let names: Vec<&str> = part.names().collect();
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(unique.len(), names.len(), "{}", part.heading);
        for path in code(part.heading) {
            let names = unique.iter().map(ToString::to_string).collect();
            listed.insert(path.to_owned(), names);
        }
    }
    let known: BTreeMap<String, BTreeSet<String>> = FILES
        .iter()
        .flat_map(|(file, section)| sections(file, section))
        .map(|(path, section)| (path, section.names().map(str::to_owned).collect()))
        .collect();
    assert_eq!(listed, known);
    assert!(known.len() > 14, "{known:#?}");
}

/// What a section needs besides the key that is asked about.
fn beside(path: &str) -> &'static str {
    match path {
        "modules.NAME" => "prober: http",
        "targets[]" | "http_sd_configs[]" => "url: http://a.test/",
        "file_sd_configs[]" => "files: [a.json]",
        "modules.NAME.http.oauth2" | "http_sd_configs[].oauth2" => {
            "client_id: a, token_url: 'http://a.test/'"
        }
        "modules.NAME.http.conflict.reason" => "json: /a",
        "tls_server_config" => "cert_file: cert.pem, key_file: key.pem",
        _ if path.contains("fail_if_header_") => "header: A, regexp: a",
        _ => "",
    }
}

/// A file that has this section with these keys in it, and on the way there what is needed.
pub fn file_with(path: &str, keys: &str) -> String {
    let is_file = FILES.iter().any(|(file, _)| *file == path);
    let joined = |one: &str, other: &str| match (one, other) {
        ("", one) | (one, "") => one.to_owned(),
        (one, other) => format!("{one}, {other}"),
    };
    if is_file {
        return format!("{{{keys}}}");
    }
    let mut text = format!("{{{}}}", joined(keys, beside(path)));
    let mut path = path;
    while let Some((parent, key)) = path.rsplit_once('.') {
        let needed = if key == "NAME" { "" } else { beside(parent) };
        text = match key.strip_suffix("[]") {
            Some(key) => format!("{{{}}}", joined(&format!("{key}: [{text}]"), needed)),
            None => format!("{{{}}}", joined(&format!("{key}: {text}"), needed)),
        };
        path = parent;
    }
    match path.strip_suffix("[]") {
        Some(key) => format!("{{{key}: [{text}]}}"),
        None => format!("{{{path}: {text}}}"),
    }
}

/// What becomes of a file, as text, with what is said about it.
pub fn loaded(file: &str, text: &str) -> Result<String, String> {
    if file == "httpcycle.yml" {
        let config = config::parse("f", Path::new(""), text, &|_| Ok(()));
        return match config {
            Ok(config) => Ok(format!("{config:?}")),
            Err(problems) => Err(problems.to_string()),
        };
    }
    let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let contents = |path: &Path| match path.to_str() {
        Some("web.yml") => Ok(text.as_bytes().to_vec()),
        Some("cert.pem") => Ok(made.cert.pem().into_bytes()),
        Some("key.pem") => Ok(made.signing_key.serialize_pem().into_bytes()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    match web::load(Path::new(file), &contents, &|_| Ok(())) {
        // Each time there is another certificate.
        Ok(mut config) => {
            if let Some(tls) = &mut config.tls {
                tls.chain.clear();
            }
            Ok(format!("{config:?}"))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn every_section_is_read_where_the_schema_has_it() {
    for (file, section) in FILES {
        for (path, section) in sections(file, section) {
            let text = file_with(&path, "zzzzzzzzzzzz: 1");
            let said = loaded(file, &text).unwrap_err();
            let expected = format!("unknown key \"zzzzzzzzzzzz\" in {}", section.what);
            assert!(said.contains(&expected), "{path}: {text}\n{said}");
            let fine = file_with(&path, "");
            assert_eq!(loaded(file, &fine).err(), None, "{fine}");
        }
    }
}

#[test]
fn keys_without_an_effect_are_refused_or_warned_of() {
    let mut n_keys = 0;
    for (file, section) in FILES {
        for (path, section) in sections(file, section) {
            let effective: BTreeSet<&str> = section.effective().collect();
            for key in section.names().filter(|name| !effective.contains(name)) {
                let text = file_with(&path, &format!("{key}: x"));
                let (Ok(said) | Err(said)) = loaded(file, &text);
                let is_named =
                    said.contains(&format!("{key} ")) || said.contains(&format!("{key}\\\" "));
                assert!(
                    is_named || said.contains(&format!("\"{key}\"")),
                    "{text}\n{said}"
                );
                n_keys += 1;
            }
        }
    }
    assert!(n_keys > 10, "{n_keys}");
}

#[test]
fn a_default_changes_nothing_where_it_is_written_out() {
    let document = read("docs/configuration.md");
    let mut n_defaults = 0;
    for part in parts(&document) {
        for path in code(part.heading) {
            let mut files = FILES.iter();
            let file = files.find(|(file, section)| sections(file, section).contains_key(path));
            let (file, _) = file.unwrap();
            for row in part.rows.iter().filter(|row| row[0].starts_with('`')) {
                let whole = row[2].trim_matches('`');
                if row[2] != format!("`{whole}`") {
                    continue;
                }
                let key = code(&row[0]).next().unwrap();
                let without = loaded(file, &file_with(path, "")).unwrap();
                let written = file_with(path, &format!("{key}: {whole}"));
                assert_eq!(loaded(file, &written), Ok(without), "{written}");
                n_defaults += 1;
            }
        }
    }
    assert!(n_defaults > 40, "{n_defaults}");
    let other = file_with("modules.NAME.http", "method: PUT");
    let without = file_with("modules.NAME.http", "");
    assert_ne!(
        loaded("httpcycle.yml", &other),
        loaded("httpcycle.yml", &without)
    );
}
