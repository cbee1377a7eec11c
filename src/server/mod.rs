//! What the exporter serves over HTTP. It reads the metrics, the histories and what the configuration
//! says, and never waits for a probe, but for those that `/probe` asks for.

pub mod api;
mod chunks;
pub mod config;
pub mod connections;
pub mod door;
pub mod external;
pub mod listen;
mod module_connection;
mod module_yaml;
mod pages;
pub mod probe;
pub mod reload;
mod scrape;
mod sources_yaml;
mod status;
mod yaml;

// What fuzzers read.
#[cfg(any(test, fuzzing))]
pub use crate::server::module_yaml::write as write_module;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::history::store::Histories;
use crate::metrics::own::Own;
use crate::metrics::store::Store;
use crate::server::config::ConfigPage;
use crate::server::connections::Conversation;
use crate::server::connections::limits::Limits;
use crate::server::door::Door;
use crate::server::external::Prefix;
use crate::server::probe::Endpoint;
use crate::server::reload::Reload;
use crate::target::shard::Shard;

/// What the server serves.
#[derive(Clone, Debug)]
pub struct Site {
    /// The series of the targets.
    pub store: Arc<Store>,
    /// The last probes of the targets.
    pub histories: Arc<Histories>,
    /// The exporter's own series.
    pub own: Arc<Own>,
    /// Set once every series exists and the loop runs.
    pub ready: Arc<AtomicBool>,
    /// Where the metrics are, `/metrics` unless the operator says otherwise.
    pub telemetry_path: String,
    /// What stands before the paths of all pages.
    pub prefix: Prefix,
    /// What shows the configuration in use.
    pub config: Arc<ConfigPage>,
    /// Which of the targets are probed.
    pub shard: Shard,
    /// What probes on request, if anything does.
    pub endpoint: Option<Arc<Endpoint>>,
    /// What reads the configuration again on request, if anything does.
    pub reload: Option<Arc<dyn Reload>>,
}

impl Site {
    fn router(self) -> Router {
        let telemetry_path = self.telemetry_path.clone();
        let status = status::router(
            self.histories.clone(),
            self.endpoint.clone(),
            &telemetry_path,
            self.shard,
        );
        let ready = self.ready.clone();
        let endpoint = self.endpoint.clone();
        let reload = self.reload.clone();
        let mut router = api::router(self.histories.clone())
            .merge(self.config.clone().router())
            .merge(status)
            .route("/-/healthy", get("Healthy\n"))
            .route(
                "/-/ready",
                get(move || pages::ready(ready.load(Ordering::Acquire))),
            )
            .route(&telemetry_path, get(scrape::metrics).with_state(self));
        if let Some(endpoint) = endpoint {
            router = router.merge(endpoint.router());
        }
        if let Some(reload) = reload {
            router = router.merge(reload::router(reload));
        }
        router
    }
}

/// Serves `site` on all `listeners`, behind the door that `doors` has, until `stop` is true, then
/// lets responses under way finish. An error of one listener ends only that one, and is logged.
pub async fn serve(
    listeners: Vec<TcpListener>,
    site: Site,
    doors: watch::Receiver<Arc<Door>>,
    limits: Limits,
    stop: watch::Receiver<bool>,
) {
    let prefix = site.prefix.clone();
    let conversation = Conversation {
        pages: prefix.before(site.router()),
        doors,
        limits,
        places: Arc::new(Semaphore::new(limits.connections)),
        stop: stop.clone(),
    };
    let mut servers = JoinSet::new();
    for listener in listeners {
        servers.spawn(connections::take(listener, conversation.clone()));
    }
    let mut stop = stop;
    // A sender that is gone means stop as well.
    stop.wait_for(|stop| *stop).await.ok();
    let finished = async { while servers.join_next().await.is_some() {} };
    let grace = limits.grace;
    if timeout(grace, finished).await.is_err() {
        tracing::warn!("responses under way were cut after {grace:?}");
    }
}
