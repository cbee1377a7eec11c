//! Rules about what a panel shows besides its queries. Unlike the linter they hold for every kind of
//! panel that has queries.

use serde_json::Value;

use crate::dashboards::lint::Breach;
use crate::dashboards::lint::variables::is_chosen;
use crate::dashboards::model::{Dashboard, list, text};

/// Those of Grafana's units that are in use here.
const UNITS: [&str; 9] = [
    "none",
    "percentunit",
    "s",
    "d",
    "bytes",
    "cpm",
    "ops",
    "short",
    "dateTimeFromNow",
];

/// What `is_bad` of the panels that are no heading.
fn panels(dashboard: &Dashboard, what: &str, is_bad: impl Fn(&Value) -> bool) -> Vec<Breach> {
    let panels = dashboard.panels().into_iter();
    panels
        .filter(|panel| panel["type"] != "row" && is_bad(panel))
        .map(|panel| (text(&panel["title"]).to_owned(), what.to_owned()))
        .collect()
}

pub fn source(dashboard: &Dashboard) -> Vec<Breach> {
    panels(dashboard, "asks a data source of its own", |panel| {
        let targets = list(&panel["targets"]).iter();
        !is_chosen(&panel["datasource"])
            || targets.map(|it| &it["datasource"]).any(|it| !is_chosen(it))
    })
}

pub fn title(dashboard: &Dashboard) -> Vec<Breach> {
    panels(dashboard, "has no title or no description", |panel| {
        text(&panel["title"]).is_empty() || text(&panel["description"]).is_empty()
    })
}

pub fn units(dashboard: &Dashboard) -> Vec<Breach> {
    panels(dashboard, "has no unit that Grafana knows", |panel| {
        let defaults = &panel["fieldConfig"]["defaults"];
        // A heat map has the unit of its values at the axis.
        let unit = [&defaults["unit"], &panel["options"]["yAxis"]["unit"]];
        let overrides = list(&panel["fieldConfig"]["overrides"]).iter();
        let properties = overrides.flat_map(|it| list(&it["properties"]));
        let overridden = properties.filter(|it| it["id"] == "unit");
        let known = |unit: &Value| UNITS.contains(&text(unit));
        !unit.into_iter().any(known) || overridden.map(|it| &it["value"]).any(|it| !known(it))
    })
}

pub fn no_targets(dashboard: &Dashboard) -> Vec<Breach> {
    panels(dashboard, "asks nothing", |panel| {
        list(&panel["targets"]).is_empty()
    })
}
