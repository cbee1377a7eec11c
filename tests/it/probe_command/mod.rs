//! `probe URL`: what it prints in a pipe and on a terminal, and how it ends.

mod expected;
mod output;
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
    let command = command(folder, arguments);
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

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}
