//! What the exporter serves over HTTP. It reads the metrics, the histories and what the configuration
//! says and never waits
//! for a probe, but for those that `/probe` asks for.

mod api;
mod chunks;
pub mod config;
pub mod listen;
mod module_yaml;
mod pages;
pub mod probe;
mod scrape;
mod yaml;

use std::future;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::history::store::Histories;
use crate::metrics::own::Own;
use crate::metrics::store::Store;
use crate::server::config::ConfigPage;
use crate::server::probe::Endpoint;

/// How long responses under way may take once the server stops.
const GRACE: Duration = Duration::from_secs(3);

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
    /// What shows the configuration in use.
    pub config: Arc<ConfigPage>,
    /// What probes on request, if anything does.
    pub endpoint: Option<Arc<Endpoint>>,
}

impl Site {
    fn router(self) -> Router {
        let telemetry_path = self.telemetry_path.clone();
        let ready = self.ready.clone();
        let endpoint = self.endpoint.clone();
        let mut router = api::router(self.histories.clone())
            .merge(self.config.clone().router())
            .route("/-/healthy", get("Healthy\n"))
            .route(
                "/-/ready",
                get(move || pages::ready(ready.load(Ordering::Acquire))),
            )
            .route(&telemetry_path, get(scrape::metrics).with_state(self));
        if let Some(endpoint) = endpoint.clone() {
            router = router.merge(endpoint.router());
        }
        if telemetry_path != "/" {
            let landing = move || {
                let recent = endpoint.as_ref().map(|endpoint| endpoint.recent());
                future::ready(pages::landing(&telemetry_path, recent.as_deref()))
            };
            router = router.route("/", get(landing));
        }
        router
    }
}

/// Serves `site` on all `listeners` until `stop` is true, then lets responses under way finish.
/// An error of one listener ends only that one, and is logged.
pub async fn serve(listeners: Vec<TcpListener>, site: Site, stop: watch::Receiver<bool>) {
    let router = site.router();
    let mut servers = JoinSet::new();
    for listener in listeners {
        let (router, mut stop) = (router.clone(), stop.clone());
        let stopped = async move {
            // A sender that is gone means stop as well.
            stop.wait_for(|stop| *stop).await.ok();
        };
        servers.spawn(async move {
            let served = async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, router)
                    .with_graceful_shutdown(stopped)
                    .await
            };
            if let Err(error) = served.await {
                tracing::error!(%error, "a listener failed");
            }
        });
    }
    let mut stop = stop;
    stop.wait_for(|stop| *stop).await.ok();
    let finished = async { while servers.join_next().await.is_some() {} };
    if timeout(GRACE, finished).await.is_err() {
        tracing::warn!("responses under way were cut after {GRACE:?}");
    }
}
