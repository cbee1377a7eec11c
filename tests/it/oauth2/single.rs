//! Tokens for who asks once: `/probe`, `probe URL` and `--config.check`.

use std::fs;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::oauth2::api::Api;
use crate::oauth2::server::{Reply, TokenServer};
use crate::oauth2::{client, config};
use crate::support::exporter::{Exporter, get, program};

/// A module without targets has its token when `/probe` asks, and the wait is no part of the probe.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn probe_has_a_token_fetched() {
    let late = Duration::from_secs(2);
    let tokens =
        TokenServer::start(move |_, _| Reply::Late(late, Box::new(Reply::token("t", 3600)))).await;
    let api = Api::open().await;
    let exporter = Exporter::start_with(
        &config(&client(&tokens.url()), 0, "", ""),
        &["--web.enable-probe-endpoint"],
    );
    exporter.wait_for("httpcycle_targets", |targets| targets == Some(0.0));
    assert_eq!(tokens.seen.count(), 0, "nobody has asked");
    let request = format!("GET /probe?module=m&target={}", api.address);
    let pages: Vec<String> = thread::scope(|scope| {
        let ask = || String::from_utf8(get(exporter.address, &request, "")).unwrap();
        let mut asking = Vec::new();
        for _ in 0..8 {
            asking.push(scope.spawn(ask));
        }
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for page in &pages {
        assert!(page.contains("\nprobe_success 1\n"), "{page}");
        let (_, duration) = page.split_once("\nprobe_duration_seconds ").unwrap();
        let duration: f64 = duration.lines().next().unwrap().parse().unwrap();
        assert!(duration < late.as_secs_f64(), "{page}");
    }
    assert_eq!(tokens.seen.count(), 1);
    assert!(api.shown().iter().all(|shown| shown == "Bearer t"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_without_a_token_measures_nothing() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = is_up.clone();
    let tokens = TokenServer::start(move |_, _| match up.load(Ordering::SeqCst) {
        true => Reply::token("t", 3600),
        false => Reply::refusal("400 Bad", "invalid_scope"),
    })
    .await;
    let api = Api::open().await;
    let exporter = Exporter::start_with(
        &config(&client(&tokens.url()), 0, "", ""),
        &["--web.enable-probe-endpoint"],
    );
    let request = format!("GET /probe?module=m&target={}", api.address);
    let answer = exporter.get_text(&request);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains("(token_unavailable); nothing was measured"),
        "{answer}"
    );
    let said = exporter.wait_for_log("no token can be had");
    assert!(said.contains("invalid_scope"), "{said}");
    assert!(api.shown().is_empty());
    is_up.store(true, Ordering::SeqCst);
    let deadline = tokio::time::Instant::now() + crate::oauth2::server::PATIENCE;
    while !exporter.get_text(&request).contains("\nprobe_success 1\n") {
        assert!(
            tokio::time::Instant::now() < deadline,
            "it does not recover"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs the program with a configuration file, while peers answer it.
async fn run(config: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("httpcycle.yml");
    fs::write(&file, config).unwrap();
    let mut command = program();
    command.args(arguments).current_dir(folder.path());
    tokio::task::spawn_blocking(move || {
        let _kept = folder;
        command.output().unwrap()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_url_fetches_a_token_first() {
    let tokens = TokenServer::start(|n, _| match n {
        0 => Reply::token("t", 3600),
        _ => Reply::refusal("401 No", "invalid_client"),
    })
    .await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let config = config(&client(&tokens.url()), 0, "", "");
    let shown = run(
        &config,
        &["probe", &url, "--module=m", "--count=3", "--interval=10ms"],
    )
    .await;
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
    assert_eq!(api.shown(), ["Bearer t"; 3]);
    assert_eq!(tokens.seen.count(), 1);

    let refused = run(&config, &["probe", &url, "--module=m"]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    let expected = format!(
        "no token for module \"m\" from {}: the server refuses: invalid_client, status 401",
        tokens.url()
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(api.shown().len(), 3, "nothing was probed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_of_the_configuration_asks_nobody() {
    let tokens = TokenServer::start(|_, _| Reply::token("t", 3600)).await;
    let config = config(&client(&tokens.url()), 3, "http://127.0.0.1:1/", "1s");
    let checked = run(&config, &["--config.check"]).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert_eq!(tokens.seen.count(), 0);
}
