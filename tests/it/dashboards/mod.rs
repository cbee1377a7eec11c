//! The dashboards: how they are written, whether Grafana's linter would pass them, whether what they
//! ask for exists, and whether a real Prometheus answers it; and the same of the queries of documents.

mod catalogue;
mod documents;
mod layout;
mod lint;
mod model;
mod promql;
mod queries;
mod rules;
mod variables;
mod world;
mod written;
