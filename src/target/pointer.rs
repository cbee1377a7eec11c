//! JSON pointers (RFC 6901), which name one place of a JSON document.

use std::fmt;

/// A pointer that is well-formed. The empty one names the whole document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JsonPointer(Box<[Box<str>]>);

impl JsonPointer {
    /// Reads a pointer like `/error/type`. The error is a hint, made to be put behind a message.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut tokens = text.split('/');
        if tokens.next() != Some("") {
            return Err("; it begins with /");
        }
        tokens
            .map(unescape)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or("; ~ is written ~0 in it, and / within a name ~1")
    }

    /// The names, or the places in lists, that lead from the whole document to the value.
    pub fn tokens(&self) -> &[Box<str>] {
        &self.0
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tokens = self.0.iter();
        tokens.try_for_each(|token| {
            let escaped = token.replace('~', "~0").replace('/', "~1");
            write!(f, "/{escaped}")
        })
    }
}

/// A name as the document has it; `None` if a tilde is not part of an escape.
fn unescape(token: &str) -> Option<Box<str>> {
    let mut name = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        name.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_read_as_the_rfc_has_them() {
        for (text, tokens) in [
            ("", &[][..]),
            ("/", &[""]),
            ("/reason", &["reason"]),
            ("/error/type", &["error", "type"]),
            ("/a~1b/m~0n/~01", &["a/b", "m~n", "~1"]),
            ("/0/ /ü/", &["0", " ", "ü", ""]),
        ] {
            let pointer = JsonPointer::parse(text).unwrap();
            let read: Vec<&str> = pointer.tokens().iter().map(AsRef::as_ref).collect();
            assert_eq!(read, tokens, "{text}");
            assert_eq!(pointer.to_string(), text);
        }
        for text in ["reason", "#/reason", "$.reason", "/a~", "/a~2", "/~~0"] {
            assert!(JsonPointer::parse(text).is_err(), "{text}");
        }
    }
}
