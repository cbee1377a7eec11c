//! Empty lines before a status line, which are no part of a response (RFC 9112, 2.2).

/// Whether what is read are empty lines still, however it is cut.
#[derive(Debug, Default)]
pub struct EmptyLines {
    /// Whether the last byte was a carriage return, which a line feed must follow.
    has_return: bool,
}

impl EmptyLines {
    /// How many of the bytes at the beginning are of empty lines, the last of which may go on.
    pub fn count(&mut self, arrived: &[u8]) -> usize {
        let is_theirs = |byte: &&u8| {
            let may_be = **byte == b'\n' || **byte == b'\r' && !self.has_return;
            self.has_return = **byte == b'\r' || self.has_return && !may_be;
            may_be
        };
        arrived.iter().take_while(is_theirs).count()
    }

    /// Whether the bytes before are no whole lines.
    pub fn is_within_one(&self) -> bool {
        self.has_return
    }
}
