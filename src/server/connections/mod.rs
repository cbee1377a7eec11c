//! Takes connections in, as many as are good for the process, and sees each to its end.

mod conversation;
mod heard;
mod host;
pub mod limits;
mod pace;

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd as _;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SndBuf;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use crate::server::connections::conversation::Conversation;

/// What the kernel keeps of a response before the client takes it. By itself it would be megabytes,
/// which count as memory of a container.
const KERNEL_BUFFER: usize = 128 * 1024;

/// Takes connections from `listener` until the server stops, and then sees to those that are left.
pub async fn take(listener: TcpListener, conversation: Conversation) {
    // Connections have what their listener has.
    if let Err(error) = setsockopt(&listener.as_fd(), SndBuf, &KERNEL_BUFFER) {
        tracing::debug!(%error, "the kernel's buffers stay as they are");
    }
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listener failed"),
    };
    let mut connections = JoinSet::new();
    let mut troubles = Troubles::default();
    let mut stop = conversation.stop.clone();
    loop {
        let accepted = tokio::select! {
            // A sender that is gone means stop as well.
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection ended with a panic, which is a bug");
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => match conversation.places.clone().try_acquire_owned() {
                Ok(place) => {
                    troubles.are_over();
                    let conversation = conversation.clone();
                    connections.spawn(async move {
                        conversation.over(stream).await;
                        drop(place);
                    });
                }
                // Closed at once: who waits is no better off, and has a socket as well.
                Err(_) => troubles.are("there are too many connections; more are closed at once"),
            },
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                troubles.are(&format!("no connection can be accepted: {error}"));
                sleep(conversation.limits.pause).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// What keeps connections out, said when it begins and when it is over.
#[derive(Debug, Default)]
struct Troubles {
    are_known: bool,
}

impl Troubles {
    fn are(&mut self, what: &str) {
        if !std::mem::replace(&mut self.are_known, true) {
            tracing::warn!("{what}");
        }
    }

    fn are_over(&mut self) {
        if std::mem::take(&mut self.are_known) {
            tracing::info!("connections are accepted again");
        }
    }
}
