//! As much of PromQL as it takes to find the recorded series that an expression reads.

use std::ops::Range;

/// A recorded series in an expression.
pub struct Selector {
    /// Its name.
    pub name: String,
    /// Whether it is read at the time of the evaluation, and at no other.
    pub is_instant: bool,
}

/// Finds what `expression` reads of the names that `is_recorded` knows.
pub fn selectors(expression: &str, is_recorded: impl Fn(&str) -> bool) -> Vec<Selector> {
    let mut scan = Scan {
        text: expression,
        at: 0,
    };
    let mut found: Vec<(usize, Selector)> = Vec::new();
    let mut open = Vec::new();
    let mut shifted: Vec<Range<usize>> = Vec::new();
    while let Some(byte) = scan.peek() {
        let start = scan.at;
        match byte {
            b'"' | b'\'' | b'`' => scan.skip_string(),
            b'{' => scan.skip_past(b'}'),
            b'[' => scan.skip_past(b']'),
            b'(' => {
                open.push(start);
                scan.at += 1;
            }
            b')' => {
                scan.at += 1;
                let from = open.pop().unwrap_or(0);
                if scan.is_shifted() {
                    shifted.push(from..start);
                }
            }
            byte if is_name(byte) => {
                let name = scan.name();
                if is_recorded(name) {
                    if scan.peek() == Some(b'{') {
                        scan.skip_past(b'}');
                    }
                    let selector = Selector {
                        name: name.to_owned(),
                        is_instant: !scan.is_shifted(),
                    };
                    found.push((start, selector));
                }
            }
            _ => scan.at += 1,
        }
    }
    let found = found.into_iter().map(|(at, selector)| Selector {
        // What stands in a subquery is read at other times.
        is_instant: selector.is_instant && !shifted.iter().any(|span| span.contains(&at)),
        ..selector
    });
    found.collect()
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

/// A place in an expression.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn name(&mut self) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Goes behind the quote that closes the one here.
    fn skip_string(&mut self) {
        let quote = self.peek();
        self.at += 1;
        while self.peek().is_some() && self.peek() != quote {
            let is_escape = self.peek() == Some(b'\\') && quote != Some(b'`');
            self.at += if is_escape { 2 } else { 1 };
        }
        self.at += 1;
    }

    /// Goes behind the bracket that closes the one here.
    fn skip_past(&mut self, closing: u8) {
        while let Some(byte) = self.peek() {
            match byte {
                b'"' | b'\'' | b'`' => self.skip_string(),
                _ => self.at += 1,
            }
            if byte == closing {
                return;
            }
        }
    }

    /// Whether a range or an offset follows.
    fn is_shifted(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default().trim_start();
        rest.starts_with(['[', '@']) || rest.starts_with("offset ")
    }
}
