//! A server of tokens that does as a script says, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::support::peer::{self, Peer};

/// Longer than any test waits for a state.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A request for a token.
#[derive(Clone, Debug)]
pub struct Asked {
    pub head: String,
    pub body: String,
    pub at: Instant,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// The value of a header in a head.
pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status line with what may follow it, and JSON.
    Json(&'static str, String),
    /// All bytes of the response.
    Raw(Vec<u8>),
    /// A body that never ends.
    Endless,
    /// Nothing, for as long as the client waits.
    Stall,
    /// Another one, later.
    Late(Duration, Box<Self>),
}

impl Reply {
    /// A token that lives for so many seconds.
    pub fn token(token: &str, expires_in: u64) -> Self {
        let json = format!(
            "{{\"access_token\":\"{token}\",\"token_type\":\"bearer\",\"expires_in\":{expires_in}}}"
        );
        Self::Json("200 OK", json)
    }

    /// A refusal.
    pub fn refusal(status: &'static str, code: &str) -> Self {
        Self::Json(status, format!("{{\"error\":\"{code}\"}}"))
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Json(status, json) => format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{json}",
                json.len()
            )
            .into_bytes(),
            Self::Raw(bytes) => bytes,
            Self::Endless | Self::Stall | Self::Late(..) => Vec::new(),
        }
    }
}

/// What it was asked, and how many asked at once.
#[derive(Debug, Default)]
pub struct Seen {
    asked: Mutex<Vec<Asked>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Seen {
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    /// Waits until there were so many requests.
    pub async fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.count() < count {
            assert!(Instant::now() < deadline, "{} requests", self.count());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A server of tokens on loopback.
pub struct TokenServer {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    _peer: Peer,
}

impl TokenServer {
    /// Starts it with a script, which is told the number of the request as well, from 0 on.
    pub async fn start(
        script: impl Fn(usize, &Asked) -> Reply + Clone + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::<Seen>::default();
        let known = seen.clone();
        let peer = peer::serve(move |stream| {
            let (known, script) = (known.clone(), script.clone());
            async move { converse(stream, &known, script).await }
        })
        .await;
        Self {
            address: peer.address,
            seen,
            _peer: peer,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/token", self.address)
    }
}

/// Answers one request.
pub async fn converse<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    mut stream: S,
    seen: &Seen,
    script: impl Fn(usize, &Asked) -> Reply,
) {
    let (head, body) = peer::read_request_and_body(&mut stream).await;
    if head.is_empty() {
        return;
    }
    let now = seen.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    seen.most_at_once.fetch_max(now, Ordering::SeqCst);
    let asked = Asked {
        head,
        body: String::from_utf8(body).unwrap(),
        at: Instant::now(),
    };
    let number = {
        let mut all = seen.asked.lock().unwrap();
        all.push(asked.clone());
        all.len() - 1
    };
    let reply = match script(number, &asked) {
        Reply::Late(after, reply) => {
            tokio::time::sleep(after).await;
            *reply
        }
        reply => reply,
    };
    match reply {
        Reply::Endless => {
            let head =
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"access_token\":\"";
            let mut sent = stream.write_all(head).await;
            while sent.is_ok() {
                sent = stream.write_all(&[b'x'; 4096]).await;
            }
        }
        Reply::Stall => {
            // Until the client goes.
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
        reply => {
            stream.write_all(&reply.bytes()).await.ok();
            stream.shutdown().await.ok();
        }
    }
    seen.at_once.fetch_sub(1, Ordering::SeqCst);
}
