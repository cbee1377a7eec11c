//! The demo as the README's first command starts it.

use crate::browser::run;
use crate::browser::world::url;
use crate::support::exporter::Exporter;

#[test]
fn the_first_minutes_show_waterfalls_and_then_a_storm() {
    if !run::is_possible() {
        return;
    }
    // The file is read by nobody, the port is free, and the log tells which.
    let demo = Exporter::start_with("no configuration", &["demo", "--log.level=info"]);
    run::scenario("demo", &url(&demo), &["calm"], run::nothing);
    let is_storm = || {
        let page = demo.get_text("GET /?state=conflict");
        page.contains("data-state=\"conflict\"")
    };
    run::scenario_when(is_storm, "demo", &url(&demo), &["storm"]);
    let stale = "httpcycle_conflicts_total{target=\"save-order\",team=\"fulfilment\",\
                 expected=\"false\",reason=\"stale_version\"";
    demo.wait_for(stale, |value| value > Some(0.0));
}
