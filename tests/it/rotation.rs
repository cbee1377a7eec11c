//! Files that change while the exporter runs: what is in them at a probe counts, and a slot without
//! them is skipped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use httpcycle_exporter::probe::tls::crypto_provider;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::support::exporter::Exporter;
use crate::support::{peer, pki};

const SKIPPED: &str = "httpcycle_probes_skipped_total{target=\"a\",reason=\"secret_unreadable\"}";
const PROBES: &str = "httpcycle_probes_total{target=\"a\"}";

/// Replaces a file as editors and most programs do.
fn replace(path: &Path, content: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, content).unwrap();
    fs::rename(&beside, path).unwrap();
}

/// Waits until the peer has seen a request of which `is_so` holds.
async fn seen(heads: &mut watch::Receiver<String>, is_so: impl Fn(&str) -> bool) {
    let wait = heads.wait_for(|head| is_so(head));
    tokio::time::timeout(std::time::Duration::from_secs(30), wait)
        .await
        .expect("a request like that")
        .unwrap();
}

/// Waits until slots are skipped, and sees that no probe ends from then on: nothing is charged to the
/// target.
fn stands_still(exporter: &Exporter) {
    let wait_for_another = || {
        let skipped = exporter.value(SKIPPED);
        exporter.wait_for(SKIPPED, |now| now > skipped);
    };
    wait_for_another();
    let probes = exporter.value(PROBES);
    wait_for_another();
    assert_eq!(exporter.value(PROBES), probes);
}

/// A peer that answers 204 and shows the last request, its body behind it.
async fn echo() -> (peer::Peer, watch::Receiver<String>) {
    let (send, heads) = watch::channel(String::new());
    let send = Arc::new(send);
    let peer = peer::serve(move |mut stream| {
        let send = send.clone();
        async move {
            let head = peer::read_request(&mut stream).await;
            if head.is_empty() {
                return;
            }
            send.send_replace(head);
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await;
    (peer, heads)
}

fn config(folder: &TempDir, http: &str, url: &str) -> String {
    let http = http.replace("FOLDER", &folder.path().display().to_string());
    format!(
        "modules:\n  m:\n    prober: http\n    http: {{{http}}}\ntargets:\n  \
         - {{name: a, url: '{url}', module: m, interval: 50ms}}\n"
    )
}

/// Every part of a request that a file can hold, and what a request has of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_counts() {
    for (http, before, after) in [
        (
            "bearer_token_file: FOLDER/secret",
            "Bearer one",
            "Bearer two",
        ),
        (
            "authorization: {type: Token, credentials_file: FOLDER/secret}",
            "Token one",
            "Token two",
        ),
        (
            "basic_auth: {username: u, password_file: FOLDER/secret}",
            "Basic dTpvbmU=",
            "Basic dTp0d28=",
        ),
        (
            "basic_auth: {username_file: FOLDER/secret, password: p}",
            "Basic b25lOnA=",
            "Basic dHdvOnA=",
        ),
        (
            "http_headers: {X-A: {values: [a]}, X-B: {values: [b], files: [FOLDER/secret]}}",
            "x-b: one",
            "x-b: two",
        ),
        (
            "method: PUT, body_file: FOLDER/secret",
            "content-length: 4",
            "content-length: 6",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "one\n").unwrap();
        let (peer, mut heads) = echo().await;
        let url = format!("http://{}/", peer.address);
        let exporter = Exporter::start(&config(&folder, http, &url));
        let has = |wanted: &'static str| {
            move |head: &str| {
                let lines = || head.lines().map(str::to_ascii_lowercase);
                lines().any(|line| line.ends_with(&wanted.to_ascii_lowercase()))
            }
        };
        seen(&mut heads, has(before)).await;
        // Two bytes more for the body, and white space for all others.
        replace(&secret, "two\n\n\n");
        seen(&mut heads, has(after)).await;
        assert_eq!(exporter.value(SKIPPED), Some(0.0), "{http}");
    }
}

/// As Kubernetes does it: the folder that the files are in is a link, and the link is moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_moved_counts_and_what_is_gone_skips() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, secret) in [("1", "one"), ("2", "two"), ("3", "line\nbreak")] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("secret"), secret).unwrap();
    }
    let point_to = |version: &str| {
        symlink(version, at("new")).unwrap();
        fs::rename(at("new"), at("..data")).unwrap();
    };
    point_to("1");
    symlink("..data/secret", at("secret")).unwrap();
    let (peer, mut heads) = echo().await;
    let url = format!("http://{}/", peer.address);
    let http = "bearer_token_file: FOLDER/secret";
    let exporter = Exporter::start(&config(&folder, http, &url));
    seen(&mut heads, |head| head.contains("Bearer one")).await;
    point_to("2");
    seen(&mut heads, |head| head.contains("Bearer two")).await;

    fs::remove_file(at("..data")).unwrap();
    stands_still(&exporter);
    let line = exporter.wait_for_log("a file of the module cannot be used");
    assert!(line.contains("secret"), "{line}");
    point_to("1");
    seen(&mut heads, |head| head.contains("Bearer one")).await;
    // What no header can hold is of as little use.
    point_to("3");
    stands_still(&exporter);
    point_to("2");
    seen(&mut heads, |head| head.contains("Bearer two")).await;
    for line in exporter.rest_of_log() {
        assert!(!line.contains("break"), "{line}");
    }
}

