//! `--web.external-url`: every page is below its path, and who asks elsewhere is led there.

use url::{Position, Url};

use crate::support::exporter::{Exporter, program};
use crate::support::surroundings::wait_until;

const PAGES: [&str; 6] = [
    "/",
    "/metrics",
    "/config",
    "/-/healthy",
    "/-/ready",
    "/api/v1/targets",
];

/// The status of an answer and where it leads.
fn answer(exporter: &Exporter, request_line: &str) -> (u16, Option<String>) {
    let answer = exporter.get_text(request_line);
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let location = head
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, location.map(str::to_owned))
}

#[test]
fn every_page_is_below_the_path_of_the_external_url() {
    let config = "targets: [{name: a b, url: 'http://127.0.0.1:1/'}]";
    for (flags, prefix) in [
        (&["--web.external-url=https://host.test/a/b/"][..], "/a/b"),
        (&["--web.external-url=/a"], "/a"),
        (&["--web.external-url=https://host.test"], ""),
        (&[], ""),
    ] {
        let exporter = Exporter::start_with(config, flags);
        let ready = || answer(&exporter, &format!("GET {prefix}/-/ready")).0 == 200;
        wait_until("it is ready", ready);
        for page in PAGES {
            let asked = answer(&exporter, &format!("GET {prefix}{page}"));
            assert_eq!(asked, (200, None), "{flags:?} {page}");
            if !prefix.is_empty() && page != "/" {
                assert_eq!(answer(&exporter, &format!("GET {page}")).0, 404, "{page}");
            }
        }
        let one = format!("GET {prefix}/api/v1/targets/a%20b");
        assert_eq!(answer(&exporter, &one), (200, None));
        let wrong_method = format!("DELETE {prefix}/-/healthy");
        assert_eq!(answer(&exporter, &wrong_method).0, 405);
        assert_eq!(answer(&exporter, &format!("GET {prefix}/nothing")).0, 404);
        if !prefix.is_empty() {
            let home = Some(format!("{prefix}/"));
            assert_eq!(answer(&exporter, "GET /"), (302, home.clone()));
            assert_eq!(answer(&exporter, &format!("GET {prefix}")), (302, home));
        }
        // With the same flags the health check asks the page that is there.
        let listen = format!("--web.listen-address={}", exporter.address);
        let mut healthcheck = program();
        let healthcheck = healthcheck.arg("healthcheck").arg(&listen).args(flags);
        assert!(healthcheck.status().unwrap().success(), "{flags:?}");
    }
}

#[test]
fn metrics_may_be_the_home_page_below_a_prefix() {
    let flags = ["--web.external-url=/a", "--web.telemetry-path=/"];
    let exporter = Exporter::start_with("", &flags);
    let page = exporter.get_text("GET /a/");
    assert!(page.contains("\nhttpcycle_exporter_build_info{"), "{page}");
    assert_eq!(answer(&exporter, "GET /"), (302, Some("/a/".to_owned())));
}

#[test]
fn a_health_check_without_the_prefix_finds_nobody() {
    let exporter = Exporter::start_with("", &["--web.external-url=/a"]);
    let listen = format!("--web.listen-address={}", exporter.address);
    let output = program().args(["healthcheck", &listen]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_external_url_without_a_path_to_use_is_bad_usage() {
    for (url, said) in [
        ("ftp://host.test/a", "its scheme is not http or https"),
        ("\"http://host.test/a\"", "quotes"),
        ("http://host.test/{a}", "its path must have letters, digits"),
        ("http://host.test/a?b", "a query"),
        ("http://u:canary@host.test/", "a user or a password"),
        ("http://u:canary@host:x/", "invalid port"),
    ] {
        let flag = format!("--web.external-url={url}");
        let output = program().args([&flag, "--config.check"]).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}: {text}");
        assert!(text.contains(said), "{url}: {text}");
        assert!(text.contains("--web.external-url"), "{url}: {text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

/// Where the links of a page lead within the exporter.
fn links(html: &str, page: &Url) -> Vec<Url> {
    let values = html.split(char::is_whitespace).filter_map(|word| {
        let value = word
            .strip_prefix("href=\"")
            .or_else(|| word.strip_prefix("src=\""))?;
        value.split('"').next()
    });
    let links = values.map(|link| page.join(&link.replace("&amp;", "&")).unwrap());
    links
        .filter(|link| link.origin() == page.origin())
        .collect()
}

/// Links are relative, so that they hold below whatever path the pages have.
#[test]
fn links_of_pages_hold_below_a_prefix() {
    let config = "targets: [{name: a/b, url: 'http://127.0.0.1:1/'}]";
    let exporter = Exporter::start_with(config, &["--web.external-url=/below/here"]);
    let ready = || answer(&exporter, "GET /below/here/-/ready").0 == 200;
    wait_until("it is ready", ready);
    let get = |page: &Url| exporter.get_text(&format!("GET {}", &page[Position::BeforePath..]));
    let home = Url::parse("http://exporter.test/below/here/").unwrap();
    let mut seen = links(&get(&home), &home);
    let of_target = seen.iter().find(|link| link.path().contains("/targets/a"));
    let of_target = of_target.unwrap().clone();
    seen.extend(links(&get(&of_target), &of_target));
    assert!(seen.len() > 6, "{seen:?}");
    for mut link in seen {
        link.set_fragment(None);
        assert!(link.path().starts_with("/below/here/"), "{link}");
        assert!(get(&link).starts_with("HTTP/1.1 200"), "{link}");
    }
}
