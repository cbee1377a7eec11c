//! A receiver of Alertmanager's notifications.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// An alert as a receiver is told of it.
#[derive(Clone, Debug)]
pub struct Notification {
    /// `firing` or `resolved`.
    pub status: String,
    pub name: String,
    /// The alert as it was sent.
    pub alert: Value,
}

impl Notification {
    pub fn label(&self, name: &str) -> &str {
        self.alert["labels"][name].as_str().unwrap_or_default()
    }
}

/// Keeps what it is told, for as long as the test binary runs.
pub struct Webhook {
    pub address: SocketAddr,
    told: Arc<Mutex<Vec<Notification>>>,
}

impl Webhook {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::<Mutex<Vec<Notification>>>::default();
        let kept = told.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                // A thread each, as clients open connections that they do not use.
                thread::spawn(move || {
                    // What is given up is told anew.
                    if let Some(body) = answer(stream) {
                        kept.lock().unwrap().extend(notifications(&body));
                    }
                });
            }
        });
        Self { address, told }
    }

    /// All that it has been told.
    pub fn told(&self) -> Vec<Notification> {
        self.told.lock().unwrap().clone()
    }
}

/// Reads one request and answers it; returns its body.
fn answer(stream: TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.into_inner().write_all(response).ok()?;
    serde_json::from_slice(&body).ok()
}

fn notifications(body: &Value) -> Vec<Notification> {
    let alerts = body["alerts"].as_array().into_iter().flatten();
    alerts
        .map(|alert| Notification {
            status: alert["status"].as_str().unwrap_or_default().to_owned(),
            name: alert["labels"]["alertname"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            alert: alert.clone(),
        })
        .collect()
}
