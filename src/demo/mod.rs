//! The demo: a small API of orders with optimistic locking, in this process and on loopback alone,
//! for who has nothing else to probe. It has a thread and a runtime of its own, so that it disturbs
//! no measurement, and knows nothing of being probed.

mod api;
mod chance;
mod config;
mod orders;
mod problem;
pub mod storm;

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;

use crate::demo::api::Shop;
use crate::demo::chance::Chance;
use crate::demo::orders::Orders;
use crate::demo::storm::Storms;
use crate::server::connections;
use crate::server::connections::Conversation;
use crate::server::connections::limits::Limits;
use crate::server::door::Door;

/// How many connections the API has at once: those of the probes, and of some who try it by hand.
const CONNECTIONS: usize = 64;

/// How long responses under way may take once the API stops.
const GRACE: Duration = Duration::from_secs(1);

/// The running API.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    /// A port that is bound, so that nobody else gets it, and not listened on.
    shut: TcpSocket,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Demo {
    /// Starts the API on a free port of this machine.
    pub fn start(storms: Storms) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shut = TcpSocket::new_v4()?;
        shut.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let serving = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new()
            .name("demo".to_owned())
            .spawn(move || serving.block_on(serve(listener, storms, stopped)))?;
        Ok(Self {
            address,
            shut,
            stop,
            thread,
        })
    }

    /// Where the API is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The configuration of an exporter that probes it.
    pub fn configuration(&self) -> io::Result<String> {
        Ok(config::text(self.address, self.shut.local_addr()?))
    }

    /// Ends the API, when nobody probes it any more.
    pub fn stop(self) {
        self.stop.send_replace(true);
        if self.thread.join().is_err() {
            tracing::error!("the API of the demo ended with a panic");
        }
    }
}

async fn serve(listener: TcpListener, storms: Storms, stop: watch::Receiver<bool>) {
    let started = Instant::now();
    let shop = Arc::new(Shop {
        orders: Orders::new(),
        storms,
        started,
        chance: Chance::default(),
    });
    let conversation = Conversation {
        pages: api::router(shop.clone()),
        doors: watch::channel(Arc::new(Door::open())).1,
        limits: Limits::of_this_process(),
        places: Arc::new(Semaphore::new(CONNECTIONS)),
        stop: stop.clone(),
    };
    let mut stop = stop;
    let stopped = async {
        // A sender that is gone means stop as well.
        stop.wait_for(|stop| *stop).await.ok();
        sleep(GRACE).await;
    };
    tokio::select! {
        () = connections::take(listener, conversation) => {}
        () = storm::rage(&shop.orders, storms, started) => {}
        () = stopped => tracing::debug!("responses of the demo's API were cut after {GRACE:?}"),
    }
}
