//! The client's side of HTTP, as far as asking Prometheus needs it.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any query takes.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Posts a form, which may be longer than an address can be, or gets a page if it is empty. Returns
/// the status and the body. In HTTP/1.0 the body ends with the connection and has no chunks.
pub fn ask(address: SocketAddr, path: &str, form: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let method = if form.is_empty() { "GET" } else { "POST" };
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let status = response
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok());
    let end = response.find("\r\n\r\n").map(|at| at + 4);
    match (status, end) {
        (Some(status), Some(end)) => Ok((status, response.split_off(end))),
        _ => Err(io::Error::other("this is no response of HTTP")),
    }
}
