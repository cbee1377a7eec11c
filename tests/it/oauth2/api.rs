//! An API that lets in who shows a token, and remembers what it was shown.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::oauth2::server::{PATIENCE, header};
use crate::support::peer::{self, Peer};

/// Says of a value of `Authorization` which status and further headers it leads to.
type Judge = dyn Fn(&str) -> String + Send + Sync;

pub struct Api {
    pub address: SocketAddr,
    shown: Arc<Mutex<Vec<String>>>,
    _peer: Peer,
}

impl Api {
    /// Lets everybody in who shows something.
    pub async fn open() -> Self {
        let judge = |value: &str| match value {
            "none" => "401 Unauthorized".to_owned(),
            _ => "204 No Content".to_owned(),
        };
        Self::start(Arc::new(judge)).await
    }

    pub async fn start(judge: Arc<Judge>) -> Self {
        let shown = Arc::<Mutex<Vec<String>>>::default();
        let known = shown.clone();
        let peer = peer::serve(move |mut stream| {
            let (known, judge) = (known.clone(), judge.clone());
            async move {
                let head = peer::read_request(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                let value = header(&head, "authorization").unwrap_or("none").to_owned();
                let status = judge(&value);
                known.lock().unwrap().push(value);
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            }
        })
        .await;
        Self {
            address: peer.address,
            shown,
            _peer: peer,
        }
    }

    /// Every value of `Authorization`, in their order.
    pub fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    /// Waits until a request shows this.
    pub async fn wait_for(&self, value: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown().iter().any(|shown| shown == value) {
            assert!(
                Instant::now() < deadline,
                "never {value}: {:?}",
                self.shown()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
