//! The files of the repository that are within the program, for whoever has nothing but the program:
//! dashboards, rules with their runbook, and samples of what Grafana, Prometheus and Alertmanager need
//! to read them.

/// A file of the repository.
#[derive(Debug)]
pub struct File {
    /// Its path in the repository, with `/` between its parts.
    pub path: &'static str,
    /// What it holds.
    pub content: &'static str,
}

macro_rules! file {
    ($path:literal) => {
        File {
            path: $path,
            content: include_str!(concat!("../", $path)),
        }
    };
}

/// The dashboard of all targets.
pub static OVERVIEW: File = file!("dashboards/httpcycle-overview.json");
/// The dashboard of one target.
pub static TARGET: File = file!("dashboards/httpcycle-target.json");
/// The dashboard of the exporter itself.
pub static EXPORTER: File = file!("dashboards/httpcycle-exporter.json");

/// All that `assets` writes, by path.
pub static FILES: [&File; 12] = [
    &file!("alerts/README.md"),
    &file!("alerts/conflict_levels.yml"),
    &file!("alerts/conflicts.yml"),
    &file!("alerts/exporter.yml"),
    &file!("alerts/probes.yml"),
    &EXPORTER,
    &OVERVIEW,
    &TARGET,
    &file!("deploy/alertmanager/alertmanager.yml"),
    &file!("deploy/grafana/provisioning/dashboards/httpcycle.yml"),
    &file!("deploy/grafana/provisioning/datasources/prometheus.yml"),
    &file!("deploy/prometheus/prometheus.yml"),
];
