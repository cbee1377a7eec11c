//! Lines of YAML.

use std::fmt::Display;
use std::fmt::Write as _;

/// YAML that grows line by line. Depths are in levels below the first line.
#[derive(Debug)]
pub struct Yaml<'o> {
    out: &'o mut String,
    indent: usize,
}

impl<'o> Yaml<'o> {
    /// Appends to `out`, so many levels deep.
    pub fn new(out: &'o mut String, indent: usize) -> Self {
        Self { out, indent }
    }

    fn line(&mut self, depth: usize, text: impl Display) {
        let spaces = 2 * (self.indent + depth);
        writeln!(self.out, "{:spaces$}{text}", "").expect("a String takes whatever is written");
    }

    /// A key whose value is what follows one level deeper.
    pub fn section(&mut self, depth: usize, key: impl Display) {
        self.line(depth, format_args!("{key}:"));
    }

    /// A key with its value.
    pub fn entry(&mut self, depth: usize, key: impl Display, value: impl Display) {
        self.line(depth, format_args!("{key}: {value}"));
    }

    /// A key with a list on one line.
    pub fn list<T: ToString>(&mut self, depth: usize, key: impl Display, items: &[T]) {
        let items: Vec<_> = items.iter().map(ToString::to_string).collect();
        self.entry(depth, key, format_args!("[{}]", items.join(", ")));
    }

    /// A remark.
    pub fn comment(&mut self, depth: usize, text: impl Display) {
        self.line(depth, format_args!("# {text}"));
    }
}

/// Text in double quotes: what JSON reads, YAML reads too, but for characters that it wants escaped.
pub fn quoted(text: impl Display) -> String {
    let json = serde_json::Value::from(text.to_string()).to_string();
    let mut quoted = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                write!(quoted, "\\u{:04x}", u32::from(c))
                    .expect("a String takes whatever is written");
            }
            c => quoted.push(c),
        }
    }
    quoted
}
