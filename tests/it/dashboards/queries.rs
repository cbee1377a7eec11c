//! Every query of every dashboard and document returns data in a real Prometheus that scrapes the
//! exporter and follows the rules that are shipped.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::dashboards::documents;
use crate::dashboards::model::{self, Query, list, text};
use crate::dashboards::rules;
use crate::dashboards::variables::{Choice, filled, without_rules};
use crate::dashboards::world::{self, TARGETS};
use crate::support::prometheus::{self, Prometheus};

const PATIENCE: Duration = Duration::from_secs(60);

/// The values that a query returns for the last seconds, NaN left out.
fn values(prometheus: &Prometheus, expr: &str) -> Vec<f64> {
    assert!(!expr.contains('$'), "a variable is left in {expr}");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_secs();
    let (start, end) = ((now - 10).to_string(), now.to_string());
    let parameters = [
        ("query", expr),
        ("start", &start),
        ("end", &end),
        ("step", "1"),
    ];
    let Some(data) = prometheus.ask("query_range", &parameters) else {
        return Vec::new();
    };
    let points = list(&data["result"])
        .iter()
        .flat_map(|it| list(&it["values"]));
    let values = points.map(|point| text(&point[1]).parse::<f64>().unwrap());
    values.filter(|value| !value.is_nan()).collect()
}

/// Whether a query has data whatever is chosen. Not every target has all phases, so one will do.
fn has_data(prometheus: &Prometheus, expr: &str) -> bool {
    let has = |choice| !values(prometheus, &filled(expr, choice)).is_empty();
    has(Choice::All) && has(Choice::Several) && TARGETS.iter().any(|it| has(Choice::One(it)))
}

/// The rules at the pace of the test: seconds instead of minutes, and no waiting; with an alert about
/// an exporter that always fires, as none about this one ought to.
fn quick_rules() -> Vec<(String, String)> {
    let quick = |text: &str| {
        let lines = text.lines().filter_map(|line| {
            let (key, _) = line.trim_start().split_once(": ").unwrap_or_default();
            match key {
                "interval" => Some("    interval: 1s".to_owned()),
                "for" => None,
                _ => Some(line.to_owned()),
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let about_exporters = "groups: [{name: test, rules: [{alert: HttpCycleTest, expr: \
                           'sum by (job, instance) (httpcycle_targets) > 0'}]}]";
    let mut rules = rules::files();
    rules.iter_mut().for_each(|(_, text)| *text = quick(text));
    rules.push(("test.yml".to_owned(), about_exporters.to_owned()));
    rules
}

/// Panels that flag what the target `clash` does, with the least that they have to show.
const FLAGS: [(&str, f64); 8] = [
    ("HTTP cycle overview / Spikes / A", 1.0),
    ("HTTP cycle overview / Conflicting / A", 1.0),
    ("HTTP cycle overview / Alerts / A", 1.0),
    ("HTTP cycle overview / Failing / A", 2.0),
    ("HTTP cycle overview / Probed / A", 5.0),
    ("HTTP cycle overview / Most unusual now / A", 4.0),
    ("HTTP cycle overview / Normal, unusual, spike / A", 2.0),
    (
        "HTTP cycle target / Conflict ratio and what is usual / A",
        1.0,
    ),
];

/// Repeats `wrong` until it finds nothing any more.
fn wait_until_right(mut wrong: impl FnMut() -> Vec<String>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = wrong();
        if found.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "no data:\n{}", found.join("\n"));
        thread::sleep(Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_returns_data() {
    if !prometheus::is_installed() {
        return;
    }
    let world = world::start().await;
    let prometheus = Prometheus::start(world.exporter.address, &quick_rules());
    let mut queries = Vec::new();
    for dashboard in model::all() {
        queries.extend(dashboard.queries());
        queries.extend(dashboard.annotations());
    }
    assert!(queries.len() > 80, "{} queries", queries.len());
    let (with_data, without) = documents::with_and_without_data();
    queries.extend(with_data);
    let all: BTreeMap<String, String> = queries
        .iter()
        .map(|query| (query.place.clone(), query.expr.clone()))
        .collect();

    // Those that have returned data are not asked again.
    wait_until_right(|| {
        queries.retain(|query| !has_data(&prometheus, &query.expr));
        queries.iter().map(|query| query.place.clone()).collect()
    });
    wait_until_right(|| {
        let too_low = FLAGS.iter().filter(|(place, least)| {
            let shown = values(&prometheus, &filled(&all[*place], Choice::All));
            !shown.iter().any(|value| value >= least)
        });
        too_low
            .map(|(place, least)| format!("{place} below {least}"))
            .collect()
    });
    states_are_one_a_target(
        &prometheus,
        &all["HTTP cycle overview / Normal, unusual, spike / A"],
    );
    variables_have_values(&prometheus);
    for Query { place, expr } in without {
        let said = prometheus.ask("query", &[("query", &expr)]);
        assert!(said.is_some(), "{place}: {expr}");
    }
    what_needs_rules_says_so(&prometheus);
}

/// Two rows of one target, or a target without one, would hide what the timeline is there to show.
fn states_are_one_a_target(prometheus: &Prometheus, expr: &str) {
    for (expr, of_clash) in [(expr.to_owned(), "2"), (without_rules(expr), "3")] {
        let said = prometheus.ask("query", &[("query", &filled(&expr, Choice::All))]);
        let said = said.unwrap();
        let mut states: Vec<(&str, &str)> = list(&said["result"])
            .iter()
            .map(|row| (text(&row["metric"]["target"]), text(&row["value"][1])))
            .collect();
        states.sort_unstable();
        let expected = [
            ("broken", "0"),
            ("calm", "0"),
            ("clash", of_clash),
            ("each", "0"),
            ("expected", "0"),
            ("secure", "0"),
        ];
        assert_eq!(states, expected);
    }
}

fn variables_have_values(prometheus: &Prometheus) {
    for dashboard in model::all() {
        for (Query { place, expr }, label) in dashboard.label_values() {
            for choice in [Choice::All, Choice::Several, Choice::One("calm")] {
                let selector = filled(&expr, choice);
                let path = format!("label/{label}/values");
                let said = prometheus.ask(&path, &[("match[]", &selector)]);
                let values = said.unwrap_or_default();
                assert!(!list(&values).is_empty(), "{place}: {choice:?}");
            }
        }
    }
}

/// A user who has not loaded the rules sees whatever can be seen without them, and is told of the rest.
fn what_needs_rules_says_so(prometheus: &Prometheus) {
    let mut n_without = 0;
    for dashboard in model::all() {
        for panel in dashboard.panels() {
            for target in list(&panel["targets"]) {
                let expr = without_rules(text(&target["expr"]));
                if expr == text(&target["expr"]) {
                    continue;
                }
                n_without += 1;
                let said = text(&panel["description"]).contains("the rules in alerts/");
                let place = format!("{} / {}", dashboard.title(), panel["title"]);
                assert!(
                    said || has_data(prometheus, &expr),
                    "{place} needs the rules"
                );
            }
        }
    }
    assert!(n_without > 5);
}
