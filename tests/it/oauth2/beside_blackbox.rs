//! The same file in blackbox_exporter: its requests for tokens, and ours.

use std::fs;

use crate::blackbox::theirs::{self, Theirs};
use crate::oauth2::api::Api;
use crate::oauth2::server::{Asked, Reply, TokenServer, header};
use crate::oauth2::{client, config};
use crate::support::exporter::{self, Exporter};

/// Settings besides those of the client, and whether the server wants the secret in the form.
const CASES: &[(&str, bool)] = &[
    ("scopes: []", false),
    ("scopes: [read, 'write:all', 'ü*~']", false),
    (
        "endpoint_params: {b: '1 2', a: 'x&y', grant_type: other}",
        false,
    ),
    ("endpoint_params: {scope: 'a b'}", true),
];

/// What is to be alike in a request.
fn essence(asked: &Asked) -> [String; 5] {
    let value = |name: &str| header(&asked.head, name).unwrap_or("none").to_owned();
    [
        asked.head.lines().next().unwrap().to_owned(),
        value("authorization"),
        value("content-type"),
        value("content-length"),
        asked.body.clone(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ask_alike() {
    if !theirs::is_installed() {
        return;
    }
    for (keys, in_form) in CASES {
        let tokens = TokenServer::start(move |_, asked| {
            match asked.header("authorization").is_some() == *in_form {
                true => Reply::refusal("401 Unauthorized", "invalid_client"),
                false => Reply::token("t", 3600),
            }
        })
        .await;
        let api = Api::open().await;
        let text = config(&format!("{}, {keys}", client(&tokens.url())), 0, "", "");
        let (modules, _) = text.split_once("targets:").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blackbox.yml");
        fs::write(&path, modules).unwrap();
        let request = format!("GET /probe?module=m&target=http://{}/", api.address);
        let ask = |address| String::from_utf8(exporter::get(address, &request, "")).unwrap();

        let their_page = ask(Theirs::start(&path).address);
        assert!(
            their_page.contains("\nprobe_success 1\n"),
            "{keys}: {their_page}"
        );
        let n_theirs = tokens.seen.count();
        let ours = Exporter::start_with(modules, &["--web.enable-probe-endpoint"]);
        let our_page = ask(ours.address);
        assert!(
            our_page.contains("\nprobe_success 1\n"),
            "{keys}: {our_page}"
        );
        let asked = tokens.seen.asked();
        let (theirs, ours) = asked.split_at(n_theirs);
        let theirs: Vec<_> = theirs.iter().map(essence).collect();
        let ours: Vec<_> = ours.iter().map(essence).collect();
        assert_eq!(ours, theirs, "{keys}");
        assert_eq!(api.shown(), ["Bearer t"; 2], "{keys}");
    }
}
