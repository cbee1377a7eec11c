//! Typed reading of one value: every reader reports what is wrong, and its caller goes on with what
//! is left.

use std::rc::Rc;
use std::time::Duration;

use crate::config::problem::{Pos, Report};
use crate::config::text::quote;
use crate::config::yaml::{Entry, Kind, Node};

/// One value of the file under the name that messages give it.
#[derive(Clone, Copy, Debug)]
pub struct Field<'n> {
    /// The key, or that of the list which it is an item of.
    pub name: &'n str,
    /// Where the key stands.
    pub key_pos: Pos,
    /// The value.
    pub node: &'n Node,
}

impl<'n> Field<'n> {
    /// Makes an entry of a mapping a field of its key's name.
    pub fn of(entry: &'n Entry) -> Self {
        Self {
            name: &entry.key,
            key_pos: entry.pos,
            node: &entry.value,
        }
    }

    /// Where the value stands.
    pub fn pos(&self) -> Pos {
        self.node.pos
    }

    /// Whether the value is a text without a character.
    pub fn is_empty_text(&self) -> bool {
        matches!(&self.node.kind, Kind::Scalar { text, .. } if text.is_empty())
    }

    /// Reports that the value is not what it must be, and shows it.
    pub fn expected<T>(&self, what: &str, hint: &str, report: &mut Report) -> Option<T> {
        let found = match &self.node.kind {
            _ if self.node.is_null() => "nothing".to_owned(),
            Kind::Scalar { text, plain: true } => quote(text),
            Kind::Scalar { text, .. } => format!("{} in quotes", quote(text)),
            Kind::Binary | Kind::List(_) | Kind::Mapping(_) => self.node.describe().to_owned(),
        };
        self.mistake(&format!("must be {what}, found {found}{hint}"), report)
    }

    /// Reports something about the value, without showing it.
    pub fn mistake<T>(&self, message: &str, report: &mut Report) -> Option<T> {
        report.mistake(self.pos(), format!("{} {message}", self.name));
        None
    }

