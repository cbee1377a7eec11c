//! One connection from its first byte to its last, however slow the other side is.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::Version;
use axum::http::header;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::server::connections::heard::Heard;
use crate::server::connections::host;
use crate::server::connections::limits::Limits;
use crate::server::connections::pace::Overrun;
use crate::server::connections::pace::Pace;
use crate::server::connections::pace::PacedBody;
use crate::server::door::Door;
use crate::server::door::tls::HTTP2;

/// The largest head of a request, and how much of a response is taken from its pages before the
/// client takes it.
const BUFFER: usize = 16 * 1024;

/// How many requests of one connection are answered at once.
const STREAMS: u32 = 8;

/// The answers that a connection ends with: it is not to keep a place from others by being refused.
const SHOW_OUT: [StatusCode; 3] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// What all connections have in common.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// What is asked for.
    pub pages: Router,
    /// The door that was made last.
    pub doors: watch::Receiver<Arc<Door>>,
    /// What a client may take.
    pub limits: Limits,
    /// What is left of the connections that there may be, on all addresses together.
    pub places: Arc<Semaphore>,
    /// Turns true when the server stops.
    pub stop: watch::Receiver<bool>,
}

impl Conversation {
    /// Answers what comes over `stream` until either side has had enough.
    pub async fn over(mut self, stream: TcpStream) {
        // A response is written in few pieces; none of them is to wait for another.
        stream.set_nodelay(true).ok();
        let tls = self.doors.borrow().tls();
        let Some(config) = tls else {
            return Box::pin(self.over_http1(stream)).await;
        };
        // Boxed, each for as long as it runs, so that a connection has the memory of one alone.
        let shaken = Box::pin(TlsAcceptor::from(config).accept(stream));
        let shaken = tokio::select! {
            shaken = timeout(self.limits.handshake, shaken) => shaken,
            _ = self.stop.wait_for(|stop| *stop) => return,
        };
        match shaken {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(HTTP2) => {
                Box::pin(self.over_http2(stream)).await;
            }
            Ok(Ok(stream)) => Box::pin(self.over_http1(stream)).await,
            Ok(Err(error)) => tracing::debug!(%error, "a client did not get past TLS"),
            Err(_) => tracing::debug!("a client took too long for TLS"),
        }
    }

    async fn over_http1(self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let pace = Arc::new(Pace::new(self.limits, self.places.clone()));
        let service = service_fn(|request| self.answer(request, &pace));
        let io = TokioIo::new(Heard::new(stream, pace.clone()));
        let connection = http1::Builder::new()
            // Its timeout would also end connections that rest between two scrapes.
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            .serve_connection(io, service);
        self.drive(connection, &pace).await;
    }

    async fn over_http2(self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let pace = Arc::new(Pace::new(self.limits, self.places.clone()));
        let service = {
            let (conversation, pace) = (self.clone(), pace.clone());
            service_fn(move |request| {
                let (conversation, pace) = (conversation.clone(), pace.clone());
                async move { conversation.answer(request, &pace).await }
            })
        };
        let buffer = u32::try_from(BUFFER).unwrap_or(u32::MAX);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(buffer)
            .max_send_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        self.drive(connection, &pace).await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        pace: &Arc<Pace>,
    ) -> Result<Response<PacedBody>, Infallible> {
        let answering = pace.answering();
        let door = self.doors.borrow().clone();
        let version = request.version();
        let is_for_a_host = host::is_named(version, request.headers());
        let mut response = match is_for_a_host {
            true => door.answer(request, self.pages.clone()).await,
            false => door.refuse(StatusCode::BAD_REQUEST),
        };
        if !is_for_a_host || SHOW_OUT.contains(&response.status()) {
            answering.shows_out();
            // HTTP/2 has a frame for it instead (RFC 9113, 8.2.2).
            if version < Version::HTTP_2 {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
        }
        Ok(response.map(|body| answering.with(body)))
    }

    /// Lets a connection run until it ends, has taken too long, or the server stops.
    async fn drive<C: GracefulConnection>(&self, connection: C, pace: &Pace)
    where
        C::Error: std::fmt::Display,
    {
        let mut connection = pin!(connection);
        let mut stop = self.stop.clone();
        let overrun = tokio::select! {
            ended = connection.as_mut() => return say_why(ended),
            overrun = pace.overrun() => Some(overrun),
            // A sender that is gone means stop as well.
            _ = stop.wait_for(|stop| *stop) => None,
        };
        match overrun {
            Some(Overrun::Idle) => {
                connection.as_mut().graceful_shutdown();
                // What is left is a word of farewell, if the client takes it.
                timeout(self.limits.grace, connection).await.ok();
            }
            Some(overrun) => tracing::debug!(?overrun, "a client took too long"),
            None => {
                connection.as_mut().graceful_shutdown();
                // Whoever waits for all connections bounds this.
                say_why(connection.await);
            }
        }
    }
}

/// Errors of connections are those of clients, and of interest to few.
fn say_why<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
