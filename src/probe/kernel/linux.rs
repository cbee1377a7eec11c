//! Linux: `SO_TIMESTAMPNS` and `TCP_INFO`.

use std::io;
use std::io::IoSliceMut;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::time::Duration;

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::ControlMessageOwned;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::getsockopt;
use nix::sys::socket::recvmsg;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::GetStruct;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use nix::sys::socket::sockopt::Ipv4RecvErr;
use nix::sys::socket::sockopt::Ipv6RecvErr;
use nix::sys::socket::sockopt::RcvBuf;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::time::TimeSpec;

use crate::probe::kernel::Received;

/// How many 32-bit words of `struct tcp_info` are read: up to `tcpi_total_retrans`. Asking for less
/// than the kernel has is allowed, and no kernel has less.
const TCP_INFO_WORDS: usize = 26;

/// The word of `tcpi_rtt`, the smoothed round-trip time in microseconds.
const RTT: usize = 17;

/// The word of `tcpi_total_retrans`, how many segments were sent again.
const TOTAL_RETRANSMITS: usize = 25;

/// How much of what arrives at a UDP socket may wait, of which Linux allows 208 KiB unless it is told
/// otherwise (`net.core.rmem_max`).
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// The option `TCP_INFO`, of which nix has no reader.
#[derive(Clone, Copy, Debug)]
struct TcpInfoHead;

nix::getsockopt_impl!(
    TcpInfoHead,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    [u32; TCP_INFO_WORDS],
    GetStruct<[u32; TCP_INFO_WORDS]>
);

/// Has the kernel stamp what arrives at `socket`, best before it is connected. A kernel that will
/// not is no reason to fail: its reads then come without a stamp.
pub fn enable_stamps(socket: &impl AsFd) {
    if let Err(error) = setsockopt(socket, ReceiveTimestampns, &true) {
        tracing::debug!(%error, "the kernel does not stamp what arrives");
    }
}

/// Has the kernel choose the local port of a bound socket only when it connects, so that connections to
/// different targets may share one, as those of unbound sockets do. A kernel that will not is no
/// reason to fail: there are fewer ports then.
pub fn choose_port_late(socket: &impl AsFd) {
    if let Err(error) = setsockopt(socket, IpBindAddressNoPort, &true) {
        tracing::debug!(%error, "the kernel takes a port for each bound socket");
    }
}

/// Has a UDP socket told whatever the network says of the way, as a TCP socket is while it connects. A
/// kernel that will not is no reason to fail: what is not told ends at the deadline.
pub fn enable_network_errors(socket: &impl AsFd, is_ipv4: bool) {
    let enabled = match is_ipv4 {
        true => setsockopt(socket, Ipv4RecvErr, &true),
        false => setsockopt(socket, Ipv6RecvErr, &true),
    };
    if let Err(error) = enabled {
        tracing::debug!(%error, "the kernel does not tell errors of the network");
    }
}

/// Has the kernel keep more of what arrives at a UDP socket than it does unasked, as far as the system
/// lets it: what finds no room is lost, and sent again later, which would be measured.
pub fn widen_receive_buffer(socket: &impl AsFd) {
    if let Err(error) = setsockopt(socket, RcvBuf, &RECEIVE_BUFFER_BYTES) {
        tracing::debug!(%error, "the kernel keeps no more than usual of what arrives");
    }
}

/// Holds one stamping socket for the life of the process. Stamping is switched on for the whole
/// system with the first such socket, and only some time after it: without this one the first
/// bytes of some probes would have no stamp.
pub fn hold_stamping() {
    static KEEPER: OnceLock<Option<UdpSocket>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        enable_stamps(&socket);
        Some(socket)
    });
}

/// Reads from a socket, with the stamp of what came.
pub fn receive(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut control = cmsg_space!(TimeSpec);
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let stamp = message.cmsgs().ok().and_then(|mut controls| {
        controls.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
            _ => None,
        })
    });
    Ok(Received {
        length: message.bytes,
        stamp,
    })
}

/// How long the handshake of a connection took between the SYN and its answer, as the kernel
/// measured it. `None` if a SYN was repeated, since the kernel then knows only the last try.
pub fn handshake_round_trip(stream: &impl AsFd) -> Option<Duration> {
    let info = getsockopt(stream, TcpInfoHead).ok()?;
    (info[TOTAL_RETRANSMITS] == 0).then(|| Duration::from_micros(info[RTT].into()))
}
