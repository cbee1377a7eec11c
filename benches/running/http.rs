//! The client's side of HTTP, as far as benchmarks need it.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Gets a page as it comes over the wire, its status line first; `None` if nobody answers.
/// In HTTP/1.0 the body ends with the connection and has no chunks.
pub fn get(address: SocketAddr, path: &str, headers: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    Some(response)
}

/// The body of a response.
pub fn body_of(response: &[u8]) -> &[u8] {
    let end = response.windows(4).position(|window| window == b"\r\n\r\n");
    &response[end.unwrap() + 4..]
}

/// A connection that stays open.
pub struct KeepAlive {
    address: SocketAddr,
    stream: TcpStream,
}

impl KeepAlive {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self { address, stream }
    }

    /// Gets a page, in chunks or of a length that is told; `None` once the other side is gone.
    pub fn get(&mut self, path: &str) -> Option<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.stream.write_all(request.as_bytes()).ok()?;
        let mut response = Vec::new();
        let mut buffer = [0; 16 * 1024];
        let body = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(read) => response.extend_from_slice(&buffer[..read]),
            }
            if let Some(body) = whole_body(&response) {
                break body;
            }
        };
        Some(String::from_utf8(body).unwrap())
    }
}

/// The body of a response that is there to its end.
fn whole_body(response: &[u8]) -> Option<Vec<u8>> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&response[..end])
        .unwrap()
        .to_ascii_lowercase();
    let body = &response[end + 4..];
    match head.split("content-length: ").nth(1) {
        Some(rest) => {
            let length: usize = rest.lines().next().unwrap().parse().unwrap();
            (body.len() >= length).then(|| body.to_vec())
        }
        None => body.ends_with(b"0\r\n\r\n").then(|| joined(body)),
    }
}

/// A body without the lines around its chunks.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&chunks[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        let from = end + 2;
        body.extend_from_slice(&chunks[from..from + size]);
        chunks = &chunks[from + size + 2..];
    }
}
