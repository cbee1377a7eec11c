mod bounds;
mod unprobed;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::history::store::Histories;
use crate::outcome::Conflict;
use crate::outcome::ConflictReason;
use crate::outcome::Endpoints;
use crate::outcome::Failure;
use crate::outcome::HttpVersion;
use crate::outcome::Outcome;
use crate::outcome::Response;
use crate::outcome::judgement::Judgement;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::timeline::Span;
use crate::outcome::timeline::Timeline;
use crate::server::status::links::Frame;
use crate::server::status::overview::OverviewPage;
use crate::server::status::overview::Overviews;
use crate::server::status::query::Query;
use crate::server::status::target::TargetPage;
use crate::target::Target;
use crate::target::address::TargetUrl;
use crate::target::labels::Labels;
use crate::target::module::Module;
use askama::Template;

const HOSTILE: &str = "</td><script>alert('x')</script><img src=x onerror=\"y\">&amp;\u{202e}ä";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn target(name: &str, url: &str, label: &str) -> Arc<Target> {
    let mut labels = Labels::default();
    labels.insert("team", label).unwrap();
    Arc::new(Target {
        name: name.to_owned(),
        url: TargetUrl::parse(url).unwrap(),
        module: Arc::new(Module::http_2xx()),
        interval: Duration::from_millis(2_500),
        timeout: Duration::from_secs(2),
        labels,
    })
}

/// A probe so many seconds ago that took so many milliseconds; without a code it was refused.
fn probe(seconds_ago: u64, milliseconds: u64, code: Option<u16>) -> Outcome {
    let mut timeline = Timeline::new();
    let end = Duration::from_millis(milliseconds);
    timeline.push(Span::new(Phase::Connect, Duration::ZERO, end / 2));
    timeline.finish(end);
    let is_conflict = code == Some(409);
    let reason = match code {
        Some(200) => None,
        Some(_) => Some(Reason::ValidateStatus),
        None => Some(Reason::ConnectRefused),
    };
    Outcome {
        started: now() - Duration::from_secs(seconds_ago),
        timeline,
        connection: Some(Endpoints {
            local: None,
            remote: SocketAddr::from(([127, 0, 0, 1], 80)),
        }),
        response: code.map(|code| Response {
            code,
            version: HttpVersion::Http11,
            conflict: is_conflict.then_some(Conflict {
                expected: false,
                reason: ConflictReason::Unspecified,
            }),
            body_bytes: 0,
            redirects: 0,
            is_redirect: false,
            left_origin: false,
            over_tls: false,
        }),
        cert_expiry: None,
        judgement: Judgement::default(),
        failure: reason.map(|reason| Failure {
            reason,
            detail: HOSTILE.to_owned(),
        }),
    }
}

/// Five targets, each in a state of its own.
fn world(limit: usize) -> Histories {
    let histories = Histories::new(limit);
    histories.reconcile(&[
        target("alpha", "http://h/one", "shop"),
        target("beta", "http://h/two?token=hunter2", "shop"),
        target("gamma", "https://other/", "search"),
        target("delta", "http://h/three", "Search"),
        target("epsilon", "http://h/four", "none"),
    ]);
    for (name, next, probes) in [
        ("alpha", 4, vec![probe(9, 5, None), probe(3, 20, Some(200))]),
        (
            "beta",
            1,
            vec![probe(8, 5, Some(200)), probe(2, 30, Some(409))],
        ),
        ("gamma", 3, vec![probe(1, 1, None)]),
        ("delta", 2, vec![probe(4, 10, Some(503))]),
    ] {
        let history = histories.of(name).unwrap();
        history.set_next_probe(now() + Duration::from_secs(next));
        for outcome in probes {
            history.record(&outcome, Duration::ZERO);
        }
    }
    histories
}

fn overview(histories: &Histories, query: &str) -> String {
    let histories = histories.current();
    let overview = Overviews::default().latest(&histories, now());
    let (frame, query) = (Frame::new("./", "/metrics"), Query::parse(query));
    let page = OverviewPage::new(frame, &histories, &overview, query, None, now());
    page.render().unwrap()
}

fn page_of(histories: &Histories, name: &str) -> String {
    let history = histories.of(name).unwrap();
    let frame = Frame::new("../", "/metrics");
    let page = TargetPage::new(frame, &history, 100, now());
    page.render().unwrap()
}

/// The rows of a page's table, without the legend, which has the shapes of all that could stand there.
fn rows_of(page: &str) -> &str {
    let (_, behind) = page.split_once("<tbody").unwrap();
    behind.split_once("</tbody>").unwrap().0
}

