//! Queries as Grafana sends them, with their variables filled in.

use crate::dashboards::world::TARGETS;

/// How many values of each variable are chosen.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    One(&'static str),
    Several,
    All,
}

/// A query with its variables filled in, as Grafana does: all is `.+`, several are alternatives.
pub fn filled(expr: &str, choice: Choice) -> String {
    let target = match choice {
        Choice::One(target) => target.to_owned(),
        Choice::Several => format!("({})", TARGETS.join("|")),
        Choice::All => ".+".to_owned(),
    };
    let job = match choice {
        Choice::One(_) => "httpcycle",
        Choice::Several => "(httpcycle|other)",
        Choice::All => ".+",
    };
    // Escaped as Grafana does it, for a regular expression in a string.
    let instance = match choice {
        Choice::One(_) => r"127\\.0\\.0\\.1:[0-9]+",
        _ => ".+",
    };
    expr.replace("$__rate_interval", "10s")
        .replace("$__range", "5m")
        .replace("$target", &target)
        .replace("$job", job)
        .replace("$instance", instance)
        .replace("$phase", "first_byte")
}

/// A query in a Prometheus without the rules.
pub fn without_rules(expr: &str) -> String {
    expr.replace("target:httpcycle", "absent:httpcycle")
        .replace("target_window:httpcycle", "absent:httpcycle")
        .replace("ALERTS", "ABSENT")
}