    /// The mapping that the value must be.
    pub fn mapping(&self, what: &str, report: &mut Report) -> Option<&'n [Entry]> {
        match &self.node.kind {
            Kind::Mapping(entries) => Some(entries),
            _ => self.wrong_kind(what, report),
        }
    }

    /// The list that the value must be.
    pub fn list(&self, what: &str, report: &mut Report) -> Option<&'n [Rc<Node>]> {
        match &self.node.kind {
            Kind::List(items) => Some(items),
            _ => self.wrong_kind(what, report),
        }
    }

    /// The text that the value must be; numbers and the like are taken as they are written. It may
    /// be a secret and is never shown.
    pub fn text(&self, report: &mut Report) -> Option<&'n str> {
        match &self.node.kind {
            Kind::Scalar { text, .. } if !self.node.is_null() => Some(text),
            _ => self.wrong_kind("text", report),
        }
    }

    fn wrong_kind<T>(&self, what: &str, report: &mut Report) -> Option<T> {
        let found = self.node.describe();
        self.mistake(&format!("must be {what}, found {found}"), report)
    }

    /// The text of a value that is no text: numbers, booleans. Quotes would make it text.
    fn plain(&self) -> Option<&'n str> {
        match &self.node.kind {
            Kind::Scalar { text, plain: true } => Some(text),
            _ => None,
        }
    }

    /// The boolean that the value must be, in the spellings that Go's YAML knows.
    pub fn boolean(&self, report: &mut Report) -> Option<bool> {
        match self.plain() {
            Some("true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON") => {
                Some(true)
            }
            Some("false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF") => {
                Some(false)
            }
            _ => self.expected("true or false", "", report),
        }
    }

    /// The duration that the value must be, as `parse` reads it.
    pub fn duration(
        &self,
        parse: fn(&str) -> Result<Duration, &'static str>,
        report: &mut Report,
    ) -> Option<Duration> {
        let parsed = match &self.node.kind {
            Kind::Scalar { text, .. } => parse(text),
            Kind::Binary | Kind::List(_) | Kind::Mapping(_) => Err(""),
        };
        match parsed {
            Ok(duration) => Some(duration),
            Err(hint) => self.expected("a duration like 5s or 1m30s", hint, report),
        }
    }

    /// The list of status codes that the value must be, each once.
    pub fn status_codes(&self, report: &mut Report) -> Option<Vec<u16>> {
        let mut codes = Vec::new();
        for item in self.list("a list of status codes like [200, 204]", report)? {
            let item = Field {
                node: item,
                ..*self
            };
            let code = item
                .plain()
                .filter(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|text| text.parse().ok())
                .filter(|code| *code >= 100);
            match code {
                None => {
                    item.expected::<()>("a list of status codes from 100 to 999", "", report);
                }
                Some(code) if codes.contains(&code) => {
                    item.mistake::<()>(&format!("lists {code} twice"), report);
                }
                Some(code) => {
                    if (100..200).contains(&code) && code != 101 {
                        let name = self.name;
                        let message = format!("{name} lists {code}, which no final response has");
                        report.warning(item.pos(), message);
                    }
                    codes.push(code);
                }
            }
        }
        Some(codes)
    }

    /// The positive, finite number that the value must be.
    pub fn positive_number(&self, what: &str, report: &mut Report) -> Option<f64> {
        let number = self.plain().and_then(|text| text.parse::<f64>().ok());
        match number {
            Some(number) if number.is_finite() && number > 0.0 => Some(number),
            _ => self.expected(what, "", report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::duration;
    use crate::config::fields::Fields;
    use crate::config::schema::{Holds, Key, Section};
    use crate::config::yaml;

    static THE_FILE: Section = Section {
        what: "the file",
        keys: &[Key {
            name: "k",
            holds: Holds::Value,
        }],
    };

    /// Reads the value of the key `k` with `read`, and shows what came of it.
    fn read<T: std::fmt::Debug>(
        value: &str,
        read: impl Fn(Field<'_>, &mut Report) -> Option<T>,
    ) -> String {
        let mut report = Report::new("f");
        let root = yaml::parse(&format!("k: {value}"), &mut report).expect("valid YAML");
        let mut fields = Fields::open(&root, &THE_FILE, &mut report).expect("a mapping");
        let value = fields.take("k").and_then(|field| read(field, &mut report));
        fields.finish(&mut report);
        match report.finish() {
            Ok(_) => format!("{value:?}"),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn text_is_taken_as_written() {
        for (value, shown) in [
            ("abc", "Some(\"abc\")"),
            ("1.10", "Some(\"1.10\")"),
            ("true", "Some(\"true\")"),
            ("''", "Some(\"\")"),
            ("'~'", "Some(\"~\")"),
            ("~", "None"),
            ("", "None"),
            ("[s3cret]", "f:1:4: k must be text, found a list"),
            ("{a: s3cret}", "f:1:4: k must be text, found a mapping"),
        ] {
            let found = read(value, |field, report| field.text(report).map(str::to_owned));
            assert_eq!(found, shown, "{value}");
        }
    }

    #[test]
    fn booleans_are_those_of_go() {
        for (value, shown) in [
            ("true", "Some(true)"),
            ("Yes", "Some(true)"),
            ("OFF", "Some(false)"),
            ("tRUE", "f:1:4: k must be true or false, found \"tRUE\""),
            ("1", "f:1:4: k must be true or false, found \"1\""),
            (
                "'true'",
                "f:1:4: k must be true or false, found \"true\" in quotes",
            ),
            ("[]", "f:1:4: k must be true or false, found a list"),
        ] {
            assert_eq!(
                read(value, |field, report| field.boolean(report)),
                shown,
                "{value}"
            );
        }
    }

    #[test]
    fn durations_and_codes_are_checked() {
        let durations =
            |field: Field<'_>, report: &mut Report| field.duration(duration::parse, report);
        assert_eq!(read("1m30s", durations), "Some(90s)");
        assert_eq!(read("'5s'", durations), "Some(5s)");
        let wrong = "f:1:4: k must be a duration like 5s or 1m30s, found";
        assert_eq!(read("[5s]", durations), format!("{wrong} a list"));
        assert_eq!(
            read("5", durations),
            format!("{wrong} \"5\" without a unit, such as s or ms")
        );
        let codes = |field: Field<'_>, report: &mut Report| field.status_codes(report);
        assert_eq!(read("[200, 999]", codes), "Some([200, 999])");
        assert_eq!(read("[]", codes), "Some([])");
        for value in [
            "[99]",
            "[1000]",
            "['200']",
            "[+20]",
            "[2e2]",
            "[~]",
            "[[]]",
            "200",
            "[200, 200]",
        ] {
            assert!(read(value, codes).starts_with("f:1:"), "{value}");
        }
    }
}
