//! The server: it thinks before it answers, and its answers come in two pieces.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;

use crate::tls::server_config;

/// How long it thinks at least, and by how much longer it does from one request to the next.
const THINK: Duration = Duration::from_micros(500);
const THINK_STEP: Duration = Duration::from_micros(300);
const THINK_STEPS: u32 = 6;

/// The pause between the pieces.
const PAUSE: Duration = Duration::from_millis(5);

/// The bytes of a piece of the body.
const PIECE: usize = 600;

/// No record of a response is shorter, and no session ticket is that long.
pub const LEAST_RECORD: usize = PIECE;

/// What the server speaks.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Scheme {
    /// Without TLS.
    Plain,
    /// TLS 1.3, and nothing behind the handshake but the response.
    Tls,
    /// TLS 1.3 with two session tickets between handshake and response.
    TlsTickets,
}

impl Scheme {
    /// The scheme of a URL.
    pub const fn of_url(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls | Self::TlsTickets => "https",
        }
    }

    /// The scheme in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
            Self::TlsTickets => "https, tickets",
        }
    }
}

/// A running server, with one port for each who probes it.
pub struct Responder {
    /// The port for this exporter.
    pub ours: SocketAddr,
    /// The port for blackbox_exporter.
    pub theirs: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Responder {
    /// Starts listening; a thread serves each connection.
    pub fn start(scheme: Scheme) -> Self {
        let tls = match scheme {
            Scheme::Plain => None,
            Scheme::Tls => Some(tickets(0)),
            Scheme::TlsTickets => Some(tickets(2)),
        };
        let stop = Arc::<AtomicBool>::default();
        let listen = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let (tls, stop) = (tls.clone(), stop.clone());
            thread::spawn(move || accept(&listener, tls.as_ref(), &stop));
            address
        };
        Self {
            ours: listen(),
            theirs: listen(),
            stop,
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for address in [self.ours, self.theirs] {
            // Wakes the thread that accepts.
            TcpStream::connect(address).ok();
        }
    }
}

fn tickets(count: usize) -> Arc<ServerConfig> {
    let (mut config, _) = server_config();
    config.send_tls13_tickets = count;
    Arc::new(config)
}

fn accept(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, stop: &AtomicBool) {
    static REQUESTS: AtomicU32 = AtomicU32::new(0);
    for stream in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let tls = tls.cloned();
        let think = THINK + THINK_STEP * (REQUESTS.fetch_add(1, Ordering::Relaxed) % THINK_STEPS);
        thread::spawn(move || {
            // A client that goes away is its own affair.
            serve(stream, tls, think).ok();
        });
    }
}

fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, think: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => answer(stream, think),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            answer(StreamOwned::new(connection, stream), think)
        }
    }
}

/// Answers one request and waits for the client to close, so that no FIN follows the response.
fn answer(mut stream: impl Read + Write, think: Duration) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            read => filled += read,
        }
    }
    thread::sleep(think);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
        2 * PIECE
    );
    let piece = [b'a'; PIECE];
    stream.write_all(&[head.as_bytes(), &piece].concat())?;
    stream.flush()?;
    thread::sleep(PAUSE);
    stream.write_all(&piece)?;
    stream.flush()?;
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}
