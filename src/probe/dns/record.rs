//! The records of a DNS message (RFC 1035, 3.2.1): of the data only what is looked for is read.

use std::fmt;
use std::net::IpAddr;

use hickory_resolver::proto::rr::DNSClass;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::serialize::binary::BinDecodable;
use hickory_resolver::proto::serialize::binary::BinDecoder;
use hickory_resolver::proto::serialize::binary::DecodeError;

/// Why bytes are no message.
#[derive(Debug)]
pub enum Malformed {
    /// They are cut, or names in them lead nowhere.
    Encoding(DecodeError),
    /// The data of a record of this type have another length than these bytes.
    Length(RecordType, u16),
    /// A record of this type is where data are.
    Misplaced(RecordType),
    /// What an OPT is about has a name.
    NamedOpt(Name),
    /// There is more than one OPT.
    TwoOpts,
}

impl From<DecodeError> for Malformed {
    fn from(error: DecodeError) -> Self {
        Self::Encoding(error)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(error) => error.fmt(f),
            Self::Length(kind, length) => write!(f, "{length} bytes are no {kind} record"),
            Self::Misplaced(kind) => write!(f, "a record of type {kind} is no answer"),
            Self::NamedOpt(name) => write!(f, "an OPT record has the name {name}"),
            Self::TwoOpts => f.write_str("there are two OPT records"),
        }
    }
}

/// What is in front of the data of a record (RFC 1035, 3.2.1).
pub struct Head {
    /// What the record is about.
    pub name: Name,
    /// Its type.
    pub kind: RecordType,
    class: u16,
    ttl: u32,
    length: u16,
}

impl Head {
    /// Reads it; the data come next.
    pub fn read(decoder: &mut BinDecoder<'_>) -> Result<Self, Malformed> {
        // Any numbers will do.
        Ok(Self {
            name: Name::read(decoder)?,
            kind: RecordType::read(decoder)?,
            class: decoder.read_u16()?.unverified(),
            ttl: decoder.read_u32()?.unverified(),
            length: decoder.read_u16()?.unverified(),
        })
    }

    /// Refuses what says something of the message itself, and has its own section.
    pub fn belongs_to_data(&self) -> Result<(), Malformed> {
        match self.kind {
            RecordType::OPT | RecordType::SIG | RecordType::TSIG => {
                Err(Malformed::Misplaced(self.kind))
            }
            _ => Ok(()),
        }
    }

    /// The higher part of the response code, where an OPT has it (RFC 6891, 6.1.3).
    pub fn high_response_code(&self) -> Result<Option<u8>, Malformed> {
        if self.kind != RecordType::OPT {
            return Ok(None);
        }
        if !self.name.is_root() {
            return Err(Malformed::NamedOpt(self.name.clone()));
        }
        let [high, ..] = self.ttl.to_be_bytes();
        Ok(Some(high))
    }
}

/// The data of the records that are looked for.
pub enum Data {
    /// That of an A or an AAAA.
    Address(IpAddr),
    /// What a CNAME leads to.
    Alias(Name),
}

impl Data {
    /// Reads the data behind `head`; `None` if nobody looks for such. Those are left alone: a single
    /// record can hold thousands of strings or options.
    pub fn read(head: &Head, decoder: &mut BinDecoder<'_>) -> Result<Option<Self>, Malformed> {
        let begins = place(decoder);
        let bytes = decoder.read_slice(head.length.into())?.unverified();
        // Other classes have records of the same types, which mean something else.
        if head.class != u16::from(DNSClass::IN) {
            return Ok(None);
        }
        let of_wrong_length = |_| Malformed::Length(head.kind, head.length);
        Ok(Some(match head.kind {
            RecordType::A => {
                let octets = <[u8; 4]>::try_from(bytes).map_err(of_wrong_length)?;
                Self::Address(octets.into())
            }
            RecordType::AAAA => {
                let octets = <[u8; 16]>::try_from(bytes).map_err(of_wrong_length)?;
                Self::Address(octets.into())
            }
            RecordType::CNAME => {
                let mut within = decoder.clone(begins);
                let target = Name::read(&mut within)?;
                if within.index() != decoder.index() {
                    return Err(Malformed::Length(head.kind, head.length));
                }
                Self::Alias(target)
            }
            _ => return Ok(None),
        }))
    }
}

/// Where a decoder is. No message is longer than it can say (RFC 1035, 4.2.2).
pub fn place(decoder: &BinDecoder<'_>) -> u16 {
    u16::try_from(decoder.index()).unwrap_or(u16::MAX)
}
