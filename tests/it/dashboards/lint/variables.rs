//! Rules about a dashboard as a whole and about its variables.

use serde_json::Value;

use crate::dashboards::lint::Breach;
use crate::dashboards::model::{Dashboard, text};

/// A data source that is chosen by the variable.
pub fn is_chosen(datasource: &Value) -> bool {
    ["$datasource", "${datasource}"].contains(&text(&datasource["uid"]))
}

fn breach(what: impl Into<String>) -> Breach {
    (String::new(), what.into())
}

pub fn editable(dashboard: &Dashboard) -> Vec<Breach> {
    let editable = dashboard.json["editable"] != false;
    editable
        .then(|| breach("it can be edited"))
        .into_iter()
        .collect()
}

pub fn datasource(dashboard: &Dashboard) -> Vec<Breach> {
    let is_source = |it: &&Value| it["type"] == "datasource";
    let sources: Vec<&Value> = dashboard.variables().iter().filter(is_source).collect();
    let [source] = sources[..] else {
        return vec![breach(format!(
            "{} data sources are variable",
            sources.len()
        ))];
    };
    let mut breaches = Vec::new();
    for (key, wanted) in [
        ("name", "datasource"),
        ("label", "Data source"),
        ("query", "prometheus"),
    ] {
        if source[key] != wanted {
            breaches.push(breach(format!(
                "the {key} of the data source is {}",
                source[key]
            )));
        }
    }
    breaches
}

pub fn job(dashboard: &Dashboard) -> Vec<Breach> {
    choice(dashboard, "job", "Job")
}

pub fn instance(dashboard: &Dashboard) -> Vec<Breach> {
    choice(dashboard, "instance", "Instance")
}

/// A variable from which several values are chosen, or all.
fn choice(dashboard: &Dashboard, name: &str, label: &str) -> Vec<Breach> {
    let Some(variable) = dashboard.variable(name) else {
        return vec![breach(format!("there is no variable {name}"))];
    };
    let mut breaches = Vec::new();
    if !is_chosen(&variable["datasource"]) {
        breaches.push(breach(format!("{name} asks a data source of its own")));
    }
    for (key, wanted) in [
        ("type", Value::from("query")),
        ("label", label.into()),
        ("multi", true.into()),
        ("allValue", ".+".into()),
    ] {
        if variable[key] != wanted {
            breaches.push(breach(format!("{key} of {name} is {}", variable[key])));
        }
    }
    breaches
}

/// The variables whose values Prometheus tells.
fn asked(dashboard: &Dashboard) -> impl Iterator<Item = &Value> {
    let variables = dashboard.variables().iter();
    variables.filter(|variable| variable["type"] == "query")
}

pub fn label_promql(dashboard: &Dashboard) -> Vec<Breach> {
    let is_bad = |variable: &&Value| {
        let query = text(&variable["query"]["query"]);
        let function = query.split('(').next().unwrap_or_default();
        let known = ["label_names", "label_values", "metrics", "query_result"];
        !known.contains(&function) || !query.ends_with(')')
    };
    let told =
        |variable: &Value| breach(format!("{} asks {}", variable["name"], variable["query"]));
    asked(dashboard).filter(is_bad).map(told).collect()
}

pub fn reload(dashboard: &Dashboard) -> Vec<Breach> {
    let is_bad = |variable: &&Value| variable["refresh"] != 2;
    let told = |variable: &Value| breach(format!("{} stays as it was loaded", variable["name"]));
    asked(dashboard).filter(is_bad).map(told).collect()
}
