//! What fuzzers reach of a probe: the response and what is read out of it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net;

use http::HeaderMap;
use http::HeaderValue;
use http::header;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio::task::yield_now;
use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::outcome::Attempt;
use crate::probe::Prober;
use crate::probe::carrier::Carrier;
use crate::probe::cookies::Jar;
use crate::probe::dns;
use crate::probe::exchange;
use crate::probe::exchange::Stream;
use crate::probe::json as finder;
use crate::probe::judge;
use crate::probe::progress::ResponseProgress;
use crate::probe::redirect::Chain;
use crate::probe::socket::ProbeSocket;
use crate::probe::tls;
use crate::probe::walk::Walk;
use crate::target;
use crate::target::address::TargetUrl;
use crate::target::cel::Budget;
use crate::target::cel::Cel;
use crate::target::credentials::secret_value;
use crate::target::pointer::JsonPointer;

/// What came of a response, and what the follower of heads or frames beside the client made of it.
#[derive(Debug)]
pub struct Answered {
    /// What came of it.
    pub attempt: Attempt,
    /// Whether the follower saw the head of a final response whole.
    pub is_complete: bool,
    /// The head that the follower saw of a response of HTTP/1, as far as it got.
    pub head: Option<Vec<u8>>,
}

impl Prober {
    /// Sends the request to a peer within this process, which answers with `pieces` and closes.
    pub async fn answered(&self, pieces: &[&[u8]]) -> io::Result<Answered> {
        let bounds = self.bounds_until(Instant::now() + self.target.timeout);
        let mut walk = Walk::start(bounds.started, self.wall_clock);
        let wire = walk.wire.clone();
        // A probe knows its socket by the calls that it takes, and those of this one are the same.
        let (ours, theirs) = net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let ours = TcpStream::from_std(OwnedFd::from(ours).into())?;
        let theirs = UnixStream::from_std(theirs)?;
        let socket = ProbeSocket::new(ours, wire.clone());
        let stream = Stream::Plain(Carrier::Socket(socket));
        let exchange = async {
            let module = &self.target.module;
            let request = self.request.expose().clone();
            let redirection = exchange::exchange(stream, request, module, &mut walk).await?;
            if let Some(redirection) = redirection {
                Chain::new(&self.target.url, &self.request).follow(&redirection)?;
            }
            Ok(())
        };
        let walked = timeout_at(bounds.deadline, async {
            tokio::select! {
                biased;
                walked = exchange => walked,
                never = peer(theirs, pieces) => match never {},
            }
        });
        let walked = walked.await;
        let (is_complete, head) = {
            let marks = wire.marks();
            let head = match &marks.head {
                ResponseProgress::Text(head) => Some(head.bytes().to_vec()),
                ResponseProgress::Frames(_) | ResponseProgress::Stream(_) => None,
            };
            (marks.head.is_complete(), head)
        };
        Ok(Answered {
            attempt: self.attempt(bounds, walk, walked, Instant::now()),
            is_complete,
            head,
        })
    }
}

/// Nothing, which does not come.
enum Never {}

/// Answers the request once it comes, and reads whatever else does.
async fn peer(mut stream: UnixStream, pieces: &[&[u8]]) -> Never {
    let (mut reading, mut writing) = stream.split();
    let mut buffer = [0; 4096];
    let mut is_open = reading.read(&mut buffer).await.is_ok_and(|n| n > 0);
    let write = async {
        for piece in pieces {
            if writing.write_all(piece).await.is_err() {
                break;
            }
            // So that each can be read before the next comes.
            yield_now().await;
            yield_now().await;
        }
        writing.shutdown().await.ok();
    };
    let read = async {
        while is_open {
            is_open = reading.read(&mut buffer).await.is_ok_and(|n| n > 0);
        }
    };
    tokio::join!(write, read);
    std::future::pending().await
}

/// Reads the bytes as an answer of a name server.
pub fn dns(data: &[u8]) {
    dns::fuzzing::run(data);
}

/// Reads the bytes as certificates: written in PEM, and as a chain of one and of two.
pub fn certificate(data: &[u8]) {
    tls::fuzzing::run(data);
    drop(target::tls::private_key(data));
    for certificate in target::tls::certificates(data).unwrap_or_default() {
        tls::fuzzing::run(&certificate);
        assert!(certificate.len() < data.len(), "more than there was");
    }
}

/// Reads the bytes as headers that set cookies, a line each, for an origin and for another.
pub fn cookies(data: &[u8]) {
    let [own, other] = ["https://a.example/x/y", "https://b.example/x/y"]
        .map(|text| TargetUrl::parse(text).expect("a URL"));
    let mut jar = Jar::default();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else {
            continue;
        };
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, value);
        jar.keep(&own, &headers);
    }
    assert_eq!(jar.header(&other, None), None, "a cookie for another");
    let configured = secret_value(b"kept=1; a=2").expect("a header can hold it");
    let both = jar
        .header(&own, Some(&configured))
        .expect("there is a configured one");
    let (len, own_len) = (both.expose().len(), configured.expose().len());
    assert!(len <= data.len() + 2 * data.len() + own_len, "{len}");
    if let Some(set) = jar.header(&own, None) {
        let set = set.expose();
        let text = set.as_bytes();
        assert!(!text.contains(&b'\n') && !text.contains(&b'\r'), "{set:?}");
        assert!(set.is_sensitive(), "a cookie that would be logged");
    }
}

/// Reads the first line as an expression or as a pointer, and the rest as a document.
pub fn json(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (line, document) = data.split_at(end.unwrap_or(data.len()));
    let document = document.get(1..).unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else {
        return;
    };
    if let Ok(pointer) = JsonPointer::parse(line) {
        let found = finder::find(document, &pointer);
        // A tree has less room for nesting and for numbers than what only looks.
        if let Some(tree) = tree(document) {
            match tree.pointer(line) {
                // A tree forgets how they were written.
                Some(serde_json::Value::Number(_)) => assert!(found.is_some(), "{line}"),
                place => assert_eq!(found.as_deref(), place.and_then(text).as_deref(), "{line}"),
            }
        }
    }
    let body = judge::document::parse(document);
    if let (Ok(body), Ok(cel)) = (body, Cel::new(line)) {
        let told = cel.is_true_of(body.clone(), &Budget::of(10_000));
        assert_eq!(told, cel.is_true_of(body, &Budget::of(10_000)), "{line}");
    }
}

/// The whole document as a tree.
fn tree(document: &[u8]) -> Option<serde_json::Value> {
    let text = std::str::from_utf8(document).ok()?;
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()
}

/// What is written there, if it is more than nothing and no number.
fn text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
