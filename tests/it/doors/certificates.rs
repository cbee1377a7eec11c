//! TLS of the server: versions, protocols, certificates that change, and who comes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::doors::{Folder, basic, client, get_by_tls, hash, status};
use crate::support::exporter::{Exporter, program};
use crate::support::pki::{self, Authority};
use crate::support::prometheus::{self, Prometheus};

const TLS: &str = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n";

fn healthcheck(arguments: &[&str]) -> (bool, String) {
    let mut command = program();
    let output = command.arg("healthcheck").args(arguments).output().unwrap();
    (
        output.status.success(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn the_healthcheck_finds_its_exporter_by_the_same_flags() {
    let folder = Folder::new();
    folder.write_pair(&pki::self_signed("elsewhere.example"));
    let users = format!("basic_auth_users: {{a: '{}'}}\n", hash("p"));
    for web in [TLS.to_owned(), format!("{TLS}{users}"), users] {
        let exporter = folder.exporter(&web);
        let listen = format!("--web.listen-address={}", exporter.address);
        let (is_alive, said) = healthcheck(&[&listen, &folder.flag()]);
        assert!(is_alive, "{web}: {said}");
        // Also while somebody writes the file.
        folder.write("web.yml", "tls_server_config: {");
        let (is_alive, said) = healthcheck(&[&listen, &folder.flag()]);
        assert!(is_alive, "{web}: {said}");
        let (is_alive, said) = healthcheck(&[&listen]);
        assert_eq!(is_alive, !web.contains("tls"), "{said}");
    }
    // An empty name stands for no web configuration.
    let exporter = Exporter::start_with("", &["--web.config.file="]);
    let listen = format!("--web.listen-address={}", exporter.address);
    let (is_alive, said) = healthcheck(&[&listen, "--web.config.file="]);
    assert!(is_alive, "{said}");
    let (is_alive, _) = healthcheck(&["--web.listen-address=127.0.0.1:1", &folder.flag()]);
    assert!(!is_alive);
}

/// What a client that offers `protocols` and these versions gets: the protocol, if any connection.
async fn negotiated(
    exporter: &Exporter,
    mut config: ClientConfig,
    protocols: &[&str],
) -> Option<Option<String>> {
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = TcpStream::connect(exporter.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let protocol = stream.ok()?.get_ref().1.alpn_protocol()?.to_vec();
    Some(Some(String::from_utf8(protocol).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_spoken_over_tls_unless_it_is_switched_off() {
    let authority = Authority::new();
    let folder = Folder::new();
    folder.write_pair(&authority.issue("127.0.0.1", |_| {}));
    let trusting = || client(&authority.certificate(), None);
    for (more, chosen) in [
        ("", "h2"),
        ("http_server_config: {http2: false}\n", "http/1.1"),
    ] {
        let exporter = folder.exporter(&format!("{TLS}{more}"));
        let found = negotiated(&exporter, trusting(), &["h2", "http/1.1"]).await;
        assert_eq!(found.flatten().as_deref(), Some(chosen));
        let found = negotiated(&exporter, trusting(), &["http/1.1"]).await;
        assert_eq!(found.flatten().as_deref(), Some("http/1.1"));
    }
    let users = format!("basic_auth_users: {{a: '{}'}}\n", hash("p"));
    let headers = "http_server_config: {headers: {X-Frame-Options: deny}}\n";
    let exporter = folder.exporter(&format!("{TLS}{users}{headers}"));
    let mut config = trusting();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(exporter.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let right = basic("a", "p");
    let right = right.trim().strip_prefix("Authorization: ").unwrap();
    for (method, path, password, expected) in [
        ("GET", "/metrics", right, 200),
        ("POST", "/metrics", right, 405),
        ("GET", "/none", right, 404),
        ("GET", "/metrics", "", 401),
    ] {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("https://127.0.0.1{path}"));
        if !password.is_empty() {
            request = request.header("authorization", password);
        }
        let (response, _) = sender
            .send_request(request.body(()).unwrap(), true)
            .unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), expected, "{method} {path}");
        assert_eq!(response.headers()["x-frame-options"], "deny");
        let mut body = response.into_body();
        let mut page: Vec<Bytes> = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            page.push(data);
        }
        let page = String::from_utf8(page.concat()).unwrap();
        assert_eq!(
            page.contains("httpcycle_targets 0"),
            expected == 200,
            "{page}"
        );
    }
    // Who is refused is shown out, in an orderly way.
    let ended = tokio::time::timeout(Duration::from_secs(30), connection).await;
    let ended = ended.unwrap().unwrap();
    // The last word of the client may find that the server is gone, which is no reset.
    let is_late = |error: &h2::Error| {
        let error = error.get_io().map(std::io::Error::kind);
        error == Some(std::io::ErrorKind::BrokenPipe)
    };
    assert!(ended.as_ref().err().is_none_or(is_late), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_suites_are_those_that_are_allowed() {
    let authority = Authority::new();
    let folder = Folder::new();
    folder.write_pair(&authority.issue("127.0.0.1", |_| {}));
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate()).unwrap();
    let speaking = |version, curve: Option<&str>| {
        let mut provider = rustls::crypto::ring::default_provider();
        if let Some(curve) = curve {
            let is_it = |name: rustls::NamedGroup| format!("{name:?}") == curve;
            provider.kx_groups.retain(|group| is_it(group.name()));
        }
        ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth()
    };
    let (tls12, tls13) = (&rustls::version::TLS12, &rustls::version::TLS13);
    for (more, answers) in [
        ("", [true, true, true]),
        ("max_version: TLS12", [true, false, false]),
        ("min_version: TLS13", [false, true, true]),
        (
            "cipher_suites: [TLS_AES_128_GCM_SHA256]",
            [false, true, true],
        ),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            [false, true, true],
        ),
        (
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
            [true, true, true],
        ),
        ("curve_preferences: [CurveP384]", [true, true, false]),
    ] {
        let pair = "cert_file: cert.pem, key_file: key.pem";
        let exporter = folder.exporter(&format!("tls_server_config: {{{pair}, {more}}}"));
        let clients = [
            speaking(tls12, None),
            speaking(tls13, None),
            speaking(tls13, Some("X25519")),
        ];
        for (config, expected) in clients.into_iter().zip(answers) {
            let found = negotiated(&exporter, config, &["http/1.1"]).await;
            assert_eq!(found.is_some(), expected, "{more}");
        }
    }
}

/// Certificate and key are replaced one after the other, again and again, while somebody scrapes; no
/// scrape fails, and in the end the last pair is shown.
#[test]
fn certificates_change_under_load() {
    let authority = Authority::new();
    let folder = Folder::new();
    folder.write_pair(&authority.issue("127.0.0.1", |_| {}));
    let exporter = folder.exporter(TLS);
    let (is_over, n_scrapes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let old = Arc::new(client(&authority.certificate(), None));
    let address = exporter.address;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = get_by_tls(&old, address, "/metrics", "").unwrap();
                    assert_eq!(status(&answer), 200);
                    n_scrapes.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..3 {
            folder.write_pair(&authority.issue("127.0.0.1", |_| {}));
            exporter.wait_for_log("the web configuration is read again");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(n_scrapes.load(Ordering::Relaxed) > 20);
    // A key that does not fit is left aside.
    let (_, key) = authority.issue("127.0.0.1", |_| {});
    folder.write("key.pem", &pki::pem("PRIVATE KEY", key.secret_der()));
    let line = exporter.wait_for_log("web configuration not reloaded");
    assert!(line.contains("do not fit"), "{line}");
    assert!(get_by_tls(&old, address, "/metrics", "").is_ok());
    // Nor does it turn to plain HTTP.
    folder.write("web.yml", "");
    let line = exporter.wait_for_log("web configuration not reloaded");
    assert!(line.contains("by a restart only"), "{line}");
    assert!(get_by_tls(&old, address, "/metrics", "").is_ok());
    let other = Authority::new();
    folder.write("web.yml", TLS);
    folder.write_pair(&other.issue("127.0.0.1", |_| {}));
    let new = Arc::new(client(&other.certificate(), None));
    let deadline = Instant::now() + Duration::from_secs(30);
    while get_by_tls(&new, address, "/metrics", "").is_err() {
        assert!(Instant::now() < deadline, "the new authority is never seen");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(get_by_tls(&old, address, "/metrics", "").is_err());
}

#[test]
fn prometheus_scrapes_with_tls_and_a_password() {
    if !prometheus::is_installed() {
        return;
    }
    let authority = Authority::new();
    let folder = Folder::new();
    folder.write_pair(&authority.issue("127.0.0.1", |_| {}));
    folder.write("ca.pem", &pki::pem("CERTIFICATE", &authority.certificate()));
    let exporter = folder.exporter(&format!(
        "{TLS}basic_auth_users: {{prom: '{}'}}\n",
        hash("p")
    ));
    let ca = folder.at("ca.pem");
    let scraping = format!(
        "  scheme: https\n  tls_config: {{ca_file: '{}'}}\n  \
         basic_auth: {{username: prom, password: p}}\n",
        ca.display()
    );
    let prometheus = Prometheus::start_scraping(exporter.address, &scraping);
    let deadline = Instant::now() + Duration::from_secs(60);
    while prometheus.value("httpcycle_targets") != Some(0.0) {
        assert!(Instant::now() < deadline, "it never comes by");
        thread::sleep(Duration::from_millis(100));
    }
}
