//! The yardstick: a loop of blocking sockets that probes and measures nothing.
//!
//! A probe costs the more the longer the pause before it: caches are cold, and somebody must wake
//! up. So the loop runs at the same pace as what it is compared with, or without any pause.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::subjects::REQUEST_HEADERS;

/// Probes `address` so many times a second until the process is killed, or all the time if that is
/// zero.
pub fn run(address: SocketAddr, rate: u32) -> ! {
    let request = format!("GET / HTTP/1.1\r\n{REQUEST_HEADERS}host: {address}\r\n\r\n");
    let mut buffer = vec![0; 16 * 1024];
    let interval = Duration::from_secs(1).checked_div(rate);
    let mut due = Instant::now();
    loop {
        if let Some(interval) = interval {
            due += interval;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        probe(address, request.as_bytes(), &mut buffer);
    }
}

fn probe(address: SocketAddr, request: &[u8], buffer: &mut [u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(request).unwrap();
    let mut filled = 0;
    while !is_whole(&buffer[..filled]) {
        let read = stream.read(&mut buffer[filled..]).unwrap();
        assert!(read > 0, "the response was cut short");
        filled += read;
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200 "));
}

/// Whether a response of known length has arrived to its end.
pub fn is_whole(arrived: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length: ";
    let Some(end) = find(arrived, b"\r\n\r\n") else {
        return false;
    };
    let (head, body) = (&arrived[..end], &arrived[end + 4..]);
    let from = find(head, LENGTH).unwrap() + LENGTH.len();
    let digits = head[from..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    body.len() >= length
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
