//! Lines of JSON as every reader can bear them: names that somebody wrote are in there as they are, and
//! JSON asks for nothing but ASCII controls to be escaped.

use std::fmt::Write as _;
use std::io;
use std::io::Write;
use std::str;

/// Passes JSON on, with all escaped that steers a terminal or turns or breaks a line, as in logfmt. Each
/// write has whole characters.
#[derive(Debug)]
pub struct Escaping<W>(pub W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let shows = |c: char| c.is_ascii() && c != '\x7f' || c.escape_debug().len() == 1;
        match str::from_utf8(json) {
            Ok(text) if !text.chars().all(shows) => {
                let mut escaped = String::with_capacity(2 * text.len());
                for c in text.chars() {
                    if shows(c) {
                        escaped.push(c);
                        continue;
                    }
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // Writing to a string cannot fail.
                        write!(escaped, "\\u{unit:04x}").unwrap_or_default();
                    }
                }
                self.0.write_all(escaped.as_bytes())?;
            }
            _ => self.0.write_all(json)?,
        }
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_escaped_and_stays_the_same_json() {
        for (text, expected) in [
            ("plain", "plain"),
            ("Zürich 東京 🦀", "Zürich 東京 🦀"),
            ("a\u{9b}31m", "a\\u009b31m"),
            ("a\u{85}b\u{7f}", "a\\u0085b\\u007f"),
            ("a\u{2028}b\u{202e}c", "a\\u2028b\\u202ec"),
            ("\u{e0001}", "\\udb40\\udc01"),
        ] {
            let json = format!("{{\"target\":\"{text}\"}}\n");
            let mut out = Escaping(Vec::new());
            out.write_all(json.as_bytes()).expect("written");
            let written = String::from_utf8(out.0).expect("text");
            assert_eq!(written, format!("{{\"target\":\"{expected}\"}}\n"));
            let value: serde_json::Value = serde_json::from_str(&written).expect("JSON");
            assert_eq!(value["target"], text);
        }
    }
}
