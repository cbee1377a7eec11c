//! As much of PromQL as it takes to find the recorded series that an expression reads.

use std::collections::BTreeMap;
use std::ops::Range;

/// A recorded series in an expression.
pub struct Selector {
    /// Its name.
    pub name: String,
    /// What it asks of labels.
    pub matchers: Vec<Matcher>,
    /// Where it stands, its matchers included.
    pub span: Range<usize>,
    /// Whether it is read at the time of the evaluation, and at no other.
    pub is_instant: bool,
}

/// What a selector asks of one label.
pub struct Matcher {
    label: String,
    operator: String,
    value: String,
}

impl Matcher {
    /// Whether the labels that a rule adds pass; `None` if they do not tell.
    fn accepts(&self, labels: &BTreeMap<String, String>) -> Option<bool> {
        let value = labels.get(&self.label)?;
        // Of regular expressions only plain alternatives are read.
        let is_plain = |text: &str| {
            text.chars()
                .all(|c| c.is_alphanumeric() || "_-:|".contains(c))
        };
        let is_one = || self.value.split('|').any(|one| one == value);
        match &*self.operator {
            "=" => Some(*value == self.value),
            "!=" => Some(*value != self.value),
            "=~" if is_plain(&self.value) => Some(is_one()),
            "!~" if is_plain(&self.value) => Some(!is_one()),
            _ => None,
        }
    }
}

impl Selector {
    /// Whether it reads a rule that adds `labels`; `None` if they do not tell.
    pub fn accepts(&self, labels: &BTreeMap<String, String>) -> Option<bool> {
        self.matchers
            .iter()
            .try_fold(true, |all, matcher| Some(all & matcher.accepts(labels)?))
    }
}

/// Finds what `expression` reads of the names that `is_recorded` knows.
pub fn selectors(expression: &str, is_recorded: impl Fn(&str) -> bool) -> Vec<Selector> {
    let mut scan = Scan::new(expression);
    let mut found: Vec<Selector> = Vec::new();
    let mut open = Vec::new();
    let mut shifted: Vec<Range<usize>> = Vec::new();
    while let Some(byte) = scan.peek() {
        let start = scan.at;
        match byte {
            b'"' | b'\'' | b'`' => drop(scan.string()),
            b'{' | b'[' => scan.past(if byte == b'{' { b'}' } else { b']' }),
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
                if is_recorded(&name) {
                    let matchers = scan.matchers();
                    found.push(Selector {
                        name,
                        matchers,
                        span: start..scan.at,
                        is_instant: !scan.is_shifted(),
                    });
                }
            }
            _ => scan.at += 1,
        }
    }
    for selector in &mut found {
        // What stands in a subquery is read at other times.
        if shifted
            .iter()
            .any(|span| span.contains(&selector.span.start))
        {
            selector.is_instant = false;
        }
    }
    found
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
    const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn name(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    /// The text between the quotes that open here.
    fn string(&mut self) -> String {
        let quote = self.peek();
        let start = self.at + 1;
        self.at = start;
        while self.peek().is_some() && self.peek() != quote {
            let is_escape = self.peek() == Some(b'\\') && quote != Some(b'`');
            self.at += if is_escape { 2 } else { 1 };
        }
        let inside = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        inside.to_owned()
    }

    /// Goes behind the bracket that closes the one here.
    fn past(&mut self, closing: u8) {
        while let Some(byte) = self.peek() {
            match byte {
                b'"' | b'\'' | b'`' => drop(self.string()),
                _ => self.at += 1,
            }
            if byte == closing {
                return;
            }
        }
    }

    /// Whether a range or an offset follows.
    fn is_shifted(&self) -> bool {
        let rest = self.rest().trim_start();
        rest.starts_with(['[', '@']) || rest.starts_with("offset ")
    }

    /// The matchers that follow a name.
    fn matchers(&mut self) -> Vec<Matcher> {
        let mut matchers = Vec::new();
        if self.peek() != Some(b'{') {
            return matchers;
        }
        self.at += 1;
        loop {
            self.spaces();
            match self.peek() {
                None => return matchers,
                Some(b'}') => {
                    self.at += 1;
                    return matchers;
                }
                Some(b',') => self.at += 1,
                Some(_) => matchers.push(self.matcher()),
            }
        }
    }

    fn matcher(&mut self) -> Matcher {
        let label = self.name();
        let start = self.at;
        while self.peek().is_some_and(|byte| b"=!~".contains(&byte)) {
            self.at += 1;
        }
        let operator = self.text.get(start..self.at).unwrap_or_default().to_owned();
        assert!(
            !operator.is_empty(),
            "a matcher of {label} in {}",
            self.text
        );
        self.spaces();
        Matcher {
            label,
            operator,
            value: self.string(),
        }
    }
}
