//! The rules of Grafana's dashboard-linter, which is a program in Go, by the names that it gives them.
//!
//! `dashboards/.lint` has the exceptions with their reasons; it is the file that the linter reads too.

mod queries;
mod variables;
mod visible;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::dashboards::model::{self, Dashboard, list, shipped, text};

/// A breach of a rule: the title of the panel, if it is one's, and what is wrong.
type Breach = (String, String);

/// A rule by its name, and what finds the breaches of it in a dashboard.
type Rule = (&'static str, fn(&Dashboard) -> Vec<Breach>);

/// All but those about other kinds of databases.
const RULES: [Rule; 15] = [
    ("template-datasource-rule", variables::datasource),
    ("template-job-rule", variables::job),
    ("template-instance-rule", variables::instance),
    ("template-label-promql-rule", variables::label_promql),
    ("template-on-time-change-reload-rule", variables::reload),
    ("panel-datasource-rule", visible::source),
    ("panel-title-description-rule", visible::title),
    ("panel-units-rule", visible::units),
    ("panel-no-targets-rule", visible::no_targets),
    ("target-promql-rule", queries::promql),
    ("target-rate-interval-rule", queries::rate_interval),
    ("target-job-rule", queries::job),
    ("target-instance-rule", queries::instance),
    ("target-counter-agg-rule", queries::counter),
    ("uneditable-dashboard", variables::editable),
];

/// The entries under which a breach is excused.
fn excuses(exceptions: &Value, rule: &str, dashboard: &str, panel: &str) -> Vec<String> {
    let entries = list(&exceptions["exclusions"][rule]["entries"]);
    let fits = |wanted: &Value, actual: &str| wanted.is_null() || wanted == actual;
    entries
        .iter()
        .filter(|entry| fits(&entry["dashboard"], dashboard) && fits(&entry["panel"], panel))
        .map(|entry| format!("{rule}: {entry}"))
        .collect()
}

#[test]
fn the_linter_finds_nothing_but_what_is_excused() {
    let file = fs::read_to_string(shipped("dashboards/.lint")).unwrap();
    let exceptions: Value = serde_json::from_str(&file).unwrap();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for dashboard in model::all() {
        for (rule, breaches) in RULES {
            for (panel, what) in breaches(&dashboard) {
                let excuses = excuses(&exceptions, rule, dashboard.title(), &panel);
                if excuses.is_empty() {
                    wrong.push(format!("{rule}: {} / {panel}: {what}", dashboard.title()));
                }
                used.extend(excuses);
            }
        }
    }
    assert_eq!(wrong, [""; 0], "{}", wrong.join("\n"));
    for (rule, exception) in exceptions["exclusions"].as_object().unwrap() {
        assert!(
            !text(&exception["reason"]).is_empty(),
            "{rule} has a reason"
        );
        for entry in list(&exception["entries"]) {
            let entry = format!("{rule}: {entry}");
            assert!(used.contains(&entry), "{entry} excuses nothing");
        }
    }
}

/// A query that breaks a rule, put in the place of the first one.
const BAD_QUERIES: [(&str, &str); 6] = [
    ("target-promql-rule", "sum(("),
    (
        "target-rate-interval-rule",
        r#"rate(a{job=~"$job",instance=~"$instance"}[5m])"#,
    ),
    ("target-job-rule", r#"a{job="x"}"#),
    ("target-instance-rule", "a"),
    ("target-counter-agg-rule", "sum(httpcycle_probes_total)"),
    (
        "target-counter-agg-rule",
        "max_over_time(httpcycle_probes_total[$__rate_interval])",
    ),
];

/// A change that breaks a rule: its place in the dashboard of exporters, and what is put there.
const BAD_VALUES: [(&str, &str, &str); 14] = [
    ("uneditable-dashboard", "/editable", "true"),
    (
        "template-datasource-rule",
        "/templating/list/0/name",
        r#""source""#,
    ),
    (
        "template-datasource-rule",
        "/templating/list/0/label",
        r#""Source""#,
    ),
    ("template-job-rule", "/templating/list/1/multi", "false"),
    ("template-job-rule", "/templating/list/1/label", r#""Jobs""#),
    (
        "template-job-rule",
        "/templating/list/1/datasource",
        r#"{"uid": "prometheus"}"#,
    ),
    (
        "template-instance-rule",
        "/templating/list/2/allValue",
        r#"".*""#,
    ),
    (
        "template-label-promql-rule",
        "/templating/list/1/query/query",
        r#""values(a, job)""#,
    ),
    (
        "template-on-time-change-reload-rule",
        "/templating/list/1/refresh",
        "1",
    ),
    (
        "panel-datasource-rule",
        "/panels/8/datasource/uid",
        r#""prometheus""#,
    ),
    (
        "panel-title-description-rule",
        "/panels/0/description",
        r#""""#,
    ),
    (
        "panel-units-rule",
        "/panels/0/fieldConfig/defaults/unit",
        r#""parsecs""#,
    ),
    (
        "panel-units-rule",
        "/panels/0/fieldConfig/defaults/unit",
        "null",
    ),
    ("panel-no-targets-rule", "/panels/0/targets", "null"),
];

#[test]
fn breaches_are_found() {
    let exporters = || {
        let found = model::all().into_iter();
        let mut found = found.filter(|it| it.json["uid"] == "httpcycle-exporter");
        found.next().unwrap()
    };
    let found = |rule: &str, dashboard: &Dashboard| {
        let (_, breaches) = RULES.iter().find(|(name, _)| *name == rule).unwrap();
        !breaches(dashboard).is_empty()
    };
    for (rule, expr) in BAD_QUERIES {
        let mut dashboard = exporters();
        assert!(!found(rule, &dashboard), "{rule} holds before");
        dashboard.json["panels"][0]["targets"][0]["expr"] = expr.into();
        let unheard = rule == "target-promql-rule" && !queries::is_promtool_installed();
        assert!(unheard || found(rule, &dashboard), "{rule}: {expr}");
    }
    for (rule, place, value) in BAD_VALUES {
        let mut dashboard = exporters();
        assert!(!found(rule, &dashboard), "{rule} holds before");
        *dashboard.json.pointer_mut(place).unwrap() = serde_json::from_str(value).unwrap();
        assert!(found(rule, &dashboard), "{rule}: {place} {value}");
    }
}
