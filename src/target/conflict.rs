//! How a conflict tells its reason: where the value stands, and which values mean which reason.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use http::HeaderName;
use regex::bytes::Regex;

use crate::outcome::ConflictReason;
use crate::target::expression;
use crate::target::pointer::JsonPointer;

/// The reason of a conflict without a value.
pub const UNSPECIFIED: &str = "unspecified";

/// The reason of a conflict whose value is not in the list.
pub const OTHER: &str = "other";

/// How many reasons a module may have besides these two: each is a series of every target.
pub const MAX_REASONS: usize = 20;

/// How many bytes the name of a reason may have; it stands on every line of its series.
const MAX_NAME_BYTES: usize = 64;

/// The rule of a module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReasonRule {
    /// Where the value stands.
    pub source: Source,
    /// What the values mean.
    pub reasons: Reasons,
}

/// Where in a response the value stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// In a body that is JSON.
    Json(JsonPointer),
    /// In the first header of this name.
    Header(HeaderName),
    /// In the body, where the only group of an expression matches.
    Regexp(Pattern),
}

impl Source {
    /// Whether the body is needed.
    pub fn is_body(&self) -> bool {
        match self {
            Self::Json(_) | Self::Regexp(_) => true,
            Self::Header(_) => false,
        }
    }
}

/// A regular expression with exactly one group.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles an expression. The error is worded to follow the name of the key.
    pub fn new(text: &str) -> Result<Self, String> {
        let regex = expression::compile(text)?;
        match regex.captures_len() - 1 {
            1 => Ok(Self(regex)),
            0 => Err("needs a group in parentheses around the value, as in code=(.*)".to_owned()),
            n => Err(format!(
                "must have one group, found {n}; (?:…) groups without taking"
            )),
        }
    }

    /// What the group matches in `body` where the expression first matches.
    pub fn find<'b>(&self, body: &'b [u8]) -> Option<&'b [u8]> {
        Some(self.0.captures(body)?.get(1)?.as_bytes())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// Which values mean which reason. Names are given out by place, first come, first served.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reasons {
    names: Vec<Box<str>>,
    values: BTreeMap<Box<[u8]>, ConflictReason>,
}

impl Reasons {
    /// Has `value`, to be met exactly, mean the reason `name`.
    pub fn insert(&mut self, value: &str, name: &str) -> Result<(), NameError> {
        let reason = self.reason_named(name)?;
        self.values.insert(value.as_bytes().into(), reason);
        Ok(())
    }

    fn reason_named(&mut self, name: &str) -> Result<ConflictReason, NameError> {
        match name {
            UNSPECIFIED => return Ok(ConflictReason::Unspecified),
            OTHER => return Ok(ConflictReason::Other),
            "" => return Err(NameError::Empty),
            _ if name.len() > MAX_NAME_BYTES => return Err(NameError::Long),
            _ if name.trim() != name || name.contains(char::is_control) => {
                return Err(NameError::Unprintable);
            }
            _ => {}
        }
        let known = self.names.iter().position(|known| **known == *name);
        let place = known.unwrap_or(self.names.len());
        let index = u8::try_from(place).map_err(|_| NameError::TooMany)?;
        if place >= MAX_REASONS {
            return Err(NameError::TooMany);
        }
        if known.is_none() {
            self.names.push(name.into());
        }
        Ok(ConflictReason::Listed(index))
    }

    /// The reason that a response with this value has. Nothing, or nothing in it, is no value.
    pub fn of(&self, value: Option<&[u8]>) -> ConflictReason {
        match value {
            None | Some([]) => ConflictReason::Unspecified,
            Some(value) => self
                .values
                .get(value)
                .copied()
                .unwrap_or(ConflictReason::Other),
        }
    }

    /// The names of the reasons that are the module's own, in the order of their places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// Each value with the name of its reason; in this order they get the places that they have.
    pub fn values(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        let mut values: Vec<_> = self.values.iter().collect();
        values.sort_by_key(|(_, reason)| match reason {
            ConflictReason::Listed(place) => Some(*place),
            ConflictReason::Unspecified | ConflictReason::Other => None,
        });
        values.into_iter().map(|(value, reason)| {
            let name = match reason {
                ConflictReason::Unspecified => Some(UNSPECIFIED),
                ConflictReason::Other => None,
                ConflictReason::Listed(place) => self.names().nth(usize::from(*place)),
            };
            (String::from_utf8_lossy(value), name.unwrap_or(OTHER))
        })
    }
}

