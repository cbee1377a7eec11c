//! The six phases of the HTTP cycle.

/// A phase of the HTTP cycle, in the order in which a probe walks them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Phase {
    /// The look-up of the host name.
    Dns,
    /// The opening of the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The writing of the request.
    Send,
    /// The wait for the first byte of the final response.
    FirstByte,
    /// The arrival of the response, head and body.
    Transfer,
}

impl Phase {
    /// How many phases there are.
    pub const COUNT: usize = 6;

    /// All phases, in the order in which a probe walks them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Send,
        Self::FirstByte,
        Self::Transfer,
    ];

    /// The value of the label `phase`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::FirstByte => "first_byte",
            Self::Transfer => "transfer",
        }
    }
}
