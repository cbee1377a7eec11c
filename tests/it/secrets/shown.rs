//! Every place that takes a secret, every way in which a probe can end, and all that the exporter
//! then shows.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::secrets::canary::{PLACES, canary, filled, found};
use crate::secrets::scene::{ANSWERS, Scene};
use crate::support::exporter::{self, Exporter};

/// Modules that hold secrets, each with its keys under `http`. What follows `{dir}` are files.
#[rustfmt::skip]
const MODULES: &[(&str, &str)] = &[
    ("headers", "method: PUT, headers: {X-Api-Key: {header}, Cookie: 'a={cookie}'}, http_headers: {X-More: {values: [{value}], secrets: [{secret}], files: ['{dir}/headerfile']}}, authorization: {type: Token, credentials: {credentials}}, body: '{\"token\": \"{body}\"}', conflict: {reason: {header: X-Reason}}"),
    ("basic", "basic_auth: {username: {user}, password: {password}}, conflict: {reason: {json: /reason}}, fail_if_header_matches: [{header: X-Echo, regexp: Cnry}]"),
    ("basic_files", "basic_auth: {username_file: '{dir}/userfile', password_file: '{dir}/passwordfile'}, fail_if_body_json_matches_cel: body.reason.size() < 1"),
    ("authorization_file", "authorization: {credentials_file: '{dir}/credentialsfile'}, conflict: {reason: {regexp: '(Cnry.*)\"'}}"),
    ("bearer", "bearer_token: {bearer}, fail_if_body_json_not_matches_cel: 'body[0].x == 1'"),
    ("bearer_file", "bearer_token_file: '{dir}/bearerfile', method: POST, body_file: '{dir}/bodyfile', fail_if_body_not_matches_regexp: [x]"),
    ("proxied", "bearer_token: {bearer}, proxy_url: 'http://{proxyuser}:{proxypassword}@{proxy}', proxy_connect_header: {X-Tenant: [{proxyheader}]}"),
    ("excepted", "proxy_url: 'http://{proxyuser}:{proxypassword}@{proxy}', no_proxy: 'u:{noproxy}@b.test'"),
    ("refused", "bearer_token: {bearer}, proxy_url: 'http://{proxyuser}:{proxypassword}@{refusing}', proxy_connect_header: {X-Tenant: [{proxyheader}]}"),
    ("tokens", "oauth2: {client_id: me, client_secret: {clientsecret}, token_url: 'http://{own}/token?k={tokenquery}', endpoint_params: {a: {tokenparam}}}, conflict: {reason: {header: X-Reason}}"),
    ("tokens_file", "oauth2: {client_id: me, client_secret_file: '{dir}/clientsecretfile', token_url: 'http://{own}/token'}"),
    ("tokenless", "oauth2: {client_id: me, client_secret: {clientsecret}, token_url: 'http://{own}/failed?k={tokenquery}'}"),
    ("lost_tokens", "oauth2: {client_id: me, client_secret: {clientsecret}, token_url: 'http://{own}/no-http'}"),
];

/// Servers that are asked for targets; each answers with something else.
const SOURCES: &str = "http_sd_configs:
  - {url: 'http://{listuser}:{listpassword}@{own}/ok?k={listquery}', refresh_interval: 1s}
  - {url: 'http://{own}/away?k={listquery}', http_headers: {X-Key: {secrets: [{listheader}]}}}
  - {url: 'http://{own}/no-http', basic_auth: {username: u, password_file: '{dir}/listpasswordfile'}}
  - {url: 'http://{own}/echo', authorization: {credentials: {listheader}}, proxy_url: 'http://{proxyuser}:{proxypassword}@{proxy}'}
  - {url: 'http://{own}/nowhere', oauth2: {client_id: me, client_secret: {listclient}, token_url: 'http://{own}/token'}}
";

/// A module that shows a client certificate, with the key in the configuration.
const TLS: &str = "  tls:
    prober: http
    timeout: TIMEOUT
    http:
      bearer_token: {bearer}
      tls_config:
        ca: |
CA
        cert: |
CHAIN
        key: |
          {keycomment}
KEY
";

/// A module that speaks HTTP/2.
const HTTP2: &str =
    "bearer_token: {bearer}, valid_http_versions: [HTTP/2.0], follow_redirects: false";

const TIMEOUT: &str = "500ms";

/// How many ask for probes at once.
const N_ASKING: usize = 8;

