//! `/config`: what runs, as a configuration that would run again.

use std::path::Path;

use httpcycle_exporter::config;
use httpcycle_exporter::config::Config;

use crate::support::exporter::Exporter;

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

/// The page, which must come as text.
fn page(exporter: &Exporter) -> String {
    let answer = exporter.get_text("GET /config");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = format!("{}\r\n", head.to_ascii_lowercase());
    assert!(answer.starts_with(HEAD), "{head}");
    for header in [
        "content-type: text/plain; charset=utf-8",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ] {
        assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
    }
    unchunked(body)
}

/// A body that came in chunks.
fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

/// What runs, without its secrets, which no `Debug` shows, and without the timeouts, which
/// may be written or not.
fn shown(config: &Config) -> String {
    let modules: Vec<_> = config.modules.values().collect();
    format!(
        "{modules:#?}\n{:#?}\n{:?}",
        config.targets, config.histogram_bounds
    )
}

fn loaded(folder: &Path, text: &str) -> Config {
    let config = config::parse("f.yml", folder, text, &|_| Ok(()));
    config.unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

#[test]
fn the_page_loads_as_what_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/good");
    let whole = std::fs::read_to_string(folder.join("complete.yml")).unwrap();
    // From there on paths are those of this machine; nothing is to be sent anywhere.
    let whole = whole.replace("../files", &folder.join("../files").display().to_string());
    let whole = whole.replace(
        "https://user:canary-password@api.example.com",
        "http://u:p@127.0.0.1:1",
    );
    let whole = whole
        .replace("[::1]:8080", "127.0.0.1:1")
        .replace("http://127.0.0.1/", "http://127.0.0.1:1/");
    let whole = whole.replace("resolver: \"::1\"", "resolver: \"127.0.0.1:1\"");
    for text in [&*whole, ""] {
        let exporter = Exporter::start(text);
        let page = page(&exporter);
        assert!(!page.contains("canary"), "{page}");
        let config = loaded(&folder, text);
        let again = loaded(&folder, &page);
        assert_eq!(shown(&again), shown(&config), "{page}");
        assert!(again.warnings.is_empty());
    }
}

#[test]
fn the_page_shows_what_runs_now() {
    let target =
        |name: &str| format!("targets: [{{name: {name}, url: 'http://u:p@127.0.0.1:1/?a=b&c'}}]\n");
    let exporter = Exporter::start(&target("before"));
    let before = page(&exporter);
    let shown = "  - name: \"before\"\n    url: \"http://<secret>:<secret>@127.0.0.1:1/?a=<secret>&<secret>\"\n    \
                 module: \"http_2xx\"\n    interval: 15000ms\n";
    assert!(before.contains(shown), "{before}");
    exporter.reload("targets: [");
    exporter.wait_for_log("not reloaded");
    assert_eq!(page(&exporter), before);
    exporter.reload(&target("after"));
    exporter.wait_for_log("configuration reloaded");
    assert_eq!(page(&exporter), before.replace("before", "after"));
}

#[test]
fn a_page_of_many_targets_comes_whole() {
    let targets = (0..3_000)
        .map(|n| format!("  - {{name: t{n}, url: 'http://127.0.0.1:1/', interval: 1h}}\n"));
    let exporter = Exporter::start(&format!("targets:\n{}", targets.collect::<String>()));
    let page = page(&exporter);
    assert!(page.len() > 200_000, "{}", page.len());
    assert_eq!(loaded(Path::new(""), &page).targets.len(), 3_000);
}

#[test]
fn the_page_is_linked_and_read_only() {
    let exporter = Exporter::start("");
    let landing = exporter.get_text("GET /");
    assert!(landing.contains("<a href=\"./config\">"), "{landing}");
    for method in ["POST", "PUT", "DELETE"] {
        let answer = exporter.get_text(&format!("{method} /config"));
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    }
}