/// Why a name is refused, worded to follow what names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameError {
    /// It has no characters.
    Empty,
    /// It has too many bytes.
    Long,
    /// It has control characters, or white space around it.
    Unprintable,
    /// There are enough others.
    TooMany,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "is empty; use a name like already_exists"),
            Self::Long => write!(
                f,
                "has more than {MAX_NAME_BYTES} bytes; use a shorter name"
            ),
            Self::Unprintable => write!(
                f,
                "has control characters or white space around it; use a name like already_exists"
            ),
            Self::TooMany => write!(
                f,
                "is one more than the {MAX_REASONS} that a module may have; let values share a \
                 reason, or leave out what may count as {OTHER}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_met_exactly_and_share_names() {
        let mut reasons = Reasons::default();
        for (value, name) in [
            ("AlreadyExists", "exists"),
            ("FileExists", "exists"),
            ("Stale", "stale write"),
            ("Known", "other"),
            ("about:blank", "unspecified"),
        ] {
            assert_eq!(reasons.insert(value, name), Ok(()), "{value}");
        }
        let names: Vec<_> = reasons.names().collect();
        assert_eq!(names, ["exists", "stale write"]);
        for (value, reason) in [
            (None, ConflictReason::Unspecified),
            (Some(&b""[..]), ConflictReason::Unspecified),
            (Some(b"about:blank"), ConflictReason::Unspecified),
            (Some(b"AlreadyExists"), ConflictReason::Listed(0)),
            (Some(b"FileExists"), ConflictReason::Listed(0)),
            (Some(b"Stale"), ConflictReason::Listed(1)),
            (Some(b"stale"), ConflictReason::Other),
            (Some(b"Stale "), ConflictReason::Other),
            (Some(b"Known"), ConflictReason::Other),
            (Some(b"\xff"), ConflictReason::Other),
        ] {
            assert_eq!(reasons.of(value), reason, "{value:?}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let mut reasons = Reasons::default();
        for (name, error) in [
            ("", NameError::Empty),
            (" a", NameError::Unprintable),
            ("a\nb", NameError::Unprintable),
            (&"a".repeat(65), NameError::Long),
        ] {
            assert_eq!(reasons.insert("v", name), Err(error), "{name:?}");
        }
        for n in 0..MAX_REASONS {
            assert_eq!(reasons.insert(&format!("v{n}"), &format!("n{n}")), Ok(()));
        }
        assert_eq!(reasons.insert("one more", "more"), Err(NameError::TooMany));
        for name in ["n0", "n19", OTHER, UNSPECIFIED] {
            assert_eq!(reasons.insert("one more", name), Ok(()), "{name}");
        }
        assert_eq!(reasons.names().count(), MAX_REASONS);
    }

    #[test]
    fn expressions_have_one_group_and_a_bound() {
        for (text, body, found) in [
            ("code=(.*)", &b"x\ncode=a b\ncode=c"[..], Some(&b"a b"[..])),
            (
                "(?i)<CODE>(\\w+)",
                b"<code>\xc3\xa4x</code>",
                Some(b"\xc3\xa4x"),
            ),
            (r"(?s-u)\xff\xfe(.)", b"\xff\xfe\x00", Some(b"\x00")),
            ("(?:a|b)(c)?", b"ad", None),
            ("x(.*)", b"y", None),
        ] {
            assert_eq!(Pattern::new(text).unwrap().find(body), found, "{text}");
        }
        for (text, error) in [
            ("code", "needs a group"),
            ("(a)(b)", "found 2"),
            ("(a", "is no regular expression: unclosed group"),
            ("(a)(?=b)", "look-around"),
            ("((?:\\w{100}){100})", "too large"),
        ] {
            let said = Pattern::new(text).unwrap_err();
            assert!(
                said.contains(error) && !said.contains('\n'),
                "{text}: {said}"
            );
        }
    }
}
