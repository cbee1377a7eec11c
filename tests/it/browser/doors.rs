//! The status page behind a web configuration.

use std::fs;

use crate::browser::run;
use crate::browser::world;
use crate::support::exporter::Exporter;

/// What stands behind `key` in the complete example of docs/web.md, with the lines below it.
fn documented(key: &str) -> String {
    let document = include_str!("../../../docs/web.md");
    let (_, from) = document.split_once(&format!("\n{key}\n")).unwrap();
    let below: Vec<&str> = from
        .lines()
        .take_while(|line| line.starts_with(' '))
        .collect();
    assert!(
        below
            .iter()
            .any(|line| line.contains("Content-Security-Policy"))
    );
    format!("{key}\n{}\n", below.join("\n"))
}

#[test]
fn a_bookmark_with_a_password_lives_behind_the_documented_headers() {
    if !run::is_possible() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    let hash = bcrypt::hash("secret", 4).unwrap();
    let server = documented("http_server_config:");
    fs::write(
        &path,
        format!("{server}basic_auth_users: {{reader: '{hash}'}}\n"),
    )
    .unwrap();
    let flag = format!("--web.config.file={}", path.display());
    let exporter = Exporter::start_with(&world::steady("127.0.0.1:1"), &[&flag]);
    let url = format!("http://reader:secret@{}/", exporter.address);
    run::scenario("door", &url, &[], run::nothing);
}
