//! The addresses to listen on, written as Prometheus exporters take them.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV6;
use std::net::TcpListener;
use std::net::ToSocketAddrs;
use std::os::fd::AsRawFd;
use std::str::FromStr;

use listenfd::ListenFd;
use nix::sys::socket::AddressFamily;
use nix::sys::socket::Backlog;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockType;
use nix::sys::socket::SockaddrIn6;
use nix::sys::socket::bind;
use nix::sys::socket::listen;
use nix::sys::socket::setsockopt;
use nix::sys::socket::socket;
use nix::sys::socket::sockopt::Ipv6V6Only;
use nix::sys::socket::sockopt::ReuseAddr;

/// How many connections may wait to be taken in, as with the sockets of the standard library.
const BACKLOG: i32 = 128;

/// An address to listen on: `:PORT` for every address of this machine, or `HOST:PORT`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListenAddress {
    text: String,
    /// `None` stands for every address.
    host: Option<String>,
    port: u16,
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address to listen on; write :PORT or HOST:PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        if bare.is_none() && host.contains(':') {
            return Err(format!(
                "{text:?}: write an IPv6 address in brackets, like [::1]:{port}"
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            host: Some(bare.unwrap_or(host).to_owned()).filter(|host| !host.is_empty()),
            port,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ListenAddress {
    /// Listens. `:PORT` takes IPv6 and IPv4, or IPv4 alone where there is no IPv6.
    pub fn bind(&self) -> Result<TcpListener, BindError> {
        let bound = match &self.host {
            Some(host) => (host.as_str(), self.port)
                .to_socket_addrs()
                .and_then(|addresses| TcpListener::bind(addresses.collect::<Vec<_>>().as_slice())),
            None => of_both_families(self.port).or_else(|error| match error.kind() {
                io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => Err(error),
                _ => TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port)),
            }),
        };
        bound
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| BindError {
                address: self.text.clone(),
                error,
            })
    }

    /// Where a client on this machine reaches it by `scheme`.
    pub fn local_url(&self, scheme: &str) -> String {
        let host = match self.host.as_deref() {
            None | Some("0.0.0.0") => "127.0.0.1".to_owned(),
            Some("::") => "[::1]".to_owned(),
            Some(host) if host.contains(':') => format!("[{host}]"),
            Some(host) => host.to_owned(),
        };
        format!("{scheme}://{host}:{}", self.port)
    }
}

/// Where a client on this machine reaches what listens on `address`.
pub fn url(address: SocketAddr, is_tls: bool) -> String {
    let scheme = if is_tls { "https" } else { "http" };
    if address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}

/// Listens on every address of this machine. Whether IPv6 takes IPv4 along is not left to the system, as
/// in Go: it is of sockets that somebody did not think of.
fn of_both_families(port: u16) -> io::Result<TcpListener> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet6, SockType::Stream, flags, None)?;
    setsockopt(&socket, ReuseAddr, &true)?;
    setsockopt(&socket, Ipv6V6Only, &false)?;
    let address = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
    bind(socket.as_raw_fd(), &SockaddrIn6::from(address))?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(TcpListener::from(socket))
}

/// Takes the sockets that systemd opened for this process. The environment that tells of them is
/// read once.
pub fn from_systemd() -> Result<Vec<TcpListener>, BindError> {
    let mut given = ListenFd::from_env();
    let mut listeners = Vec::with_capacity(given.len());
    for index in 0..given.len() {
        let failed = |error| BindError {
            address: format!("socket {} of systemd", index + 1),
            error,
        };
        let listener = given.take_tcp_listener(index).map_err(failed)?;
        if let Some(listener) = listener {
            listener.set_nonblocking(true).map_err(failed)?;
            listeners.push(listener);
        }
    }
    if listeners.is_empty() {
        return Err(BindError {
            address: "a socket of systemd".to_owned(),
            error: io::Error::other(
                "it handed none over; start the exporter by a socket unit, or without \
                 --web.systemd-socket",
            ),
        });
    }
    Ok(listeners)
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    address: String,
    error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, error } = self;
        write!(f, "cannot listen on {address}: {error}")?;
        if error.kind() == io::ErrorKind::AddrInUse {
            f.write_str("; choose another with --web.listen-address")?;
        }
        Ok(())
    }
}

impl Error for BindError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_exporters_write_them() {
        for (text, url) in [
            (":10409", Some("http://127.0.0.1:10409")),
            ("0.0.0.0:1", Some("http://127.0.0.1:1")),
            ("127.0.0.2:1", Some("http://127.0.0.2:1")),
            ("[::]:1", Some("http://[::1]:1")),
            ("[::1]:1", Some("http://[::1]:1")),
            ("localhost:1", Some("http://localhost:1")),
            ("::1:1", None),
            ("10409", None),
            (":http", None),
            (":70000", None),
            ("", None),
        ] {
            let address = text.parse::<ListenAddress>().ok();
            assert_eq!(
                address.map(|address| address.local_url("http")).as_deref(),
                url,
                "{text}"
            );
        }
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let first = ":0"
            .parse::<ListenAddress>()
            .and_then(|a| a.bind().map_err(|e| e.to_string()));
        let port = first
            .as_ref()
            .map(|listener| listener.local_addr().map(|a| a.port()));
        let port = port.expect("bound").expect("has an address");
        let second = format!(":{port}")
            .parse::<ListenAddress>()
            .expect("valid")
            .bind();
        let error = second.expect_err("taken").to_string();
        assert!(
            error.starts_with(&format!("cannot listen on :{port}: ")),
            "{error}"
        );
    }
}