/// The values of an attribute, in order.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    let behind = page.split(&start).skip(1);
    behind
        .map(|value| value.split('"').next().unwrap())
        .collect()
}

#[test]
fn the_query_says_which_rows_are_shown_and_in_which_order() {
    let histories = world(20);
    for (query, expected) in [
        ("", "beta delta gamma epsilon alpha"),
        ("sort=state&order=desc", "alpha epsilon delta gamma beta"),
        ("sort=name", "alpha beta delta epsilon gamma"),
        ("sort=name&order=desc", "gamma epsilon delta beta alpha"),
        ("sort=code", "alpha beta delta epsilon gamma"),
        ("sort=code&order=desc", "delta beta alpha epsilon gamma"),
        ("sort=duration", "gamma delta alpha beta epsilon"),
        ("sort=duration&order=desc", "beta alpha delta gamma epsilon"),
        (
            "sort=conflicts&order=desc",
            "beta alpha delta epsilon gamma",
        ),
        ("sort=failure", "alpha delta beta gamma epsilon"),
        ("sort=failure&order=desc", "gamma beta delta alpha epsilon"),
        ("sort=next", "beta delta gamma alpha epsilon"),
        ("sort=next&order=desc", "alpha gamma delta beta epsilon"),
        ("state=trouble", "beta delta gamma"),
        ("state=conflict", "beta"),
        ("state=failure&sort=name&order=desc", "gamma delta"),
        ("state=ok", "alpha"),
        ("state=waiting", "epsilon"),
        // In the name, the URL without its secrets, the module, the labels, whatever the capitals.
        ("q=ALPHA", "alpha"),
        ("q=%2Ft&sort=name", "beta delta"),
        ("q=http_2xx+h%2F&sort=name", "alpha beta delta epsilon"),
        ("q=search&sort=name", "delta gamma"),
        ("q=team%3Dshop&sort=name", "alpha beta"),
        ("q=shop+one", "alpha"),
        ("q=shop+gamma", ""),
        ("q=hunter2", ""),
        // What makes no sense is as if it were not there.
        (
            "state=broken&sort=colour&order=up&page=x",
            "beta delta gamma epsilon alpha",
        ),
        ("page=0", "beta delta gamma epsilon alpha"),
        (
            "page=99999999999999999999999",
            "beta delta gamma epsilon alpha",
        ),
        ("page=7", "beta delta gamma epsilon alpha"),
        ("q=%FF%", ""),
        ("&&=&q&sort", "beta delta gamma epsilon alpha"),
    ] {
        let page = overview(&histories, query);
        assert_eq!(values(&page, "data-target").join(" "), expected, "{query}");
    }
}

#[test]
fn a_row_tells_what_was_found() {
    let page = overview(&world(20), "");
    for text in [
        "<p id=\"summary\">5 targets: 1 ok, 1 in conflict, 2 failing, 1 waiting</p>",
        "<title>(3) httpcycle_exporter</title>",
        "data-target=\"beta\" data-state=\"conflict\"",
        "<strong>409</strong>",
        "<strong>50 %</strong><span class=\"of\">1 of 2</span>",
        "http://h/two?token=xxxxx",
        "aria-label=\"connect 15 ms, in all 30 ms\"",
        "aria-label=\"the last 2 probes: 1 in conflict, 1 ok\"",
        "<span class=\"why\">connect: refused</span> <time datetime=\"2027-01-15T07:59:51.000Z\">9 s ago</time>\
         <span class=\"sentence\">The host answered that nobody listens.</span>",
        "<td role=\"cell\" class=\"next\">in 4 s</td>",
        "aria-label=\"no probe yet\"",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains("hunter2"));
}

#[test]
fn links_keep_what_else_was_asked_for() {
    let page = overview(
        &world(20),
        "q=a%26b&state=ok&sort=name&order=desc&page=3&x=y",
    );
    let links = values(&page, "data-sort=\"name\" href");
    assert_eq!(links, ["?q=a%26b&#38;state=ok&#38;sort=name"]);
    let links = values(&page, "data-sort=\"code\" href");
    assert_eq!(
        links,
        ["?q=a%26b&#38;state=ok&#38;sort=code&#38;order=desc"]
    );
    assert_eq!(
        values(&page, "aria-sort"),
        ["none", "descending", "none", "none", "none", "none", "none"]
    );
    assert!(page.contains("value=\"a&#38;b\""));
    assert!(page.contains("<option value=\"ok\" selected>"));
    assert!(page.contains("No target is as the filters want it."));
    for page in [overview(&world(20), ""), page_of(&world(20), "alpha")] {
        for link in values(&page, "href").iter().chain(&values(&page, "src")) {
            let is_relative = link.starts_with(['.', '?', '#']);
            assert!(is_relative && !link.contains("//"), "{link}");
        }
    }
}

