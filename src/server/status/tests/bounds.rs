//! A page is bounded, whatever there is, and looked for once.

use std::sync::Arc;
use std::time::Duration;

use askama::Template as _;
use tokio::time::advance;

use crate::history::store::Histories;
use crate::server::probe::results::RecentProbes;
use crate::server::probe::results::RequestedProbe;
use crate::server::status::links::Frame;
use crate::server::status::overview::OverviewPage;
use crate::server::status::overview::Overviews;
use crate::server::status::query::Query;
use crate::server::status::tests::now;
use crate::server::status::tests::overview;
use crate::server::status::tests::page_of;
use crate::server::status::tests::probe;
use crate::server::status::tests::target;
use crate::server::status::tests::values;
use crate::server::status::tests::world;

#[test]
fn many_targets_come_a_page_at_a_time() {
    let histories = Histories::new(20);
    let targets: Vec<_> = (0..5_000)
        .map(|n| {
            target(
                &format!("target-{n:04}"),
                "http://shop.example/orders",
                "shop",
            )
        })
        .collect();
    histories.reconcile(&targets);
    for target in &targets {
        let history = histories.of(&target.name).unwrap();
        for _ in 0..20 {
            history.record(&probe(1, 20, Some(409)), Duration::ZERO);
        }
    }
    for (query, first, n_rows, place) in [
        ("", "target-0000", 100, "Page 1 of 50, 5000 targets"),
        ("page=50", "target-4900", 100, "Page 50 of 50"),
        ("q=-49&page=9", "target-4900", 100, "data-target"),
        ("q=9", "target-0009", 100, "Page 1 of 14, 1355 targets"),
        ("q=9&page=14", "target-4945", 55, "Page 14 of 14"),
    ] {
        let page = overview(&histories, query);
        assert!(page.len() < 300_000, "{} bytes", page.len());
        let rows = values(&page, "data-target");
        assert_eq!((rows[0], rows.len()), (first, n_rows), "{query}");
        assert!(page.contains(place), "{query}");
    }
    let page = overview(&histories, "sort=name&page=2");
    assert_eq!(values(&page, "rel=\"prev\" href"), ["?sort=name"]);
    assert_eq!(
        values(&page, "rel=\"next\" href"),
        ["?sort=name&#38;page=3"]
    );
}

#[tokio::test(start_paused = true)]
async fn all_viewers_of_a_second_share_one_look() {
    let (histories, overviews) = (world(20), Overviews::default());
    let latest = || overviews.latest(&histories.current(), now());
    let first = latest();
    assert!(Arc::ptr_eq(&first, &latest()));
    advance(Duration::from_millis(999)).await;
    assert!(Arc::ptr_eq(&first, &latest()));
    advance(Duration::from_millis(1)).await;
    assert!(!Arc::ptr_eq(&first, &latest()));
    // A reload shows at once, and what it removes is held by nobody.
    let gone = Arc::downgrade(&histories.of("alpha").unwrap());
    histories.reconcile(&[target("zeta", "http://h/", "")]);
    assert!(gone.upgrade().is_none());
    let later = latest();
    let names: Vec<&str> = later.targets().map(|(_, text, _)| text).collect();
    assert_eq!(names, ["zeta\nhttp://h/\nhttp_2xx\nteam="]);
}

#[test]
fn a_target_shows_the_newest_of_its_probes() {
    let histories = world(10_000);
    let history = histories.of("alpha").unwrap();
    for _ in 0..300 {
        history.record(&probe(1, 20, Some(409)), Duration::ZERO);
    }
    let page = page_of(&histories, "alpha");
    let probes = values(&page, "data-probe");
    assert_eq!((probes.len(), probes[0], probes[99]), (100, "301", "202"));
    for text in [
        ">The newest 100 of 302 that are kept.</p>",
        "<a href=\"../api/v1/targets/alpha\">All 302 probes as JSON</a>",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page_of(&histories, "beta").contains("The newest"));
}

#[test]
fn probes_on_request_say_how_many_are_not_shown() {
    for (n_kept, expected) in [(2, false), (3, true)] {
        let newest = (0..2).map(|id| RequestedProbe {
            id,
            module: "m".to_owned(),
            target: "http://h/<i>".to_owned(),
            is_success: id == 0,
        });
        let requested = RecentProbes {
            newest: newest.collect(),
            n_kept,
        };
        let (frame, query) = (Frame::new("./", "/metrics"), Query::default());
        let histories: Arc<[_]> = Arc::new([]);
        let overview = Overviews::default().latest(&histories, now());
        let page = OverviewPage::new(frame, &histories, &overview, query, Some(requested), now());
        let page = page.render().unwrap();
        let told = page.contains(": the newest 2 of 3 that are kept.</p>");
        assert_eq!(told, expected, "{page}");
        assert!(page.contains("<td class=\"asked\"><bdi>http://h/&#60;i&#62;</bdi></td>"));
    }
}
