//! `probe URL`: what it prints in a pipe and on a terminal, and how it ends.

mod expected;
mod output;
mod secrets;
mod series;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::support::exporter::program;
use crate::support::peer::{self, Peer};
use crate::support::terminal::Terminal;

/// The program in surroundings that are the same everywhere.
fn command(folder: &Path, arguments: &[String]) -> Command {
    let mut command = program();
    command
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    command
}

/// What becomes of the program in a pipe, while peers answer it.
async fn run(folder: &Path, arguments: &[String]) -> Output {
    let mut command = command(folder, arguments);
    spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// What the program writes on a terminal of so many columns, and its exit status.
async fn run_on_terminal(folder: &Path, arguments: &[String], columns: u16) -> (String, i32) {
    on_terminal(command(folder, arguments), columns).await
}

/// The same of a command that is ready to be run.
async fn on_terminal(command: Command, columns: u16) -> (String, i32) {
    let run = move || {
        let (terminal, mut child) = Terminal::start(command, columns);
        let written = terminal.read_to_the_end();
        (written, child.wait().unwrap().code().unwrap())
    };
    spawn_blocking(run).await.unwrap()
}

/// Arguments that are texts already.
fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&word| word.to_owned()).collect()
}

/// A peer that waits before its answers, of which the last one is repeated.
async fn answering(delay: Duration, answers: &[&str]) -> Peer {
    let answers: Arc<[String]> = answers.iter().map(|&answer| answer.to_owned()).collect();
    let n_asked = Arc::new(AtomicUsize::new(0));
    peer::serve(move |mut stream| {
        let answers = answers.clone();
        let place = n_asked.fetch_add(1, Ordering::Relaxed);
        async move {
            peer::read_request(&mut stream).await;
            sleep(delay).await;
            let answer = answers.get(place).or_else(|| answers.last()).unwrap();
            peer::write(&mut stream, answer.as_bytes()).await;
            peer::finish(stream, peer::Then::Close).await;
        }
    })
    .await
}

/// A peer that answers so many requests and keeps the others waiting, and how many it has read.
async fn hanging_after(n_answered: usize, answer: &'static str) -> (Peer, Arc<AtomicUsize>) {
    let n_asked = Arc::new(AtomicUsize::new(0));
    let counted = n_asked.clone();
    let peer = peer::serve(move |mut stream| {
        let counted = counted.clone();
        async move {
            peer::read_request(&mut stream).await;
            if counted.fetch_add(1, Ordering::Relaxed) >= n_answered {
                sleep(Duration::from_secs(600)).await;
            }
            peer::write(&mut stream, answer.as_bytes()).await;
            peer::finish(stream, peer::Then::Close).await;
        }
    });
    (peer.await, n_asked)
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}
