//! The files of tcpdump: classic pcap with nanoseconds, holding TCP over IPv4 over Ethernet.

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const LINK_ETHERNET: u32 = 1;
const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;
const ETHERNET_HEADER: usize = 14;

/// One TCP segment as captured.
#[derive(Clone, Debug)]
pub struct Segment {
    /// When it was on the wire, in nanoseconds since 1970.
    pub at: u64,
    /// The port it came from.
    pub from: u16,
    /// The port it went to.
    pub to: u16,
    /// Its sequence number.
    pub seq: u32,
    flags: u8,
    /// How many bytes of the stream it carried.
    pub length: usize,
    /// Those of them that were captured.
    pub payload: Vec<u8>,
}

impl Segment {
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;

    /// Whether it asks for a connection.
    pub fn opens(&self) -> bool {
        self.flags & (Self::SYN | Self::ACK) == Self::SYN
    }

    /// Whether it grants one.
    pub fn grants(&self) -> bool {
        self.flags & (Self::SYN | Self::ACK) == Self::SYN | Self::ACK
    }
}

/// All segments of a file, in the order of their time.
pub fn read(file: &[u8]) -> Vec<Segment> {
    assert_eq!(
        word(file, 0),
        MAGIC_NANOSECONDS,
        "no capture of this machine"
    );
    assert_eq!(word(file, 20), LINK_ETHERNET, "not from Ethernet");
    let mut segments = Vec::new();
    let mut at = FILE_HEADER;
    while at + PACKET_HEADER <= file.len() {
        let time = u64::from(word(file, at)) * 1_000_000_000 + u64::from(word(file, at + 4));
        let end = at + PACKET_HEADER + index(word(file, at + 8));
        let Some(packet) = file.get(at + PACKET_HEADER..end) else {
            break;
        };
        segments.extend(segment(time, packet));
        at = end;
    }
    // Two cores may have written them in another order.
    segments.sort_by_key(|segment| segment.at);
    segments
}

fn segment(at: u64, packet: &[u8]) -> Option<Segment> {
    let ip = packet.get(ETHERNET_HEADER..)?;
    let header = usize::from(ip.first()? & 0x0f) * 4;
    let total = usize::from(short(ip, 2)?);
    let tcp = ip.get(header..)?;
    let data = usize::from(tcp.get(12)? >> 4) * 4;
    let length = total.checked_sub(header + data)?;
    let captured = tcp.get(data..).unwrap_or_default();
    Some(Segment {
        at,
        from: short(tcp, 0)?,
        to: short(tcp, 2)?,
        seq: u32::from_be_bytes(tcp.get(4..8)?.try_into().ok()?),
        flags: *tcp.get(13)?,
        length,
        // Short frames are padded.
        payload: captured[..captured.len().min(length)].to_vec(),
    })
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(bytes))
}

/// A number of the file itself, which has the byte order of the machine that wrote it.
fn word(file: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(file[at..at + 4].try_into().unwrap())
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap()
}
