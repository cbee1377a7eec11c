//! The queries that the documents have people ask.

use std::fs;

use crate::dashboards::model::{Query, shipped};

const DOCUMENTS: [&str; 4] = [
    "README.md",
    "docs/phases.md",
    "docs/conflicts.md",
    "docs/scaling.md",
];

/// Every query of the documents.
pub fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(shipped(document)).unwrap();
        let blocks = text.split("\n```promql\n").skip(1);
        for (number, behind) in blocks.enumerate() {
            queries.push(Query {
                place: format!("{document} / {}", number + 1),
                expr: behind.split("\n```").next().unwrap().to_owned(),
            });
        }
    }
    assert!(queries.len() > 20, "{} queries", queries.len());
    queries
}

/// The queries that have data whenever something is probed, as they are asked of a Prometheus that
/// knows no past; and those that may have none, since they look for what is out of order.
pub fn with_and_without_data() -> (Vec<Query>, Vec<Query>) {
    let now = queries().into_iter().map(|query| Query {
        expr: query.expr.replace(" offset 1h", ""),
        ..query
    });
    now.partition(|query| !query.expr.contains(" > "))
}
