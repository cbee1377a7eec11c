//! Every metric and every label that dashboards and rules name is one that there is.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::dashboards::documents;
use crate::dashboards::model::{self, Query};
use crate::dashboards::promql::{self, Names};
use crate::dashboards::rules::{self, Rule};
use crate::dashboards::world::{self, World};

/// What Prometheus itself adds to what it scrapes, and of alerts.
const OF_PROMETHEUS: [&str; 3] = ["up", "scrape_duration_seconds", "ALERTS"];
const LABELS_OF_PROMETHEUS: [&str; 5] = ["job", "instance", "alertname", "alertstate", "severity"];
/// What those who run Prometheus add, as the rules and the exporter's users have it.
const LABELS_OF_OTHERS: [&str; 3] = ["cluster", "namespace", "pod"];

/// The metrics that there are, each with its labels; recorded ones may have any.
struct Catalogue {
    exposed: BTreeMap<String, BTreeSet<String>>,
    recorded: BTreeSet<String>,
    /// Labels that rules set.
    set: BTreeSet<String>,
}

fn catalogue(world: &World, rules: &[Rule]) -> Catalogue {
    let mut exposed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let page = world.exporter.get_text("GET /metrics");
    let samples = page
        .lines()
        .filter(|line| line.starts_with("httpcycle_") || line.starts_with("process_"));
    for sample in samples {
        let mut named = promql::names(sample).selectors;
        let labels = named[0].matchers.drain(..).map(|(label, ..)| label);
        let labels: Vec<String> = labels.collect();
        let metric = std::mem::take(&mut named[0].metric);
        exposed.entry(metric).or_default().extend(labels);
    }
    Catalogue {
        exposed,
        recorded: rules
            .iter()
            .filter_map(|rule| rule.records.clone())
            .collect(),
        set: rules.iter().flat_map(|rule| rule.sets.clone()).collect(),
    }
}

impl Catalogue {
    /// What a query names and there is not.
    fn missing(&self, query: &Query) -> Vec<String> {
        let Names { selectors, labels } = promql::names(&query.expr);
        let everywhere = |label: &str| {
            LABELS_OF_PROMETHEUS.contains(&label)
                || LABELS_OF_OTHERS.contains(&label)
                || self.set.contains(label)
        };
        let somewhere = |label: &str| {
            everywhere(label) || self.exposed.values().any(|labels| labels.contains(label))
        };
        let mut missing: Vec<String> = labels.into_iter().filter(|it| !somewhere(it)).collect();
        for selector in selectors {
            let exposed = self.exposed.get(&selector.metric);
            let of_others = OF_PROMETHEUS.contains(&selector.metric.as_str())
                || self.recorded.contains(&selector.metric);
            if exposed.is_none() && !of_others {
                missing.push(selector.metric);
                continue;
            }
            for (label, ..) in selector.matchers {
                let has = match exposed {
                    Some(labels) => labels.contains(&label) || everywhere(&label),
                    None => somewhere(&label),
                };
                if !has {
                    missing.push(format!("{}{{{label}}}", selector.metric));
                }
            }
        }
        missing
    }
}

/// Every query of dashboards, rules and documents.
fn queries(rules: &[Rule]) -> Vec<Query> {
    let mut queries: Vec<Query> = rules.iter().map(|rule| rule.query.clone()).collect();
    queries.extend(documents::queries());
    for dashboard in model::all() {
        queries.extend(dashboard.queries());
        queries.extend(dashboard.annotations());
        for (query, label) in dashboard.label_values() {
            let grouped = format!("group by ({label}) ({})", query.expr);
            queries.push(Query {
                expr: grouped,
                ..query
            });
        }
    }
    queries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_dashboards_and_rules_name_is_there() {
    let rules = rules::all();
    let queries = queries(&rules);
    assert!(queries.iter().all(|query| !query.expr.trim().is_empty()));
    assert!(rules.iter().any(|rule| rule.records.is_some()));
    let world = world::start().await;
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        // Some series come with the first event of their kind.
        let catalogue = catalogue(&world, &rules);
        let mut wrong = Vec::new();
        for query in &queries {
            let missing = catalogue.missing(query).into_iter();
            wrong.extend(missing.map(|name| format!("{}: {name}", query.place)));
        }
        if wrong.is_empty() {
            return breaches_are_found(&catalogue);
        }
        assert!(Instant::now() < deadline, "{}", wrong.join("\n"));
        thread::sleep(Duration::from_millis(200));
    }
}

fn breaches_are_found(catalogue: &Catalogue) {
    for expr in [
        "rate(httpcycle_probes[5m])",
        "httpcycle_targets{target=\"a\"}",
        "sum by (team, tier) (up)",
        "target:httpcycle_conflicts:score",
    ] {
        let query = Query {
            place: String::new(),
            expr: expr.to_owned(),
        };
        assert_eq!(catalogue.missing(&query).len(), 1, "{expr}");
    }
}
