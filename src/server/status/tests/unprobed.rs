//! Targets that the exporter does not get to probe.

use std::time::Duration;

use crate::outcome::skip::SkipReason;
use crate::server::status::tests::overview;
use crate::server::status::tests::page_of;
use crate::server::status::tests::probe;
use crate::server::status::tests::values;
use crate::server::status::tests::world;

#[test]
fn what_is_not_probed_any_more_is_in_trouble() {
    let histories = world(20);
    let skip = |name: &str, reason| histories.of(name).unwrap().skip(reason);
    // Late now and then is no trouble.
    skip("alpha", SkipReason::Overload);
    skip("alpha", SkipReason::Overload);
    assert_eq!(
        values(&overview(&histories, "state=skipped"), "data-target").len(),
        0
    );
    skip("alpha", SkipReason::Overload);
    skip("beta", SkipReason::FdLimit);
    skip("epsilon", SkipReason::NoRoute);
    for (query, expected) in [
        ("", "delta gamma alpha beta epsilon"),
        ("state=trouble&sort=name", "alpha beta delta epsilon gamma"),
        ("state=skipped", "alpha beta epsilon"),
        ("state=conflict", ""),
        ("state=ok", ""),
        ("state=waiting", ""),
    ] {
        let page = overview(&histories, query);
        assert_eq!(values(&page, "data-target").join(" "), expected, "{query}");
    }
    let page = overview(&histories, "");
    for text in [
        ">5 targets: 0 ok, 2 failing, 3 not probed</p>",
        "<title>(5) httpcycle_exporter</title>",
        "data-target=\"beta\" data-state=\"skipped\"",
        "<option value=\"skipped\">not probed</option>",
        "<span class=\"why\">skipped: fd_limit</span> <span class=\"since\">last probe: 2 s ago</span>\
         <span class=\"sentence\">The process may not open another file; see ulimit -n.</span>",
        "<span class=\"why\">skipped: no_route</span> <span class=\"since\">last probe: never</span>",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let page = page_of(&histories, "beta");
    let told = "The process may not open another file; see ulimit -n.<span class=\"of\">skipped: \
                fd_limit, last probe: 2 s ago</span>";
    assert!(page.contains(told), "{page}");
    // One probe that ends, and it is as before.
    let history = histories.of("beta").unwrap();
    history.record(&probe(0, 20, Some(200)), Duration::ZERO);
    let page = overview(&histories, "state=ok");
    assert_eq!(values(&page, "data-target"), ["beta"]);
    assert!(!page.contains("skipped: fd_limit"));
}
