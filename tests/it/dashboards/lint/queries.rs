//! Rules about the queries of panels.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::dashboards::lint::Breach;
use crate::dashboards::model::Dashboard;
use crate::dashboards::promql::{self, Selector};
use crate::support::real_parts;

pub fn is_promtool_installed() -> bool {
    real_parts::is_installed("promtool", Command::new("promtool").arg("--version"))
}

/// promtool reads the queries as if they were rules, all of a dashboard at once.
pub fn promql(dashboard: &Dashboard) -> Vec<Breach> {
    if !is_promtool_installed() {
        return Vec::new();
    }
    let mut file = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, query) in dashboard.queries().into_iter().enumerate() {
        let expr = query.expr.replace("$__rate_interval", "1m");
        let quoted = serde_json::Value::from(expr.replace("$__range", "1h"));
        file.push_str(&format!("  - {{record: query{number}, expr: {quoted}}}\n"));
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rules.yml");
    fs::write(&path, file).unwrap();
    let said = Command::new("promtool")
        .args(["check", "rules"])
        .arg(&path)
        .output();
    let said = said.unwrap();
    let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
    let passed = said.status.success();
    (!passed)
        .then(|| (String::new(), complaint))
        .into_iter()
        .collect()
}

/// What `is_bad` of the series that panels ask for.
fn selectors(dashboard: &Dashboard, what: &str, is_bad: impl Fn(&Selector) -> bool) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for query in dashboard.queries() {
        for selector in promql::names(&query.expr).selectors {
            if is_bad(&selector) {
                let panel = query.place.split(" / ").nth(1).unwrap().to_owned();
                breaches.push((panel, format!("{} {what}", selector.metric)));
            }
        }
    }
    breaches
}

/// Counted is the time that a graph's point stands for, whatever its width.
pub fn rate_interval(dashboard: &Dashboard) -> Vec<Breach> {
    selectors(dashboard, "has a rate over a fixed window", |selector| {
        ["rate", "irate"].contains(&selector.function.as_str())
            && selector.range.as_deref() != Some("$__rate_interval")
    })
}

pub fn job(dashboard: &Dashboard) -> Vec<Breach> {
    unchosen(dashboard, "job")
}

pub fn instance(dashboard: &Dashboard) -> Vec<Breach> {
    unchosen(dashboard, "instance")
}

fn unchosen(dashboard: &Dashboard, label: &str) -> Vec<Breach> {
    let wanted = (label.to_owned(), "=~".to_owned(), format!("${label}"));
    let what = format!("is not chosen by {label}");
    selectors(dashboard, &what, |selector| {
        !selector.matchers.contains(&wanted)
    })
}

/// A counter means something only by how it grows.
pub fn counter(dashboard: &Dashboard) -> Vec<Breach> {
    selectors(dashboard, "is a counter and no rate", |selector| {
        let rates = ["rate", "irate", "increase"];
        selector.metric.ends_with("_total")
            && (selector.range.is_none() || !rates.contains(&selector.function.as_str()))
    })
}
