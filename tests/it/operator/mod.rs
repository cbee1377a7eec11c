//! The days of who runs the exporter: another configuration, a full machine, an interrupted one.

mod alone;
mod dead_names;
mod files;
mod limits;
mod memory;
mod network;
mod pauses;
mod reload;
mod search_lists;
mod signals;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer};

/// A peer that takes its time and answers 200.
async fn slow(delay: std::time::Duration) -> Peer {
    peer::serve(move |mut stream| async move {
        if peer::read_request(&mut stream).await.is_empty() {
            return;
        }
        sleep(delay).await;
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(response).await.ok();
        // Closed by the probe.
        tokio::io::copy(&mut stream, &mut tokio::io::sink())
            .await
            .ok();
    })
    .await
}

/// A configuration with so many targets of one kind.
fn targets(n_targets: usize, of: impl Fn(usize) -> String) -> String {
    let mut text = "targets:\n".to_owned();
    for n in 0..n_targets {
        writeln!(text, "- {{name: t{n}, {}}}", of(n)).unwrap();
    }
    text
}

/// Sends a request and reads nothing yet.
fn ask(exporter: &Exporter, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(exporter.address).unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The whole answer to what was asked.
fn rest(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    // One that is cut may be reset.
    stream.read_to_end(&mut rest).ok();
    String::from_utf8(rest).unwrap()
}

/// The last probes of a target as the API tells them, newest first.
fn last_probes(exporter: &Exporter, target: &str) -> Vec<Value> {
    // HTTP/1.0 has no chunks, so that what follows the head is the page.
    let mut stream = TcpStream::connect(exporter.address).unwrap();
    write!(stream, "GET /api/v1/targets/{target} HTTP/1.0\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let (_, body) = page.split_once("\r\n\r\n").unwrap();
    let target: Value = serde_json::from_str(body).unwrap();
    let target = match target.get("targets") {
        Some(targets) => &targets[0],
        None => &target,
    };
    target["probes"].as_array().unwrap().clone()
}
