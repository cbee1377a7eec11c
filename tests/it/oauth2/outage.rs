//! What becomes of slots, reloads and requests while the server of tokens hangs or cannot be asked.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::oauth2::api::Api;
use crate::oauth2::server::{PATIENCE, Reply, Seen, TokenServer, converse};
use crate::oauth2::{client, config, n_refused};
use crate::support::exporter::{Exporter, program};
use crate::support::{peer, pki};

const WITHOUT: &str = "httpcycle_probes_skipped_total{target=\"t0\",reason=\"token_unavailable\"}";
const PROBES: &str = "httpcycle_probes_total{target=\"t0\"";
const OTHERS: &str = "httpcycle_probes_total{target=\"plain\"";

/// Slots are skipped, targets that need no token go on, and the exporter recovers by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_up_nobody_else() {
    let hangs = Arc::new(AtomicBool::new(true));
    let still = hangs.clone();
    let tokens = TokenServer::start(move |_, _| match still.load(Ordering::SeqCst) {
        true => Reply::Stall,
        false => Reply::token("t", 3600),
    })
    .await;
    let api = Api::open().await;
    let other = Api::start(Arc::new(|_: &str| "204 No Content".to_owned())).await;
    let url = format!("http://{}/", api.address);
    let mut text = config(&client(&tokens.url()), 3, &url, "100ms");
    text += &format!(
        "  - {{name: plain, url: 'http://{}/', interval: 100ms}}\n",
        other.address
    );
    let exporter = Exporter::start(&text);
    tokens.seen.wait_for(1).await;
    exporter.wait_for(WITHOUT, |skipped| skipped >= Some(3.0));
    let before = exporter.value(OTHERS).unwrap_or_default();
    exporter.wait_for(OTHERS, |probes| probes > Some(before + 3.0));
    assert_eq!(exporter.value(PROBES).unwrap_or_default(), 0.0);
    assert!(api.shown().is_empty());
    hangs.store(false, Ordering::SeqCst);
    api.wait_for("Bearer t").await;
    exporter.wait_for(PROBES, |probes| probes >= Some(1.0));
    assert_eq!(n_refused(&exporter), 0.0);
    assert_eq!(tokens.seen.most_at_once(), 1);
    // The log has it once for the module, and not for each of its targets.
    let log = exporter.rest_of_log();
    let told = |part: &str| log.iter().filter(|line| line.contains(part)).count();
    assert_eq!(told("no token can be had"), 1, "{log:?}");
    assert_eq!(told("token_unavailable"), 0, "{log:?}");
}

/// The request by the settings before is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_ends_a_request_by_other_settings() {
    let tokens = TokenServer::start(|n, _| match n {
        0 => Reply::Stall,
        _ => Reply::token("t", 3600),
    })
    .await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let oauth2 = client(&tokens.url());
    let exporter = Exporter::start(&config(&oauth2, 1, &url, "100ms"));
    tokens.seen.wait_for(1).await;
    exporter.reload(&config(&oauth2.replace("hunter2", "b"), 1, &url, "100ms"));
    api.wait_for("Bearer t").await;
    exporter.wait_for(PROBES, |probes| probes >= Some(1.0));
    let log = exporter.rest_of_log();
    let failed = log.iter().filter(|line| line.contains("no whole answer"));
    assert_eq!(failed.count(), 0, "{log:?}");
    assert_eq!(tokens.seen.count(), 2);
    assert_eq!(n_refused(&exporter), 0.0);
}

/// By another secret for the same client the old token is shown until there is a new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_with_another_secret_leaves_the_token_until_there_is_one_by_it() {
    let is_known = Arc::new(AtomicBool::new(false));
    let known = is_known.clone();
    let tokens = TokenServer::start(move |n, _| match (n, known.load(Ordering::SeqCst)) {
        (0, _) => Reply::token("old", 3600),
        (_, true) => Reply::token("new", 3600),
        (_, false) => Reply::refusal("401 No", "invalid_client"),
    })
    .await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let oauth2 = client(&tokens.url());
    let exporter = Exporter::start(&config(&oauth2, 1, &url, "100ms"));
    api.wait_for("Bearer old").await;
    let before = exporter.value(WITHOUT);
    exporter.reload(&config(&oauth2.replace("hunter2", "b"), 1, &url, "100ms"));
    exporter.wait_for_log("no other token can be had");
    let probes = exporter.value(PROBES).unwrap_or_default();
    exporter.wait_for(PROBES, |now| now > Some(probes + 2.0));
    assert_eq!(api.shown().last().unwrap(), "Bearer old");
    is_known.store(true, Ordering::SeqCst);
    api.wait_for("Bearer new").await;
    assert_eq!(exporter.value(WITHOUT), before);
}

/// Who gives up takes nothing from those that still wait, and charges nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_probe_that_is_given_up_leaves_the_request_for_a_token() {
    let waits = Arc::new(AtomicBool::new(true));
    let released = waits.clone();
    let (n_asked, seen) = (Arc::<AtomicUsize>::default(), Arc::<Seen>::default());
    let (n_come, known) = (n_asked.clone(), seen.clone());
    let server = peer::serve(move |stream| {
        let (waits, known) = (waits.clone(), known.clone());
        n_come.fetch_add(1, Ordering::SeqCst);
        async move {
            while waits.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(10)).await;
            }
            converse(stream, &known, |_, _| Reply::token("t", 3600)).await;
        }
    })
    .await;
    let api = Api::open().await;
    let url = format!("http://{}/token", server.address);
    let exporter = Exporter::start_with(
        &config(&client(&url), 0, "", ""),
        &["--web.enable-probe-endpoint"],
    );
    let request = format!("GET /probe?module=m&target={}", api.address);
    let mut given_up = TcpStream::connect(exporter.address).unwrap();
    let line = format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n");
    given_up.write_all(line.as_bytes()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while n_asked.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "nobody asks for a token");
        sleep(Duration::from_millis(10)).await;
    }
    drop(given_up);
    released.store(false, Ordering::SeqCst);
    let deadline = Instant::now() + PATIENCE;
    while !exporter.get_text(&request).contains("\nprobe_success 1\n") {
        assert!(Instant::now() < deadline, "it does not go on");
    }
    assert_eq!((n_asked.load(Ordering::SeqCst), seen.count()), (1, 1));
    assert!(api.shown().iter().all(|shown| shown == "Bearer t"));
}

/// The authorities of the system come later than the exporter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_cannot_be_had_is_tried_again() {
    let authority = pki::Authority::new();
    let acceptor = authority.server("127.0.0.1");
    let server = peer::serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, &Seen::default(), |_, _| Reply::token("t", 3600)).await;
            }
        }
    })
    .await;
    let api = Api::open().await;
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("authorities.pem");
    let mut command = program();
    command.env("SSL_CERT_FILE", &authorities);
    command.env_remove("SSL_CERT_DIR");
    let oauth2 = client(&format!("https://{}/token", server.address));
    let exporter = Exporter::start_by(
        command,
        &config(&oauth2, 0, "", ""),
        &["--web.enable-probe-endpoint"],
    );
    let request = format!("GET /probe?module=m&target={}", api.address);
    let answer = exporter.get_text(&request);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let said = exporter.wait_for_log("no token can be had");
    assert!(said.contains("TLS cannot work"), "{said}");
    fs::write(
        &authorities,
        pki::pem("CERTIFICATE", &authority.certificate()),
    )
    .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !exporter.get_text(&request).contains("\nprobe_success 1\n") {
        assert!(Instant::now() < deadline, "it does not recover");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(api.shown().iter().all(|shown| shown == "Bearer t"));
}
