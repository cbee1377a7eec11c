//! The pages for people of the built program, over HTTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::support::exporter::{Exporter, program};
use crate::support::peer;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CONFLICT: &[u8] = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n";

/// Asks until the answer is as wanted.
fn wait_for(exporter: &Exporter, request: &str, wanted: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = exporter.get_text(request);
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{request} stays {answer}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether an answer has a target in this state.
fn has(answer: &str, target: &str, state: &str) -> bool {
    answer.contains(&format!("data-target=\"{target}\" data-state=\"{state}\""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_follows_what_happens() {
    let clashes = Arc::new(AtomicBool::new(true));
    let shared = clashes.clone();
    let peer = peer::serve(move |mut stream| {
        let response = match shared.load(Ordering::Relaxed) {
            true => CONFLICT,
            false => OK,
        };
        async move {
            peer::read_request(&mut stream).await;
            stream.write_all(response).await.ok();
        }
    })
    .await;
    let exporter = Exporter::start(&format!(
        "targets:\n- {{name: orders, url: 'http://{}/', interval: 50ms}}\n\
         - {{name: closed, url: 'http://127.0.0.1:1/', interval: 50ms}}\n\
         - {{name: later, url: 'http://127.0.0.1:1/', interval: 8760h}}\n",
        peer.address
    ));
    let page = tokio::task::block_in_place(|| {
        wait_for(&exporter, "GET /", |page| {
            has(page, "orders", "conflict") && has(page, "closed", "failure")
        })
    });
    // The legend has all shapes.
    let (_, behind) = page.split_once("<tbody").unwrap();
    let (rows, _) = behind.split_once("</tbody>").unwrap();
    for text in [
        "<strong>409</strong>",
        "class=\"phase-first_byte\"",
        "class=\"probe-conflict\"",
        "connect: refused",
    ] {
        assert!(rows.contains(text), "{text} in {rows}");
    }
    clashes.store(false, Ordering::Relaxed);
    let page = tokio::task::block_in_place(|| {
        wait_for(&exporter, "GET /?q=orders&state=ok", |page| {
            has(page, "orders", "ok")
        })
    });
    assert!(!page.contains("data-target=\"closed\""), "{page}");
    let page = exporter.get_text("GET /targets/orders");
    assert!(page.contains("data-probe=") && page.contains("reason: <bdi>unspecified</bdi>"));
    assert!(page.contains(&peer.address.to_string()), "{page}");
}

#[test]
fn what_is_not_probed_any_more_is_not_shown_as_ok() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let head = BufReader::new(&stream).lines().map_while(Result::ok);
            head.take_while(|line| !line.is_empty()).for_each(drop);
            (&stream).write_all(OK).ok();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("token");
    std::fs::write(&secret, "s3cret").unwrap();
    let secret_shown = secret.display();
    let exporter = Exporter::start(&format!(
        "modules: {{m: {{prober: http, http: {{bearer_token_file: '{secret_shown}'}}}}}}\n\
         targets: [{{name: a, url: 'http://{address}/', module: m, interval: 50ms}}]\n"
    ));
    wait_for(&exporter, "GET /?state=ok", |page| has(page, "a", "ok"));
    std::fs::remove_file(&secret).unwrap();
    let page = wait_for(&exporter, "GET /?state=trouble", |page| {
        has(page, "a", "skipped")
    });
    assert!(page.contains("1 target: 0 ok, 1 not probed"), "{page}");
    assert!(page.contains("skipped: secret_unreadable"), "{page}");
    let page = exporter.get_text("GET /targets/a");
    assert!(
        page.contains("A file with a secret cannot be read."),
        "{page}"
    );
    std::fs::write(&secret, "s3cret").unwrap();
    wait_for(&exporter, "GET /?state=ok", |page| has(page, "a", "ok"));
}

#[test]
fn every_page_guards_itself() {
    let exporter =
        Exporter::start("targets: [{name: a, url: 'http://127.0.0.1:1/', interval: 1h}]");
    for (request, status) in [
        ("GET /", "200"),
        ("GET /?q=%3Cscript%3E", "200"),
        ("GET /targets/a", "200"),
        ("GET /targets/b", "404"),
        ("GET /targets/", "404"),
        ("GET /targets/%FF", "404"),
        ("GET /targets/a/", "404"),
        ("HEAD /", "200"),
        ("HEAD /targets/a", "200"),
    ] {
        let answer = exporter.get_text(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{request}: {answer}"
        );
        for header in [
            "content-type: text/html; charset=utf-8",
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
             img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'\r\n",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(header), "{request}: {header} in {answer}");
        }
        let has_body = answer
            .split_once("\r\n\r\n")
            .is_some_and(|(_, body)| !body.is_empty());
        assert_eq!(has_body, request.starts_with("GET"), "{request}: {answer}");
    }
    for request in ["POST /", "PUT /targets/a", "DELETE /assets/status.css"] {
        let answer = exporter.get_text(request);
        assert!(answer.starts_with("HTTP/1.1 405"), "{request}: {answer}");
    }
    let packed = exporter.get("GET /", "Accept-Encoding: gzip\r\n");
    assert!(packed.windows(3).any(|bytes| bytes == b"\x1f\x8b\x08"));
}

#[test]
fn what_pages_load_is_kept_by_browsers() {
    let exporter = Exporter::start("");
    let page = exporter.get_text("GET /targets/nobody");
    for (name, kind) in [
        ("status.css", "text/css; charset=utf-8"),
        ("status.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let (_, behind) = page.split_once(&format!("\"../assets/{name}?v=")).unwrap();
        let digest = behind.split('"').next().unwrap();
        let current = format!("GET /assets/{name}?v={digest}");
        let answer = exporter.get_text(&current);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for header in [
            format!("content-type: {kind}\r\n"),
            format!("etag: \"{digest}\"\r\n"),
            "cache-control: public, max-age=31536000, immutable\r\n".to_owned(),
            "x-content-type-options: nosniff\r\n".to_owned(),
        ] {
            assert!(answer.contains(&header), "{header} in {answer}");
        }
        for query in ["", "?v=", "?v=0123456789abcdef"] {
            let answer = exporter.get_text(&format!("GET /assets/{name}{query}"));
            assert!(answer.contains("cache-control: no-cache\r\n"), "{answer}");
        }
        for (tags, status) in [
            (format!("\"{digest}\""), "304"),
            (format!("\"x\", W/\"{digest}\""), "304"),
            ("*".to_owned(), "304"),
            ("\"x\"".to_owned(), "200"),
            (digest.to_owned(), "200"),
        ] {
            let answer = exporter.get(&current, &format!("If-None-Match: {tags}\r\n"));
            let answer = String::from_utf8(answer).unwrap();
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{tags}: {answer}"
            );
        }
    }
}

#[test]
fn the_dashboards_are_linked_and_are_the_files_that_grafana_loads() {
    let exporter = Exporter::start("");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = std::fs::read_to_string(root.join(".dockerignore")).unwrap();
    assert!(ignored.lines().any(|line| line == "!dashboards"));
    for (page, base) in [("/", "./"), ("/targets/nobody", "../")] {
        let page = exporter.get_text(&format!("GET {page}"));
        let links: Vec<&str> = page.split("<a href=\"").skip(1).collect();
        let mut n_linked = 0;
        for link in links {
            let Some(path) = link.strip_prefix(&format!("{base}assets/dashboards/")) else {
                continue;
            };
            n_linked += 1;
            let path = path.split('"').next().unwrap();
            let name = path.split('?').next().unwrap();
            assert!(link.contains(&format!("download=\"{name}\"")), "{link}");
            let answer = exporter.get_text(&format!("GET /assets/dashboards/{path}"));
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            assert!(head.contains("content-type: application/json"), "{head}");
            assert!(head.contains("immutable"), "{head}");
            let file = std::fs::read_to_string(root.join("dashboards").join(name)).unwrap();
            assert_eq!(body, file);
        }
        assert_eq!(n_linked, 3, "{page}");
    }
}

#[test]
fn every_name_has_a_page_that_finds_its_way_back() {
    // As YAML has them in double quotes, and the path of the page with the way back.
    let cases = [
        ("plain", "plain", "../"),
        ("http://h/a?b", "http%3A%2F%2Fh%2Fa%3Fb", "../"),
        // Some proxies undo what escapes a slash.
        ("http://h/a?b", "http://h/a%3Fb", "../../../../"),
        ("a%2Fb", "a%252Fb", "../"),
        ("l1\\nl2\\0", "l1%0Al2%00", "../"),
        ("..", "?name=..", "../"),
        ("{*name}", "%7B%2Aname%7D", "../"),
    ];
    let mut config = "targets:\n".to_owned();
    for (index, (name, ..)) in cases.iter().enumerate() {
        if index != 2 {
            config +=
                &format!("- {{name: \"{name}\", url: 'http://127.0.0.1:1/', interval: 1h}}\n");
        }
    }
    let exporter = Exporter::start(&config);
    let overview = exporter.get_text("GET /");
    for (index, (name, path, back)) in cases.into_iter().enumerate() {
        let page = exporter.get_text(&format!("GET /targets/{path}"));
        assert!(page.starts_with("HTTP/1.1 200"), "{name}: {page}");
        assert!(
            page.contains(&format!("<a href=\"{back}\">Targets</a>")),
            "{page}"
        );
        let is_linked = overview.contains(&format!("<a href=\"./targets/{path}\">"));
        assert_eq!(is_linked, index != 2, "{name}");
    }
}

#[test]
fn metrics_may_stand_in_place_of_the_page() {
    let arguments = ["--web.telemetry-path=/"];
    let target = "targets: [{name: a, url: 'http://127.0.0.1:1/', interval: 1h}]";
    let exporter = Exporter::start_with(target, &arguments);
    assert!(exporter.get_text("GET /").contains("# HELP"));
    let page = exporter.get_text("GET /targets/a");
    assert!(page.contains("<a href=\"../\">Metrics</a>"), "{page}");
    for path in ["/assets/x", "/targets/x", "/targets/"] {
        let output = program()
            .arg(format!("--web.telemetry-path={path}"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{path}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("/assets/ and /targets/ are taken"), "{said}");
    }
}

#[test]
fn five_thousand_targets_make_a_small_page() {
    let targets = (0..5_000)
        .map(|n| format!("- {{name: t{n:04}, url: 'http://127.0.0.1:1/{n}', interval: 1h}}\n"));
    let exporter = Exporter::start(&format!("targets:\n{}", targets.collect::<String>()));
    let page = exporter.get_text("GET /?sort=name&page=50");
    assert!(page.len() < 300_000, "{}", page.len());
    assert_eq!(page.matches("data-target=").count(), 100);
    assert!(page.contains("data-target=\"t4999\"") && page.contains("Page 50 of 50"));
}
