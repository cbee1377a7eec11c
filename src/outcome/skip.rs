//! Why a slot passed without a probe: the exporter's own faults, never the target's.

/// The reason of a skipped slot; the value of the label `reason`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SkipReason {
    /// The probe before it was still running.
    Overrun,
    /// The exporter came too late to start it.
    Overload,
    /// No file descriptor was left.
    FdLimit,
    /// No local port was left.
    PortExhausted,
    /// This machine has no route to the address.
    NoRoute,
    /// The exporter was stopping.
    Shutdown,
    /// A file with a secret could not be read.
    SecretUnreadable,
    /// No token could be had.
    TokenUnavailable,
    /// A bug of the exporter.
    Internal,
}

impl SkipReason {
    /// How many reasons there are.
    pub const COUNT: usize = 9;

    /// All reasons; `Self::ALL[r as usize] == r`.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Overrun,
        Self::Overload,
        Self::FdLimit,
        Self::PortExhausted,
        Self::NoRoute,
        Self::Shutdown,
        Self::SecretUnreadable,
        Self::TokenUnavailable,
        Self::Internal,
    ];

    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Overrun => "overrun",
            Self::Overload => "overload",
            Self::FdLimit => "fd_limit",
            Self::PortExhausted => "port_exhausted",
            Self::NoRoute => "no_route",
            Self::Shutdown => "shutdown",
            Self::SecretUnreadable => "secret_unreadable",
            Self::TokenUnavailable => "token_unavailable",
            Self::Internal => "internal",
        }
    }

    /// What happened, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Overrun => "The probe before it was still running.",
            Self::Overload => "This machine was too busy to tell whether the target is slow.",
            Self::FdLimit => "The process may not open another file; see ulimit -n.",
            Self::PortExhausted => "This machine has no local port left.",
            Self::NoRoute => "This machine has no route to the address.",
            Self::Shutdown => "The exporter was stopping.",
            Self::SecretUnreadable => "A file with a secret cannot be read.",
            Self::TokenUnavailable => "No token could be had.",
            Self::Internal => "A bug of the exporter, or TLS without any authorities to trust.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_indexable() {
        for (index, &reason) in SkipReason::ALL.iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