#[test]
fn what_shows_without_a_history_is_shown() {
    let page = overview(&world(0), "");
    assert_eq!(
        values(&page, "data-state"),
        ["conflict", "failure", "failure", "waiting", "ok"]
    );
    assert!(page.contains("<strong>409</strong>") && page.contains("<strong>50 %</strong>"));
    let rows = rows_of(&page);
    assert!(rows.contains("class=\"probe-conflict\"") && rows.contains(">30 ms<"));
    assert!(!rows.contains("class=\"waterfall\""));
    let page = page_of(&world(0), "beta");
    assert!(page.contains("No probe is kept"), "{page}");
}

#[test]
fn hostile_text_stays_text() {
    let histories = Histories::new(20);
    histories.reconcile(&[target(HOSTILE, "http://h/<img%20src=x>", HOSTILE)]);
    let history = histories.of(HOSTILE).unwrap();
    history.record(&probe(1, 1, None), Duration::ZERO);
    let query: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for page in [
        overview(&histories, ""),
        overview(&histories, &format!("q={query}")),
        page_of(&histories, HOSTILE),
    ] {
        for raw in ["<img", "alert('x')", "onerror=\"", "</td><script>"] {
            assert!(!page.contains(raw), "{raw} in {page}");
        }
        assert_eq!(page.matches("<script ").count(), 1, "{page}");
        // Nothing that the policy would stop.
        for inline in [" style=", " onclick=", "<style"] {
            assert!(!page.contains(inline), "{inline} in {page}");
        }
        let shown = "<bdi>&#60;/td&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;";
        assert!(page.contains(shown), "{page}");
    }
    let page = overview(&histories, "");
    assert_eq!(page.matches("data-target=\"&#60;/td&#62;").count(), 1);
}

#[test]
fn a_target_tells_of_each_probe() {
    let page = page_of(&world(20), "beta");
    assert_eq!(values(&page, "data-probe"), ["1", "0"]);
    for text in [
        "<h1><bdi>beta</bdi></h1>",
        "<dd><bdi>http://h/two?token=xxxxx</bdi></dd>",
        "<dd>2.5 s</dd>",
        "<li><bdi>team</bdi>=<bdi>shop</bdi></li>",
        "50 %: 1 of 2 responses in five minutes",
        "<time datetime=\"2027-01-15T07:59:58.000Z\">2027-01-15 07:59:58.000</time>",
        "<span class=\"code\">409</span>",
        "reason: <bdi>unspecified</bdi>",
        "connect <b>15 ms</b>",
        "overhead <b>15 ms</b>",
        ">own clock</abbr>",
        "127.0.0.1:80",
        "<span class=\"why\">validate: status</span>",
        "../api/v1/targets/beta",
        "alert(&#39;x&#39;)",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains("hunter2") && !page.contains("certificate"));
    // What lies behind it is said once.
    assert_eq!(page.matches("Usually: ").count(), 1);
}

#[test]
fn a_certificate_tells_how_long_it_lasts() {
    const DAY: i64 = 86_400;
    for (seconds, words) in [
        (100 * DAY + 5, "\"certificate\">2027-04-25, 100 days left"),
        (
            DAY,
            "\"certificate\" class=\"close\">2027-01-16, 1 day left",
        ),
        (DAY - 1, " class=\"close\">2027-01-16, 0 days left"),
        (-3 * DAY, " class=\"close\">2027-01-12, expired 3 days ago"),
        (i64::MAX / 2, ">beyond any calendar, "),
    ] {
        let histories = world(20);
        let outcome = Outcome {
            cert_expiry: Some(1_800_000_000 + seconds),
            ..probe(1, 1, Some(200))
        };
        let history = histories.of("alpha").unwrap();
        history.record(&outcome, Duration::ZERO);
        let page = page_of(&histories, "alpha");
        assert!(page.contains(words), "{words} in {page}");
    }
}

#[test]
fn without_targets_the_page_says_what_to_do() {
    let page = overview(&Histories::new(20), "");
    assert!(page.contains("targets:\n  - name: orders\n"), "{page}");
    assert!(page.contains(">no targets</p>") && !page.contains("<table"));
}