/// One that nobody writes to is no file, is not waited for, and keeps nobody from those of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_in_the_place_of_a_file_is_the_trouble_of_its_module_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["of-a", "of-b"] {
        fs::write(at(name), "one\n").unwrap();
    }
    let (to_a, _) = echo().await;
    let (to_b, mut heads) = echo().await;
    let mut text = String::from("modules:\n");
    for name in ["a", "b"] {
        let file = at(&format!("of-{name}")).display().to_string();
        text += &format!("  {name}: {{prober: http, http: {{bearer_token_file: '{file}'}}}}\n");
    }
    text += "targets:\n";
    for (name, peer) in [("a", &to_a), ("b", &to_b)] {
        let url = format!("http://{}/", peer.address);
        text += &format!("  - {{name: {name}, url: '{url}', module: {name}, interval: 50ms}}\n");
    }
    let exporter = Exporter::start(&text);
    seen(&mut heads, |head| head.contains("Bearer one")).await;
    let made = Command::new("mkfifo").arg(at("pipe")).status();
    assert!(made.unwrap().success());
    fs::rename(at("pipe"), at("of-a")).unwrap();
    stands_still(&exporter);
    let line = exporter.wait_for_log("a file of the module cannot be used");
    assert!(line.contains("of-a") && line.contains("pipe"), "{line}");
    replace(&at("of-b"), "two\n");
    seen(&mut heads, |head| head.contains("Bearer two")).await;
    let probes = exporter.value(PROBES);
    replace(&at("of-a"), "two\n");
    exporter.wait_for(PROBES, |now| now > probes);
}

/// A server that lets in who has a certificate of this authority.
fn server_for(clients: &pki::Authority, authority: &pki::Authority) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(clients.certificate()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), crypto_provider());
    let (certificate, key) = authority.issue("127.0.0.1", |_| {});
    let config = ServerConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// Authorities, client certificate and key change together with what the server wants, one file
/// after the other; in between slots are skipped or the target fails, and then it is well again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_keys_that_are_replaced_count() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |authority: &pki::Authority| {
        let client = authority.client();
        let key = client.key.expose().secret_der();
        replace(&at("ca"), &pem("CERTIFICATE", &authority.certificate()));
        replace(&at("cert"), &pem("CERTIFICATE", &client.chain[0]));
        replace(&at("key"), &pem("PRIVATE KEY", key));
    };
    let (one, two) = (pki::Authority::new(), pki::Authority::new());
    write(&one);
    let (serve_with, acceptors) = watch::channel(server_for(&one, &one));
    let peer = peer::serve(move |stream| {
        let acceptor = acceptors.borrow().clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            peer::read_request(&mut stream).await;
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await;
    let http = "tls_config: {ca_file: FOLDER/ca, cert_file: FOLDER/cert, key_file: FOLDER/key}";
    let url = format!("https://{}/", peer.address);
    let text = config(&folder, http, &url).replace("50ms", "200ms");
    let exporter = Exporter::start(&text);
    let success = "httpcycle_probe_success{target=\"a\"}";
    exporter.wait_for(success, |value| value == Some(1.0));
    serve_with.send_replace(server_for(&two, &two));
    exporter.wait_for(success, |value| value == Some(0.0));
    write(&two);
    exporter.wait_for(success, |value| value == Some(1.0));

    // A key that does not fit its certificate is as little use as none.
    let other = two.client();
    replace(
        &at("key"),
        &pem("PRIVATE KEY", other.key.expose().secret_der()),
    );
    stands_still(&exporter);
    replace(&at("cert"), &pem("CERTIFICATE", &other.chain[0]));
    let probes = exporter.value(PROBES);
    exporter.wait_for(PROBES, |now| now > probes);
    exporter.wait_for(success, |value| value == Some(1.0));
}

/// Who writes into a file in use leaves half of it there for a moment, and nothing where the secret
/// was: what was there before counts until the rest follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_half_written_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (one, two) = (pki::Authority::new(), pki::Authority::new());
    let pem_of = |authority: &pki::Authority| pem("CERTIFICATE", &authority.certificate());
    fs::write(at("ca"), pem_of(&one)).unwrap();
    fs::write(at("token"), "one").unwrap();
    let (send, heads) = watch::channel(String::new());
    let send = Arc::new(send);
    let (serve_with, acceptors) = watch::channel(one.server("127.0.0.1"));
    let peer = peer::serve(move |stream| {
        let acceptor = acceptors.borrow().clone();
        let send = send.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            send.send_replace(peer::read_request(&mut stream).await);
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await;
    let mut heads = heads;
    let http = "bearer_token_file: FOLDER/token, tls_config: {ca_file: FOLDER/ca}";
    let url = format!("https://{}/", peer.address);
    let text = config(&folder, http, &url).replace("50ms", "500ms");
    let exporter = Exporter::start_with(&text, &["--log.level=debug"]);
    seen(&mut heads, |head| head.contains("Bearer one")).await;
    let whole = pem_of(&two);
    for (name, half) in [("ca", &whole[..whole.len() / 2]), ("token", "")] {
        fs::write(at(name), half).unwrap();
        exporter.wait_for_log("half written");
        let probes = exporter.value(PROBES);
        exporter.wait_for(PROBES, |now| now > probes.map(|before| before + 3.0));
        let success = exporter.value("httpcycle_probe_success{target=\"a\"}");
        assert_eq!(success, Some(1.0), "{name}");
        if name == "ca" {
            fs::write(at(name), pem_of(&one)).unwrap();
        }
    }
    fs::write(at("token"), "two").unwrap();
    seen(&mut heads, |head| head.contains("Bearer two")).await;
    assert_eq!(exporter.value(SKIPPED), Some(0.0));
    assert_eq!(exporter.sum("httpcycle_probe_failures_total"), 0.0);
    drop(serve_with);
}
