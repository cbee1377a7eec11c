//! The rules as Prometheus itself has read them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::prometheus::Prometheus;
use crate::time::SECOND;
use crate::time::from_seconds;

/// The evaluation interval that the rules are loaded with. No group has it of its own, so it tells
/// those that follow the global one.
const GLOBAL: i64 = 61 * SECOND;

/// A group whose rules are evaluated one after the other.
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its own interval, if it does not follow the global one.
    pub interval: Option<i64>,
    /// In order.
    pub rules: Vec<Rule>,
}

/// A rule that records or alerts.
pub struct Rule {
    /// The recorded name or that of the alert.
    pub name: String,
    /// The labels that it adds.
    pub labels: BTreeMap<String, String>,
    /// Its expression, as Prometheus prints it.
    pub query: String,
    /// What makes it an alert.
    pub alert: Option<Holds>,
}

/// How long an alert holds back and holds on.
#[derive(Clone, Copy)]
pub struct Holds {
    /// `for`.
    pub before: i64,
    /// `keep_firing_for`.
    pub after: i64,
}

#[derive(Deserialize)]
struct Told {
    groups: Vec<ToldGroup>,
}

#[derive(Deserialize)]
struct ToldGroup {
    name: String,
    interval: f64,
    rules: Vec<ToldRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldRule {
    name: String,
    query: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    duration: f64,
    #[serde(default)]
    keep_firing_for: f64,
}

/// Lets a Prometheus read rule files, given as patterns, and asks it what it found.
pub fn learn(folder: &Path, patterns: &[String]) -> Vec<Group> {
    let config = format!(
        "global: {{evaluation_interval: {}s}}\nrule_files: {patterns:?}\n",
        GLOBAL / SECOND
    );
    let prometheus = Prometheus::start(&folder.join("rules"), &config);
    let told: Told = prometheus.ask("/api/v1/rules", "");
    told.groups.into_iter().map(group).collect()
}

fn group(told: ToldGroup) -> Group {
    let interval = from_seconds(told.interval);
    Group {
        name: told.name,
        interval: (interval != GLOBAL).then_some(interval),
        rules: told.rules.into_iter().map(rule).collect(),
    }
}

fn rule(told: ToldRule) -> Rule {
    let holds = Holds {
        before: from_seconds(told.duration),
        after: from_seconds(told.keep_firing_for),
    };
    Rule {
        name: told.name,
        labels: told.labels,
        query: told.query,
        alert: (told.kind == "alerting").then_some(holds),
    }
}
