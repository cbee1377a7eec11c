//! One value of a JSON document, found without making a tree of the rest: a tree of hostile JSON
//! takes many times the memory of its text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::Deserialize;
use serde::de::DeserializeSeed;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::target::pointer::JsonPointer;

/// The text at `pointer`, a number or boolean as it is written. `None` if something else is there,
/// or nothing, or if the document is not JSON from end to end.
pub fn find<'d>(document: &'d [u8], pointer: &JsonPointer) -> Option<Cow<'d, str>> {
    let text = str::from_utf8(document).ok()?;
    // Some servers put a mark before their UTF-8, which parsers may ignore (RFC 8259, 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = serde_json::Deserializer::from_str(text);
    let found = Walk(pointer.tokens()).deserialize(&mut parser).ok()?;
    parser.end().ok()?;
    let value = found?.get();
    match value.as_bytes().first()? {
        b'"' => serde_json::from_str(value).ok().map(Cow::Owned),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(value)),
    }
}

/// The rest of the way to the value. Where there is a choice, only one branch is looked into; the
/// others are skipped, which takes neither memory nor depth of the stack.
struct Walk<'p>(&'p [Box<str>]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        match self.0.split_first() {
            None => Deserialize::deserialize(value).map(Some),
            Some((token, rest)) => value.deserialize_any(Step { token, rest }),
        }
    }
}

/// One step of the way. What has neither names nor places ends it.
struct Step<'p> {
    token: &'p str,
    rest: &'p [Box<str>],
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Is(self.token))? {
            if is_it {
                // Of a name that stands twice the last counts, as nearly everywhere.
                found = map.next_value_seed(Walk(self.rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let place = place(self.token);
        let mut found = None;
        for index in 0.. {
            if Some(index) == place {
                match list.next_element_seed(Walk(self.rest))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// The place in a list that a token names: digits, without zeros before them (RFC 6901, 4).
fn place(token: &str) -> Option<usize> {
    let is_number = token.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_number && (token == "0" || !token.starts_with('0'));
    is_plain.then(|| token.parse().ok())?
}

/// Whether a name is this one, without keeping it.
struct Is<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<bool, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &[u8], pointer: &str) -> Option<String> {
        find(document, &JsonPointer::parse(pointer).unwrap()).map(Cow::into_owned)
    }

    #[test]
    fn values_are_found_as_they_are_written() {
        let rows: &[(&str, &str, Option<&str>)] = &[
            (
                r#"{"reason":"AlreadyExists"}"#,
                "/reason",
                Some("AlreadyExists"),
            ),
            ("\u{feff} {\"reason\" : \"a\"}\r\n", "/reason", Some("a")),
            (r#"{"a":{"b":[0,{"c":"x"}]}}"#, "/a/b/1/c", Some("x")),
            (r#"{"a/b":{"":"x"}}"#, "/a~1b/", Some("x")),
            (r#"{"\u0061":"\u00fc\n\ud83d\ude00"}"#, "/a", Some("ü\n😀")),
            (r#"{"a":" x "}"#, "/a", Some(" x ")),
            (r#"{"a":""}"#, "/a", Some("")),
            (
                r#"{"a":409,"b":1.10,"c":-1e400,"d":true,"e":false}"#,
                "/a",
                Some("409"),
            ),
            (
                r#"{"a":409,"b":1.10,"c":-1e400,"d":true,"e":false}"#,
                "/b",
                Some("1.10"),
            ),
            (
                r#"{"a":409,"b":1.10,"c":-1e400,"d":true,"e":false}"#,
                "/c",
                Some("-1e400"),
            ),
            (
                r#"{"a":409,"b":1.10,"c":-1e400,"d":true,"e":false}"#,
                "/d",
                Some("true"),
            ),
            (r#"{"a":1,"a":2}"#, "/a", Some("2")),
            (r#""x""#, "", Some("x")),
            ("12", "", Some("12")),
            (r#"["x","y"]"#, "/1", Some("y")),
            (r#"{"1":"x"}"#, "/1", Some("x")),
            (r#"["x","y"]"#, "/01", None),
            (r#"["x","y"]"#, "/2", None),
            (r#"["x","y"]"#, "/-", None),
            (r#"["x","y"]"#, "/+1", None),
            (r#"["x","y"]"#, "/99999999999999999999999", None),
            (r#"{"a":null}"#, "/a", None),
            (r#"{"a":{}}"#, "/a", None),
            (r#"{"a":["x"]}"#, "/a", None),
            (r#"{"a":"x"}"#, "/b", None),
            (r#"{"a":"x"}"#, "/A", None),
            (r#"{"a":"x"}"#, "/a/b", None),
            (r#"{"a":-1}"#, "/a/b", None),
            (r#"{"a":1e3}"#, "/a/b", None),
            (r#"{"a":null}"#, "/a/b", None),
            (r#"{"a":true}"#, "/a/b", None),
            ("", "/a", None),
            ("<html>", "/a", None),
            (r#"{"a":"x""#, "/a", None),
            (r#"{"a":"x"} x"#, "/a", None),
            (r#"{"a":"x"}{"a":"y"}"#, "/a", None),
            (r#"{"a":"x",}"#, "/a", None),
            (r#"{"a":"\ud800"}"#, "/a", None),
            (r#"{"b":[1 2],"a":"x"}"#, "/a", None),
        ];
        for (document, pointer, expected) in rows {
            let found = found(document.as_bytes(), pointer);
            assert_eq!(found.as_deref(), *expected, "{pointer} of {document}");
        }
        assert_eq!(found(b"{\"a\":\"x\",\"b\":\"\xff\"}", "/a"), None);
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(30_000) + &"]".repeat(30_000);
        let beside = format!(r#"{{"b":{deep},"a":"x","c":{deep}}}"#);
        for (document, pointer, expected) in [
            (&*deep, "/a", None),
            (&*deep, "/0/0/0", None),
            (&*deep, "", None),
            (&*beside, "/a", Some("x")),
            (&*beside, "/b", None),
            (&"[".repeat(60_000), "/0", None),
            (&r#"{"a":"#.repeat(10_000), "/a/a/a", None),
        ] {
            let found = found(document.as_bytes(), pointer);
            assert_eq!(found.as_deref(), expected, "{pointer}");
        }
        // Neither does a way that is itself too long.
        let way = "/0".repeat(30_000);
        assert_eq!(found(deep.as_bytes(), &way), None);
    }
}
