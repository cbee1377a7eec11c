//! What Grafana needs to show a dashboard as it is meant: panels apart from each other, numbers that
//! are unique, links that lead somewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::dashboards::model::{self, Dashboard, list, text};

/// Columns of a dashboard.
const WIDTH: u64 = 24;
/// What a screen of 1080 lines shows of one below menus and variables, at 38 pixels a row.
const FIRST_SCREEN: u64 = 20;

struct Place {
    title: String,
    left: u64,
    right: u64,
    top: u64,
    bottom: u64,
}

fn place(panel: &Value) -> Place {
    let number = |key: &str| {
        let value = &panel["gridPos"][key];
        value.as_u64().unwrap_or_else(|| panic!("{key}: {panel}"))
    };
    Place {
        title: text(&panel["title"]).to_owned(),
        left: number("x"),
        right: number("x") + number("w"),
        top: number("y"),
        bottom: number("y") + number("h"),
    }
}

fn overlapping(dashboard: &Dashboard) -> Vec<String> {
    let places: Vec<Place> = dashboard.panels().into_iter().map(place).collect();
    let mut wrong = Vec::new();
    for (at, one) in places.iter().enumerate() {
        if one.right > WIDTH || one.right == one.left || one.bottom == one.top {
            wrong.push(format!("{} has no place", one.title));
        }
        for other in &places[at + 1..] {
            let beside = one.right <= other.left || other.right <= one.left;
            if !(beside || one.bottom <= other.top || other.bottom <= one.top) {
                wrong.push(format!("{} is on {}", one.title, other.title));
            }
        }
    }
    wrong
}

#[test]
fn panels_stand_side_by_side_with_numbers_of_their_own() {
    for mut dashboard in model::all() {
        assert_eq!(overlapping(&dashboard), [""; 0], "{}", dashboard.title());
        let panels = dashboard.panels();
        let ids: BTreeSet<u64> = panels.iter().filter_map(|it| it["id"].as_u64()).collect();
        assert_eq!(ids.len(), panels.len(), "{}", dashboard.title());
        for panel in panels {
            let letters = list(&panel["targets"]).iter().map(|it| text(&it["refId"]));
            let unique: BTreeSet<&str> = letters.clone().collect();
            assert_eq!(letters.count(), unique.len(), "{}", panel["title"]);
        }
        dashboard.json["panels"][1]["gridPos"]["x"] = 0.into();
        assert_eq!(overlapping(&dashboard).len(), 1, "an overlap is found");
    }
}

#[test]
fn what_flags_a_spike_is_on_the_first_screen() {
    let all = model::all();
    let overview = all
        .iter()
        .find(|it| it.json["uid"] == "httpcycle-overview")
        .unwrap();
    let kinds: BTreeSet<&str> = overview
        .panels()
        .into_iter()
        .filter(|panel| place(panel).bottom <= FIRST_SCREEN)
        .map(|panel| text(&panel["type"]))
        .collect();
    for kind in ["stat", "bargauge", "state-timeline", "timeseries", "table"] {
        assert!(kinds.contains(kind), "{kind} is not in {kinds:?}");
    }
}

#[test]
fn dashboards_are_found_by_uid_and_loaded_by_every_grafana_from_9_on() {
    for dashboard in model::all() {
        let json = &dashboard.json;
        let title = dashboard.title();
        assert!(text(&json["uid"]).len() <= 40, "{title}");
        for (key, wanted) in [
            ("schemaVersion", Value::from(36)),
            ("editable", false.into()),
            ("graphTooltip", 1.into()),
            ("tags", vec!["httpcycle"].into()),
            ("refresh", "30s".into()),
        ] {
            assert_eq!(json[key], wanted, "{title}: {key}");
        }
        for key in ["id", "__inputs", "__requires", "spec", "apiVersion"] {
            assert!(json.get(key).is_none(), "{title}: {key}");
        }
        // What later versions write, and earlier ones cannot read.
        let written = json.to_string();
        for later in ["cellOptions", "timeSeriesTable", "${DS_", "formatTime"] {
            assert!(!written.contains(later), "{title}: {later}");
        }
        for panel in dashboard.panels() {
            let legend = &panel["options"]["legend"];
            let shown = legend["showLegend"] == true || legend["show"] == true;
            assert!(legend.is_null() || shown, "{title}: {}", panel["title"]);
        }
    }
}

/// Every link in a piece of a dashboard.
fn links<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("targetBlank") {
                found.extend(fields.get("url").and_then(Value::as_str));
            }
            fields.values().for_each(|field| links(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| links(item, found)),
        _ => {}
    }
}

/// What is wrong with a link.
fn misled(url: &str, all: &[Dashboard]) -> Option<String> {
    let (uid, set) = url.strip_prefix("/d/")?.split_once('?')?;
    let Some(led_to) = all.iter().find(|it| it.json["uid"] == uid) else {
        return Some(format!("{uid} is no dashboard"));
    };
    let parts = set.split('&').filter(|part| *part != "${__url_time_range}");
    parts.into_iter().find_map(|part| {
        let given = part
            .strip_prefix("var-")
            .and_then(|it| it.split('=').next());
        let passed = || part.strip_prefix("${")?.strip_suffix(":queryparam}");
        let name = given.or_else(passed).unwrap_or(part);
        let is_there = led_to.variable(name).is_some();
        (!is_there).then(|| format!("{uid} has no variable {name}"))
    })
}

#[test]
fn links_lead_to_dashboards_and_set_variables_that_these_have() {
    let all = model::all();
    let mut n_links = 0;
    for dashboard in &all {
        let between = &dashboard.json["links"][0];
        assert_eq!(between["type"], "dashboards");
        assert_eq!(between["tags"], dashboard.json["tags"]);
        assert_eq!(between["includeVars"], true);
        assert_eq!(between["keepTime"], true);
        let mut urls = Vec::new();
        links(&dashboard.json, &mut urls);
        for url in urls.into_iter().filter(|url| !url.is_empty()) {
            n_links += 1;
            assert!(url.starts_with("/d/"), "{url}");
            assert_eq!(misled(url, &all), None, "{url}");
        }
    }
    assert!(n_links > 5);
    for wrong in [
        "/d/httpcycle?var-job=a",
        "/d/httpcycle-target?var-instance=a",
    ] {
        assert!(misled(wrong, &all).is_some(), "{wrong}");
    }
}
