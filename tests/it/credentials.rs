//! What a request carries of credentials and headers: keys as users write them, and what a peer
//! gets of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::target::module::Module;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::support::dns::Script;
use crate::support::{dns, peer, pki, probing};

/// Longer than any probe takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The module `m` of a configuration in `folder` that has these keys under `http`.
fn module(folder: &Path, http: &str) -> Module {
    let text = format!("modules: {{m: {{prober: http, http: {{{http}}}}}}}\n");
    let config = config::parse("f.yml", folder, &text, &|_| Ok(()));
    let config = config.unwrap_or_else(|problems| panic!("{text}{problems}"));
    Module::clone(&config.modules["m"].module)
}

/// The credentials of the URL, keys under `http`, and the values of a header that they make.
type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str]);

const AUTH: &str = "authorization";

#[rustfmt::skip]
const ROWS: &[Row<'_>] = &[
    ("", "", AUTH, &[]),
    ("", "basic_auth: {username: u, password: 'p:w'}", AUTH, &["Basic dTpwOnc="]),
    ("", "basic_auth: {username: u, password: ' p '}", AUTH, &["Basic dTogcCA="]),
    ("", "basic_auth: {username: u}", AUTH, &["Basic dTo="]),
    ("", "basic_auth: {}", AUTH, &["Basic Og=="]),
    ("", "basic_auth: ~", AUTH, &[]),
    ("", "basic_auth: {username_file: user, password_file: pass}", AUTH, &["Basic dTpw"]),
    ("", "basic_auth: {username: '', username_file: user, password: p}", AUTH, &["Basic dTpw"]),
    ("", "authorization: {credentials: abc}", AUTH, &["Bearer abc"]),
    ("", "authorization: {type: ' Token ', credentials: abc}", AUTH, &["Token abc"]),
    ("", "authorization: {type: '', credentials_file: pass}", AUTH, &["Bearer p"]),
    ("", "authorization: {type: Negotiate}", AUTH, &["Negotiate"]),
    ("", "authorization: {}", AUTH, &["Bearer"]),
    ("", "bearer_token: abc", AUTH, &["Bearer abc"]),
    ("", "bearer_token: '', bearer_token_file: user", AUTH, &["Bearer u"]),
    ("", "bearer_token: ''", AUTH, &[]),
    ("a:b@", "", AUTH, &["Basic YTpi"]),
    ("a:b@", "basic_auth: {username: u, password: p}", AUTH, &["Basic YTpi"]),
    ("a:b@", "bearer_token: abc", AUTH, &["Basic YTpi"]),
    ("", "headers: {authorization: mine}, bearer_token: abc", AUTH, &["mine"]),
    ("a:b@", "headers: {Authorization: mine}, basic_auth: {}", AUTH, &["mine"]),
    ("", "headers: {Authorization: ''}, bearer_token: abc", AUTH, &["Bearer abc"]),
    ("", "http_headers: {X-A: {values: [a, ' b '], secrets: [c], files: [user, pass]}}", "x-a", &["a", "b", "c", "u", "p"]),
    ("", "http_headers: {X-A: {values: [a]}, x-a: {secrets: [b]}}, headers: {X-a: c}", "x-a", &["c", "a", "b"]),
    ("", "http_headers: {X-A: {}, X-B: ~}", "x-a", &[]),
    ("", "headers: {Host: other.test}", "host", &["other.test"]),
    ("", "headers: {X-A: a}", "x-a", &["a"]),
];

fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_carry_what_the_module_has() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("user"), " u\r\n").unwrap();
    fs::write(folder.path().join("pass"), "\n\tp\u{a0}\n").unwrap();
    let (send, mut heads) = mpsc::unbounded_channel();
    let peer = peer::serve(move |mut stream| {
        let send = send.clone();
        async move {
            send.send(peer::read_request(&mut stream).await).unwrap();
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await;
    for &(userinfo, http, name, expected) in ROWS {
        let url = format!("http://{userinfo}{}/", peer.address);
        let prober = probing::prober(&url, module(folder.path(), http), PATIENCE);
        let outcome = probing::probe(&prober).await;
        assert_eq!(outcome.failure, None, "{http}");
        let head = heads.recv().await.unwrap();
        assert_eq!(values(&head, name), expected, "{userinfo} {http}: {head}");
    }
}

#[test]
fn secrets_are_in_no_debug() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "canary").unwrap();
    for http in [
        "basic_auth: {username: canary, password: canary}",
        "basic_auth: {username_file: file, password_file: file}",
        "authorization: {credentials: canary}",
        "bearer_token_file: file",
        "http_headers: {X-A: {values: [canary], secrets: [canary], files: [file]}}",
        "headers: {X-A: canary, Cookie: canary, User-Agent: canary}",
        "body: canary",
        "method: PUT, body_file: file",
        "proxy_url: 'http://canary:canary@p.test', proxy_connect_header: {X-A: [canary]}",
    ] {
        let module = module(folder.path(), http);
        let url = "http://canary:canary@127.0.0.1:1/?t=canary&canary";
        let request = probing::prober(url, module.clone(), PATIENCE);
        let shown = format!("{module:?} {request:?}");
        // As bytes and in Base64 as well.
        for secret in ["canary", "99, 97, 110, 97", "Y2FuYXJ5"] {
            assert!(!shown.contains(secret), "{http}: {shown}");
        }
    }
}

/// The name that TLS asks for and verifies is that of `tls_config`, else of the header `Host`, else
/// of the URL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_header_host_is_the_name_that_is_verified() {
    let authority = pki::Authority::new();
    for (certified, host, server_name, is_fine) in [
        ("url.test", None, None, true),
        ("url.test", Some("header.test"), None, false),
        ("header.test", Some("header.test"), None, true),
        ("header.test", Some("header.test:8443"), None, true),
        ("header.test", None, None, false),
        (
            "config.test",
            Some("header.test"),
            Some("config.test"),
            true,
        ),
        (
            "header.test",
            Some("header.test"),
            Some("config.test"),
            false,
        ),
    ] {
        let acceptor = authority.server(certified);
        let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
        let server = dns::serve(Script::Addresses(vec![peer.address.ip()], Duration::ZERO)).await;
        let headers = host.map(|host| format!("headers: {{Host: '{host}'}}"));
        let mut module = module(Path::new(""), &headers.unwrap_or_default());
        module.resolver = Some(server.address);
        module.tls = authority.trusted();
        module.tls.server_name = server_name.map(str::to_owned);
        let url = format!("https://url.test:{}/", peer.address.port());
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        let row = format!("{certified}, {host:?}, {server_name:?}");
        assert_eq!(
            outcome.failure.is_none(),
            is_fine,
            "{row}: {:?}",
            outcome.failure
        );
    }
}
