//! YAML as a tree that knows where everything stands. Aliases share what they stand for.

use std::fmt;
use std::rc::Rc;

use crate::config::problem::{Pos, Report};
use crate::config::yaml_build::Builder;

/// One value with its place; an alias has the place of what it stands for.
#[derive(Debug)]
pub struct Node {
    /// Where it begins.
    pub pos: Pos,
    /// What it is.
    pub kind: Kind,
    /// How many nodes it would be with every alias written out.
    pub n_nodes: usize,
    /// How deep it is nested; a scalar is 1.
    pub height: usize,
}

/// What a node is. Nothing is interpreted: `1.10` stays `1.10` until somebody wants a number.
pub enum Kind {
    /// Text.
    Scalar {
        /// As written, quotes and escapes undone.
        text: String,
        /// Without quotes, so that it may be meant as a number, a boolean or nothing.
        plain: bool,
    },
    /// Bytes that are no text, written in base64.
    Binary,
    /// A list.
    List(Vec<Rc<Node>>),
    /// A mapping in the order of the file, keys once each, merge keys resolved.
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub pos: Pos,
    /// The value.
    pub value: Rc<Node>,
}

impl Node {
    /// Whether it stands for nothing: `~`, `null`, or left empty.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What kind of thing it is, for messages that must not show it.
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            _ if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::Binary => "binary data",
            Kind::List(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }
}

impl fmt::Debug for Kind {
    /// Shows no text, as it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar { .. } => "Scalar",
            Self::Binary => "Binary",
            Self::List(_) => "List",
            Self::Mapping(_) => "Mapping",
        })
    }
}

/// Parses a file of one document. `None` if it is empty, or if it is no YAML, which is then among
/// the mistakes of `report`.
pub fn parse(text: &str, report: &mut Report) -> Option<Rc<Node>> {
    if let Some((pos, c)) = first_unprintable(text) {
        let code = u32::from(c);
        report.mistake(pos, format!("the file holds the control character U+{code:04X}; YAML is text, and in double quotes it can be escaped"));
        return None;
    }
    Builder::new(report).build(text)
}

/// The first character that YAML does not allow (YAML 1.2.2, 5.1). The parser would take some of
/// them for the end of the file.
fn first_unprintable(text: &str) -> Option<(Pos, char)> {
    let is_bad = |c: char| {
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let at = text.find(is_bad)?;
    let (before, rest) = text.split_at(at);
    Some((end_of(before), rest.chars().next()?))
}

/// The place right behind `text`.
pub fn end_of(text: &str) -> Pos {
    let mut pos = Pos::START;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let breaks = c == '\n' || (c == '\r' && chars.peek() != Some(&'\n'));
        if breaks {
            pos.line += 1;
            pos.column = 1;
        } else {
            pos.column += 1;
        }
    }
    pos
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree on one line: quoted scalars in quotes, and `@line:column` behind each node.
    fn draw(node: &Node) -> String {
        let drawn = match &node.kind {
            Kind::Scalar { text, plain: true } => text.clone(),
            Kind::Scalar { text, .. } => format!("{text:?}"),
            Kind::Binary => "binary".to_owned(),
            Kind::List(items) => {
                let items: Vec<_> = items.iter().map(|item| draw(item)).collect();
                format!("[{}]", items.join(" "))
            }
            Kind::Mapping(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| format!("{}={}", entry.key, draw(&entry.value)))
                    .collect();
                format!("{{{}}}", entries.join(" "))
            }
        };
        format!("{drawn}@{}:{}", node.pos.line, node.pos.column)
    }

    fn parsed(text: &str) -> String {
        let mut report = Report::new("f");
        let node = parse(text, &mut report);
        match report.finish() {
            Ok(_) => node.map_or_else(|| "empty".to_owned(), |node| draw(&node)),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn documents_become_trees_with_places() {
        for (text, tree) in [
            ("", "empty"),
            ("# nothing\n", "empty"),
            ("---\n", "~@1:4"),
            ("a", "a@1:1"),
            ("v: 1.10", "{v=1.10@1:4}@1:1"),
            (
                "v: '1.10'\nw: |\n  x\n",
                "{v=\"1.10\"@1:4 w=\"x\\n\"@3:3}@1:1",
            ),
            ("a:\n  - b\n  - {c: d}", "{a=[b@2:5 {c=d@3:9}@3:5]@2:3}@1:1"),
            ("a:\nb: ~", "{a=~@1:2 b=~@2:4}@1:1"),
            ("\u{feff}a: b", "{a=b@1:4}@1:1"),
            ("a: b\r\nc: d\r\n", "{a=b@1:4 c=d@2:4}@1:1"),
            ("ä: {ö: ü}", "{ä={ö=ü@1:8}@1:4}@1:1"),
            ("1: x\n'2': y", "{1=x@1:4 2=y@2:6}@1:1"),
            ("a: !!str 1\nb: !!int 2", "{a=\"1\"@1:10 b=2@2:10}@1:1"),
        ] {
            assert_eq!(parsed(text), tree, "{text:?}");
        }
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        for (text, tree) in [
            ("a: &x [1]\nb: *x", "{a=[1@1:8]@1:7 b=[1@1:8]@1:7}@1:1"),
            ("a: &x k\n*x : v", "{a=k@1:7 k=v@2:6}@1:1"),
            (
                "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}",
                "{a={p=1@1:11 q=2@1:17}@1:7 b={q=3@2:16 p=1@1:11}@2:4}@1:1",
            ),
            (
                "a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}",
                "{a={p=1@1:11}@1:7 b={p=2@2:11 q=2@2:17}@2:7 c={p=1@1:11 q=2@2:17}@3:4}@1:1",
            ),
            ("\"<<\": 1", "{<<=1@1:7}@1:1"),
            ("a: &x 1\nb: &x 2\nc: *x", "{a=1@1:7 b=2@2:7 c=2@2:7}@1:1"),
        ] {
            assert_eq!(parsed(text), tree, "{text:?}");
        }
    }

    #[test]
    fn mistakes_have_places() {
        for (text, start) in [
            ("a: [", "f:1:4: not valid YAML: unclosed bracket"),
            ("a: b\n\tc: d", "f:2:1: not valid YAML: a tab cannot indent"),
            (
                "a: *x",
                "f:1:4: not valid YAML: an alias stands before its anchor",
            ),
            (
                "a: 1\na: 2",
                "f:2:1: duplicate key \"a\"; the first is on line 1",
            ),
            ("{a: 1, <<: {}, <<: {}}", "f:1:16: duplicate key \"<<\""),
            (
                "a: 1\n---\nb: 2",
                "f:2:1: the file holds more than one document",
            ),
            (
                "&x [*x]",
                "f:1:5: the alias stands inside what it stands for",
            ),
            (
                "<<: 1",
                "f:1:5: << merges a mapping or a list of mappings, found a single value",
            ),
            ("? [a]\n: b", "f:1:3: a key must be text, found a list"),
            (
                "a: !secret x",
                "f:1:4: a tag such as !name is not supported; quote",
            ),
            (
                "a: \u{0}b",
                "f:1:4: the file holds the control character U+0000",
            ),
        ] {
            let mistake = parsed(text);
            assert!(mistake.starts_with(start), "{text:?}: {mistake}");
            assert_eq!(mistake.lines().count(), 1, "{text:?}: {mistake}");
        }
    }

    #[test]
    fn several_mistakes_are_found_in_one_run() {
        let mistakes = parsed("a: 1\na: 2\nb: {c: 1, c: 2}\nd: [");
        assert_eq!(mistakes.lines().count(), 3, "{mistakes}");
    }
}