/// Writes the files that modules name, each with the secret of its name.
fn write_files(dir: &Path) {
    for place in PLACES.iter().filter(|place| place.ends_with("file")) {
        fs::write(dir.join(place), format!("{}\n", canary(place))).unwrap();
    }
}

fn indented(pem: &str) -> String {
    let lines = pem.lines().map(|line| format!("          {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The configuration, with a target for each module and answer besides those of their own.
fn configuration(scene: &Scene, dir: &Path) -> (String, Vec<(&'static str, String)>) {
    let mut text = String::from("modules:\n");
    for (name, http) in MODULES.iter().chain(&[("http2", HTTP2)]) {
        let module = format!(
            "  {name}: {{prober: http, timeout: {TIMEOUT}, http: {{resolver: '{}', {http}}}}}\n",
            scene.names.address
        );
        text.push_str(&module);
    }
    let tls = TLS
        .replace("TIMEOUT", TIMEOUT)
        .replace("CA\n", &format!("{}\n", indented(&scene.authority_pem())))
        .replace("CHAIN", &indented(&scene.client_chain))
        .replace("KEY", &indented(&scene.client_key));
    text.push_str(&tls);
    text.push_str(SOURCES);
    let text = text
        .replace("{dir}", &dir.display().to_string())
        .replace("{own}", &scene.own.address.to_string())
        .replace("{proxy}", &scene.proxy.address.to_string())
        .replace("{refusing}", &scene.refusing.address.to_string());
    let userinfo = "{urluser}:{urlpassword}@";
    let query = "?t={urlquery}&{urlbare}";
    let mut targets = Vec::new();
    let plain = scene.own.address;
    for (module, _) in MODULES {
        for (path, _) in ANSWERS {
            // The credentials of a URL would win over those of the module.
            let before = if *path == "/same" { userinfo } else { "" };
            targets.push((*module, format!("http://{before}{plain}{path}{query}")));
        }
        targets.push((*module, format!("https://{userinfo}{plain}/ok{query}")));
        targets.push((*module, format!("http://{userinfo}127.0.0.1:1/{query}")));
        targets.push((*module, format!("http://{userinfo}nobody.test/{query}")));
    }
    let (tls, http2) = (scene.tls.address, scene.http2.address);
    targets.push(("tls", format!("https://{tls}/ok{query}")));
    targets.push(("tls", format!("https://{tls}/away{query}")));
    targets.push(("bearer", format!("https://{userinfo}{tls}/ok{query}")));
    targets.push(("proxied", format!("https://{userinfo}{tls}/ok{query}")));
    targets.push(("refused", format!("https://{userinfo}{tls}/ok{query}")));
    targets.push(("http2", format!("http://{userinfo}{http2}/ok{query}")));
    let targets: Vec<_> = targets
        .into_iter()
        .map(|(module, url)| (module, filled(&url)))
        .collect();
    let mut text = filled(&text);
    text.push_str("targets:\n");
    for (index, (module, url)) in targets.iter().enumerate() {
        // Some have no name but their URL.
        let name = match index % ANSWERS.len() {
            0 if *module == "basic" => String::new(),
            _ => format!("name: t{index}, "),
        };
        text.push_str(&format!(
            "  - {{{name}url: '{url}', module: {module}, interval: 3s, labels: {{team: a}}}}\n"
        ));
    }
    (text, targets)
}

fn escaped(url: &str) -> String {
    percent_encoding::utf8_percent_encode(url, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Pages by their paths.
type Pages = Vec<(String, String)>;

/// What `/probe` answers, many asking at once: some targets are silent.
fn probed(address: SocketAddr, targets: &[(&str, String)]) -> Pages {
    let get = |path: String| {
        let answer = exporter::get(address, &format!("GET {path}"), "");
        (path, String::from_utf8_lossy(&answer).into_owned())
    };
    let asked = |(index, (module, url)): (usize, &(&str, String))| {
        let path = format!("/probe?module={module}&target={}", escaped(url));
        let debug = get(format!("{path}&debug=true"));
        // The machine may be too busy to probe.
        let is_shown = debug.1.contains("Module configuration:") || debug.1.contains(" 503 ");
        assert!(is_shown, "{url}: {}", debug.1);
        let more = (index % 7 == 0).then(|| [get(path.replace("/probe", "/logs")), get(path)]);
        std::iter::once(debug)
            .chain(more.into_iter().flatten())
            .collect::<Vec<_>>()
    };
    let pages = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for place in 0..N_ASKING {
            let own = targets.iter().enumerate().skip(place).step_by(N_ASKING);
            let pages = &pages;
            scope.spawn(move || {
                let found: Pages = own.flat_map(asked).collect();
                pages.lock().unwrap().extend(found);
            });
        }
    });
    pages.into_inner().unwrap()
}

/// Everything that the exporter serves.
fn pages(exporter: &Exporter, targets: &[(&str, String)]) -> Pages {
    let mut pages = probed(exporter.address, targets);
    let mut get = |path: &str, headers: &str| {
        let answer = exporter.get(&format!("GET {path}"), headers);
        pages.push((
            path.to_owned(),
            String::from_utf8_lossy(&answer).into_owned(),
        ));
    };
    for id in (0..targets.len()).step_by(3) {
        get(&format!("/logs?id={id}"), "");
    }
    for path in [
        "/",
        "/config",
        "/metrics",
        "/api/v1/targets",
        "/probe",
        "/logs",
        "/?q=t1&sort=failure",
    ] {
        get(path, "");
    }
    get("/metrics", "Accept: application/openmetrics-text\r\n");
    get(&filled("/api/v1/targets/http://x/ok?t={urlquery}"), "");
    for index in 0..targets.len() {
        get(&format!("/api/v1/targets/t{index}"), "");
        get(&format!("/targets/t{index}"), "");
    }
    pages
}

/// Waits until every target has been probed.
fn wait_for_probes(exporter: &Exporter, n_targets: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let page = exporter.get_text("GET /metrics");
        let samples = page.lines().filter(|line| {
            line.starts_with("httpcycle_probes_total{") && !line.ends_with(" 0")
                || line.starts_with("httpcycle_probes_skipped_total{") && !line.ends_with(" 0")
        });
        if samples.count() >= n_targets {
            return;
        }
        assert!(Instant::now() < deadline, "{page}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_anywhere() {
    let scene = Scene::start().await;
    let folder = TempDir::new().unwrap();
    write_files(folder.path());
    let (config, targets) = configuration(&scene, folder.path());
    let mut leaks = Vec::new();
    for format in ["logfmt", "json"] {
        let arguments = [
            "--web.enable-probe-endpoint",
            "--history.limit=1000",
            "--log.level=debug",
            &format!("--log.format={format}"),
        ];
        let (pages, log) = tokio::task::block_in_place(|| {
            let mut exporter = Exporter::start_with(&config, &arguments);
            wait_for_probes(&exporter, targets.len());
            let pages = pages(&exporter, &targets);
            exporter.signal("HUP");
            exporter.reload("targets: [");
            exporter.wait_for("httpcycle_config_last_reload_successful", |v| {
                v == Some(0.0)
            });
            exporter.signal("TERM");
            exporter.wait();
            (pages, exporter.log_to_the_end())
        });
        let lines = log.into_iter().map(|line| ("log".to_owned(), line));
        for (place, text) in pages.into_iter().chain(lines) {
            for secret in found(&text) {
                let at = text.lines().find(|line| found(line).contains(&secret));
                leaks.push(format!("{secret} in {format} {place}: {at:?}"));
            }
            // What a server says breaks no line and steers no terminal.
            assert!(!text.contains('\u{1b}'), "{place}: {text:?}");
            let is_forged = text
                .lines()
                .any(|line| line.starts_with("level=error msg=forged"));
            assert!(!is_forged, "{place}: {text}");
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    all_secrets_arrived(&scene);
}

/// The search above means something only if the secrets were there.
fn all_secrets_arrived(scene: &Scene) {
    let not_sent = [
        "noproxy",
        "keycomment",
        "proxyuser",
        "proxypassword",
        "proxyheader",
        "locationuser",
        "locationquery",
    ];
    let own = scene.own_told.places();
    for place in PLACES.iter().filter(|place| !not_sent.contains(place)) {
        assert!(own.contains(place), "{place} did not arrive");
    }
    for proxy in [&scene.proxy, &scene.refusing] {
        let asked = found(&proxy.asked.lock().unwrap().join("\n"));
        for place in ["proxyuser", "proxypassword", "proxyheader"] {
            assert!(asked.contains(&place), "{place} did not arrive");
        }
    }
    // What a redirect itself brings, and the body that 307 has repeated.
    let mut other = scene.other_told.places();
    assert!(other.contains(&"locationquery"), "{other:?}");
    other.retain(|place| !["locationuser", "locationquery", "body", "bodyfile"].contains(place));
    assert!(other.is_empty(), "another origin was told {other:?}");
}
