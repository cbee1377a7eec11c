//! `GET /config`: the configuration that runs, without its secrets.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header;
use axum::response::Response;
use axum::routing::get;

use crate::config::discovery::TargetSource;
use crate::server::chunks;
use crate::server::module_yaml;
use crate::server::sources_yaml;
use crate::server::yaml::Yaml;
use crate::server::yaml::quoted;
use crate::target::Target;
use crate::target::module::Module;
use crate::target::shard::Shard;

const TEXT: &str = "text/plain; charset=utf-8";

/// How many bytes a chunk has before it counts as full.
const CHUNK: usize = 64 * 1024;

/// What the configuration file asked for when it was read last.
#[derive(Debug, Default)]
pub struct Configured {
    /// The modules with the timeouts that are written with them.
    pub modules: Vec<(Arc<Module>, Option<Duration>)>,
    /// The targets of the shard.
    pub targets: Vec<Arc<Target>>,
    /// Where further targets are found.
    pub sources: Vec<TargetSource>,
    /// The part of the targets that is shown.
    pub shard: Shard,
    /// The upper bounds of the histograms' buckets.
    pub histogram_bounds: Vec<Duration>,
}

/// The configuration in use; a reload puts another in its place.
#[derive(Debug, Default)]
pub struct ConfigPage(RwLock<Arc<Configured>>);

impl ConfigPage {
    /// Shows `configured` from now on. Pages on their way out stay what they are.
    pub fn replace(&self, configured: Arc<Configured>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = configured;
    }

    /// The route of the page.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().route("/config", get(answer)).with_state(self)
    }
}

async fn answer(State(page): State<Arc<ConfigPage>>, headers: HeaderMap) -> Response {
    let configured = page
        .0
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let mut lines = Lines {
        configured,
        part: Some(Part::Modules(0)),
    };
    let mut response = chunks::answer(move |out| lines.next_chunk(out), TEXT, &headers);
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page on its way out.
struct Lines {
    configured: Arc<Configured>,
    part: Option<Part>,
}

/// What is written next: the module or target at this place, or what stands behind them.
#[derive(Clone, Copy)]
enum Part {
    Modules(usize),
    Targets(usize),
    Rest,
}

impl Lines {
    /// Appends the next chunk to `out`; `false` if there was none left.
    fn next_chunk(&mut self, out: &mut Vec<u8>) -> bool {
        let mut text = String::new();
        while let Some(part) = self.part.filter(|_| text.len() < CHUNK) {
            self.part = self.write(part, &mut text);
        }
        out.extend_from_slice(text.as_bytes());
        !text.is_empty()
    }

    /// Appends a part, and says what comes next.
    fn write(&self, part: Part, out: &mut String) -> Option<Part> {
        // Taken apart without a rest, so that no key of the file is forgotten.
        let Configured {
            modules,
            targets,
            sources,
            shard,
            histogram_bounds,
        } = &*self.configured;
        match part {
            Part::Modules(place) => {
                begin("modules", place, modules.len(), out);
                let Some((module, timeout)) = modules.get(place) else {
                    return Some(Part::Targets(0));
                };
                Yaml::new(out, 1).section(0, quoted(&module.name));
                module_yaml::write(module, *timeout, 2, out);
                Some(Part::Modules(place + 1))
            }
            Part::Targets(place) => {
                if place == 0 && !shard.is_whole() {
                    // As a comment: flags say so, and no key.
                    out.push_str(&format!("# targets of {shard}\n"));
                }
                begin("targets", place, targets.len(), out);
                let Some(target) = targets.get(place) else {
                    return Some(Part::Rest);
                };
                write_target(target, out);
                Some(Part::Targets(place + 1))
            }
            Part::Rest => {
                sources_yaml::write(sources, out);
                let seconds = histogram_bounds.iter().map(Duration::as_secs_f64);
                let seconds: Vec<f64> = seconds.collect();
                let mut yaml = Yaml::new(out, 0);
                yaml.list(0, "histogram_bounds", &seconds);
                // Every module has those of the whole configuration.
                if let Some((module, _)) = modules.first() {
                    for (key, ranges) in module_yaml::reach_keys(&module.reach.everywhere) {
                        yaml.entry(0, key, ranges);
                    }
                }
                None
            }
        }
    }
}

/// Writes the key of a section before the first of what stands in it, if anything does.
fn begin(key: &str, place: usize, count: usize, out: &mut String) {
    let mut yaml = Yaml::new(out, 0);
    match (place, count) {
        (0, 0) => yaml.entry(0, key, "[]"),
        (0, _) => yaml.section(0, key),
        _ => {}
    }
}

fn write_target(target: &Target, out: &mut String) {
    let Target {
        name,
        url,
        module,
        interval,
        // That of the module, or what the interval leaves.
        timeout: _,
        labels,
    } = target;
    let mut yaml = Yaml::new(out, 1);
    yaml.entry(0, "- name", quoted(name));
    yaml.entry(1, "url", quoted(url.masked()));
    yaml.entry(1, "module", quoted(&module.name));
    yaml.entry(1, "interval", module_yaml::duration(*interval));
    let mut labels = labels.iter().peekable();
    if labels.peek().is_some() {
        yaml.section(1, "labels");
    }
    for (name, value) in labels {
        yaml.entry(2, quoted(name), quoted(value));
    }
}
