//! One scenario a test: what is probed, and what the script may ask for.

use serde_json::json;

use crate::browser::run;
use crate::browser::world::{self, World, url};
use crate::support::exporter::Exporter;
use crate::support::real_parts;

#[test]
fn what_changes_is_seen_without_a_reload() {
    if !run::is_possible() {
        return;
    }
    let mut world = World::start();
    world.exporter.wait_for(
        "httpcycle_responses_total{target=\"orders\",code=\"200\"",
        |value| value > Some(0.0),
    );
    let url = url(&world.exporter);
    run::scenario("focus", &url, &[], |words| world.orders.turn_to(words));
    run::scenario("live", &url, &[], |words| match words {
        "let probes pass" => world.let_probes_pass(),
        status => world.orders.turn_to(status),
    });
}

#[test]
fn the_table_is_filtered_searched_and_sorted() {
    if !run::is_possible() {
        return;
    }
    let mut world = World::start();
    world.conflict();
    run::scenario("table", &url(&world.exporter), &[], run::nothing);
    run::scenario("without_script", &url(&world.exporter), &[], run::nothing);
}

#[test]
fn the_page_of_a_target_shows_its_probes() {
    if !run::is_possible() {
        return;
    }
    let mut world = World::start();
    world.conflict();
    let address = world.orders.address.to_string();
    run::scenario("target", &url(&world.exporter), &[&address], run::nothing);
}

#[test]
fn pages_are_readable_in_any_light_and_size() {
    if !run::is_possible() {
        return;
    }
    let mut world = World::start();
    world.conflict();
    let pages = [
        "overview=/",
        "target=/targets/orders",
        "failure=/targets/nobody",
        "certificate=/targets/secure",
        "missing=/targets/missing",
        "nothing-found=/?q=nothing+has+this+name",
    ];
    run::scenario("looks", &url(&world.exporter), &pages, run::nothing);
}

#[test]
fn a_page_without_a_target_is_readable() {
    if !run::is_possible() {
        return;
    }
    let exporter = Exporter::start("");
    run::scenario("looks", &url(&exporter), &["empty=/"], run::nothing);
}

#[test]
fn probes_on_request_are_readable_however_long_their_targets() {
    if !run::is_possible() {
        return;
    }
    let modules = "modules: {a_module_with_a_name: {prober: http}}";
    let exporter = Exporter::start_with(modules, &["--web.enable-probe-endpoint"]);
    let long = "unbreakable".repeat(30);
    for target in [&long, "short"] {
        let target = format!("http://127.0.0.1:1/{target}");
        exporter.get_text(&format!(
            "GET /probe?module=a_module_with_a_name&target={target}"
        ));
    }
    let page = exporter.get_text("GET /");
    assert!(
        page.contains("Recent probes") && page.contains(&long),
        "{page}"
    );
    run::scenario("looks", &url(&exporter), &["requested=/"], run::nothing);
}

#[test]
fn names_and_labels_are_text_whatever_they_say() {
    if !run::is_possible() {
        return;
    }
    let hostile = world::hostile();
    let targets: Vec<_> = hostile
        .iter()
        .map(|text| {
            let labels = json!({"team": text, "note": text});
            json!({"name": text, "url": "http://127.0.0.1:1/", "interval": "1s", "labels": labels})
        })
        .collect();
    // JSON is YAML.
    let exporter = Exporter::start(&json!({"targets": targets}).to_string());
    let names = json!(hostile).to_string();
    run::scenario("hostile", &url(&exporter), &[&names], run::nothing);
}

#[test]
fn five_thousand_targets_hold_no_reader_up() {
    if !run::is_possible() {
        return;
    }
    let targets: Vec<_> = (0..5000)
        .map(|n| {
            let name = format!("target-{n:04}");
            let team = ["alpha", "beta", "gamma"][n % 3];
            let labels = json!({"team": team});
            json!({"name": name, "url": "http://127.0.0.1:1/", "interval": "20s", "labels": labels})
        })
        .collect();
    let exporter = Exporter::start(&json!({"targets": targets}).to_string());
    exporter.wait_for("httpcycle_targets", |value| value == Some(5000.0));
    run::scenario("many", &url(&exporter), &[], run::nothing);
}

#[test]
fn the_exporter_may_stop_and_come_back() {
    if !run::is_possible() {
        return;
    }
    let address = real_parts::free_address();
    let listen = format!("--web.listen-address={address}");
    let start = || {
        let config = world::steady("127.0.0.1:1");
        Some(Exporter::start_with(&config, &[&listen]))
    };
    let mut exporter = start();
    run::scenario("restart", &format!("http://{address}/"), &[], |words| {
        // The old one is gone before the new one comes.
        drop(exporter.take());
        if words == "start" {
            exporter = start();
        }
    });
}
