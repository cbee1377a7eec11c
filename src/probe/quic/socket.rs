//! The UDP socket of a probe, which notes when datagrams were sent and when they arrived.

use std::io;
use std::sync::Arc;

use nix::errno::Errno;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::probe::kernel;
use crate::probe::stop::errno;
use crate::probe::wire::Wire;

/// A connected socket below QUIC. Whatever is stamped is stamped here.
#[derive(Debug)]
pub struct DatagramSocket {
    socket: UdpSocket,
    wire: Arc<Wire>,
}

impl DatagramSocket {
    /// Wraps a connected socket whose marks go to `wire`.
    pub fn new(socket: UdpSocket, wire: Arc<Wire>) -> Self {
        Self { socket, wire }
    }

    /// Sends a datagram, and tells whether the kernel took it.
    pub fn send(&self, datagram: &[u8]) -> io::Result<bool> {
        let before = Instant::now();
        match self.socket.try_send(datagram) {
            Ok(_) => {
                let mut marks = self.wire.marks();
                marks.note_attempt_to_write(before);
                marks.last_write = Some(before);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            // Some network on the way takes only shorter ones: to QUIC it is lost.
            Err(error) if errno(&error) == Some(Errno::EMSGSIZE) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Receives one datagram, if there is one, and tells its length. Its stamp is that of the last
    /// arrival from then on.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // One after the other, as tokio asks for no two at once.
        let mut received = Err(io::ErrorKind::WouldBlock.into());
        for interest in [Interest::READABLE, Interest::ERROR] {
            let receive = || kernel::receive(&self.socket, buffer);
            received = self.socket.try_io(interest, receive);
            let is_blocked = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
            if !received.as_ref().is_err_and(is_blocked) {
                break;
            }
        }
        match received {
            Ok(received) => {
                self.wire.marks().note_arrival(received.stamp);
                Ok(Some(received.length))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if errno(&error) == Some(Errno::EMSGSIZE) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until there is something to receive, an error, or, if that is wanted, room to send.
    pub async fn ready(&self, to_send: bool) {
        // Where nobody listens an error is all that comes.
        let interest = Interest::READABLE | Interest::ERROR;
        let interest = if to_send {
            interest | Interest::WRITABLE
        } else {
            interest
        };
        // It fails only where the runtime ends.
        self.socket.ready(interest).await.ok();
    }
}
