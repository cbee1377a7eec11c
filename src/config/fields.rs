//! The keys of one mapping: which are known, which are not, and what to do about those.

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::config::schema::Section;
use crate::config::text::{nearest, quote_key, suggest};
use crate::config::yaml::{Entry, Kind, Node};

/// The keys of one mapping of the schema. Whatever has not been taken by the end is unknown.
#[derive(Debug)]
pub struct Fields<'n> {
    section: &'static Section,
    entries: &'n [Entry],
    taken: Vec<&'static str>,
    elsewhere: Vec<(&'static str, &'static str)>,
}

impl<'n> Fields<'n> {
    /// Opens a mapping that has the keys of `section`. Nothing at all is an empty mapping.
    pub fn open(node: &'n Node, section: &'static Section, report: &mut Report) -> Option<Self> {
        let entries = match &node.kind {
            Kind::Mapping(entries) => entries.as_slice(),
            _ if node.is_null() => &[],
            _ => {
                let (what, found) = (section.what, node.describe());
                report.mistake(node.pos, format!("{what} must be a mapping, found {found}"));
                return None;
            }
        };
        Some(Self {
            section,
            entries,
            taken: Vec::new(),
            elsewhere: Vec::new(),
        })
    }

    /// Takes the value of a key, if it has one that is not nothing.
    pub fn take(&mut self, key: &'static str) -> Option<Field<'n>> {
        debug_assert!(
            self.section.names().any(|name| name == key),
            "{key} stands in the schema of {}",
            self.section.what
        );
        self.taken.push(key);
        self.find(key)
    }

    /// Takes the value of a key like [`Self::take`], unless it is an empty text: to Go such a key is
    /// not there.
    pub fn take_given(&mut self, key: &'static str) -> Option<Field<'n>> {
        self.take(key).filter(|field| !field.is_empty_text())
    }

    fn find(&self, key: &str) -> Option<Field<'n>> {
        self.entries
            .iter()
            .find(|entry| entry.key == key && !entry.value.is_null())
            .map(Field::of)
    }

    /// Notes that keys belong elsewhere, should they turn up here; `place` says where.
    pub fn belong(&mut self, keys: impl IntoIterator<Item = &'static str>, place: &'static str) {
        self.elsewhere
            .extend(keys.into_iter().map(|key| (key, place)));
    }

    /// Refuses all keys that nobody asked for.
    pub fn finish(self, report: &mut Report) {
        let what = self.section.what;
        debug_assert!(
            self.section.names().all(|name| self.taken.contains(&name)),
            "every key of {what} has been asked for"
        );
        for entry in self.entries {
            let key = entry.key.as_str();
            if self.taken.contains(&key) {
                continue;
            }
            let message = match self.known(key) {
                Some(advice) => format!("unknown key {} in {what}; {advice}", quote_key(key)),
                None => {
                    let shown = unlike(key);
                    let known = suggest(key, self.section.effective());
                    format!("unknown key{shown} in {what}; {known}")
                }
            };
            report.mistake(entry.pos, message);
        }
    }
}

impl Fields<'_> {
    /// What to do about an unknown key: where it belongs, or a known one that is near.
    fn known(&self, key: &str) -> Option<String> {
        let place = self.elsewhere.iter().find(|(known, _)| *known == key);
        if let Some((_, place)) = place {
            return Some(format!("it belongs {place}"));
        }
        let effective = nearest(key, self.section.effective());
        let name = effective.or_else(|| nearest(key, self.section.names()))?;
        Some(format!("did you mean \"{name}\"?"))
    }
}

/// A key that is like none of the schema, if it is written as they are, which have small letters:
/// another may be a piece of a secret whose indentation is wrong.
fn unlike(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    match key.bytes().all(is_plain) {
        true => format!(" {}", quote_key(key)),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::{Holds, Key};
    use crate::config::yaml;

    static A_TARGET: Section = Section {
        what: "a target",
        keys: &[
            Key {
                name: "url",
                holds: Holds::Value,
            },
            Key {
                name: "name",
                holds: Holds::Value,
            },
            Key {
                name: "later",
                holds: Holds::Nothing,
            },
            Key {
                name: "nothing",
                holds: Holds::Nothing,
            },
        ],
    };

    #[test]
    fn unknown_keys_are_told() {
        let mut report = Report::new("f");
        let text = "urll: 1\nlater: 2\nlatr: 3\nwhatever: 4\nnothing: ~\ns3cret: 5";
        let root = yaml::parse(text, &mut report).expect("valid YAML");
        let mut fields = Fields::open(&root, &A_TARGET, &mut report).expect("a mapping");
        assert!(fields.take("url").is_none());
        assert!(fields.take("name").is_none());
        assert!(fields.take("later").is_some());
        assert!(fields.take("nothing").is_none());
        fields.finish(&mut report);
        assert_eq!(
            report.finish().expect_err("mistakes").to_string(),
            "f:1:1: unknown key \"urll\" in a target; did you mean \"url\"?\n\
             f:3:1: unknown key \"latr\" in a target; did you mean \"later\"?\n\
             f:4:1: unknown key \"whatever\" in a target; known are url, name\n\
             f:6:1: unknown key in a target; known are url, name"
        );
    }
}
