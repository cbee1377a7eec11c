//! The connections of a capture, and the phases that really were.

use std::collections::HashMap;

use crate::truth::pcap::Segment;
use crate::truth::responder::LEAST_RECORD;
use crate::truth::responder::Scheme;

/// The phases that are compared.
pub const PHASES: [&str; 4] = ["connect", "tls", "first_byte", "transfer"];

/// How long each phase took, in microseconds.
pub type Durations = [Option<f64>; PHASES.len()];

/// The bytes in front of a TLS record.
const RECORD_HEADER: usize = 5;
/// The type of records that are encrypted, the last of the handshake included.
const ENCRYPTED: u8 = 23;

/// One connection: its segments with new bytes or a SYN.
#[derive(Debug)]
pub struct Connection {
    /// The port of the client.
    pub port: u16,
    /// When the first SYN was sent, in nanoseconds since 1970.
    pub opened: u64,
    sides: Vec<(Side, Segment)>,
}

/// A segment with data, and who sent it.
type Piece<'a> = (Side, &'a Segment);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Client,
    Server,
}

/// The connections to the server's `port`, in the order in which they were opened.
pub fn connections(segments: &[Segment], port: u16) -> Vec<Connection> {
    let mut all: Vec<Connection> = Vec::new();
    let mut latest: HashMap<u16, usize> = HashMap::new();
    for segment in segments {
        let (side, client) = match (segment.from == port, segment.to == port) {
            (true, _) => (Side::Server, segment.to),
            (_, true) => (Side::Client, segment.from),
            _ => continue,
        };
        let known = latest.get(&client).copied();
        let known = known.filter(|index| !segment.opens() || all[*index].begins_with(segment));
        match known {
            Some(index) => all[index].push(side, segment),
            None if segment.opens() => {
                latest.insert(client, all.len());
                all.push(Connection {
                    port: client,
                    opened: segment.at,
                    sides: vec![(side, segment.clone())],
                });
            }
            None => {}
        }
    }
    all
}

impl Connection {
    fn begins_with(&self, syn: &Segment) -> bool {
        self.sides[0].1.seq == syn.seq
    }

    /// Keeps a segment unless it repeats what was there before.
    fn push(&mut self, side: Side, segment: &Segment) {
        let is_syn = segment.opens() || segment.grants();
        let repeats = self.sides.iter().any(|(other, earlier)| {
            *other == side && earlier.seq == segment.seq && earlier.length >= segment.length
        });
        if (segment.length > 0 || is_syn) && !repeats {
            self.sides.push((side, segment.clone()));
        }
    }

    /// How long each phase was on the wire; otherwise what is missing.
    pub fn truth(&self, scheme: Scheme) -> Result<Durations, &'static str> {
        let granted = self.sides.iter().find(|(_, segment)| segment.grants());
        let (_, granted) = granted.ok_or("no SYN-ACK")?;
        let data = self.data();
        let (tls, exchange) = match scheme {
            Scheme::Plain => (None, &data[..]),
            Scheme::Tls | Scheme::TlsTickets => {
                let (tls, rest) = handshake(&data)?;
                (Some(tls), rest)
            }
        };
        let first = exchange
            .iter()
            .position(|piece| is_response(piece, scheme))
            .ok_or("no response")?;
        let (before, response) = exchange.split_at(first);
        let request = before.iter().rfind(|(side, _)| *side == Side::Client);
        let (_, request) = request.ok_or("no request")?;
        let mut response = response.iter().filter(|piece| is_response(piece, scheme));
        let (_, first) = response.next().ok_or("no response")?;
        let (_, last) = response.next_back().ok_or("one piece of two")?;
        Ok([
            Some(microseconds(self.opened, granted.at)),
            tls,
            Some(microseconds(request.at, first.at)),
            Some(microseconds(first.at, last.at)),
        ])
    }

    /// When the response was on the wire to its end, in nanoseconds since 1970.
    pub fn response_done(&self, scheme: Scheme) -> Option<u64> {
        let data = self.data();
        let mut pieces = data.iter().filter(|piece| is_response(piece, scheme));
        let (_, last) = pieces.nth(1)?;
        Some(last.at)
    }

    fn data(&self) -> Vec<Piece<'_>> {
        let carrying = self.sides.iter().filter(|(_, segment)| segment.length > 0);
        carrying.map(|(side, segment)| (*side, segment)).collect()
    }

    /// The segments in a line each, in microseconds since the first SYN.
    pub fn drawn(&self) -> String {
        let lines = self.sides.iter().map(|(side, segment)| {
            let at = microseconds(self.opened, segment.at);
            let start = &segment.payload[..segment.payload.len().min(RECORD_HEADER)];
            format!("    {at:9.1} {side:?} {} bytes {start:?}\n", segment.length)
        });
        lines.collect()
    }
}

/// How long the handshake took, and what came behind it.
///
/// It ends with the last segment of the server before the client's first encrypted record, its
/// `Finished`: without that the server cannot go on. A client may send an empty change of ciphers
/// earlier, which does not wait for anything.
fn handshake<'a>(data: &'a [Piece<'a>]) -> Result<(f64, &'a [Piece<'a>]), &'static str> {
    let (_, hello) = data.first().ok_or("no ClientHello")?;
    let finished = data.iter().position(|(side, segment)| {
        *side == Side::Client && kinds(segment).any(|(kind, _)| kind == ENCRYPTED)
    });
    let (handshake, rest) = data.split_at(finished.ok_or("no client Finished")?);
    let last = handshake.iter().rfind(|(side, _)| *side == Side::Server);
    let (_, last) = last.ok_or("no handshake of the server")?;
    let tls = microseconds(hello.at, last.at);
    Ok((tls, rest))
}

/// Whether a segment is a piece of the response and not of the handshake or a session ticket.
fn is_response((side, segment): &Piece<'_>, scheme: Scheme) -> bool {
    let long = |(kind, length)| kind == ENCRYPTED && length >= LEAST_RECORD;
    *side == Side::Server && (scheme == Scheme::Plain || kinds(segment).next().is_some_and(long))
}

/// Type and length of the records whose headers were captured. Segments begin with a record, as all
/// of a write fits into one.
fn kinds(segment: &Segment) -> impl Iterator<Item = (u8, usize)> {
    let mut rest = &segment.payload[..];
    std::iter::from_fn(move || {
        let [kind, _, _, high, low] = *rest.first_chunk::<RECORD_HEADER>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(RECORD_HEADER + length..).unwrap_or_default();
        Some((kind, length))
    })
}

fn microseconds(from: u64, to: u64) -> f64 {
    (to as f64 - from as f64) / 1e3
}
