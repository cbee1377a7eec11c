//! From the parser's events to the tree, within bounds: no file may exhaust memory or stack.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::config::problem::{Pos, Report};
use crate::config::text::quote_key;
use crate::config::yaml::{Entry, Kind, Node};

/// All nodes, with every alias written out.
const MAX_NODES: usize = 5_000_000;
/// The schema needs 6.
const MAX_DEPTH: usize = 64;

/// Marks that the rest of the file cannot be read; the report says why.
struct Stopped;

/// Builds the tree of one file.
pub struct Builder<'r> {
    report: &'r mut Report,
    open: Vec<Open>,
    /// By the parser's number; `None` while the anchored node is still open.
    anchors: HashMap<usize, Option<Rc<Node>>>,
    n_nodes: usize,
    n_documents: usize,
    root: Option<Rc<Node>>,
}

/// A collection whose end has not come yet.
struct Open {
    pos: Pos,
    anchor: usize,
    n_nodes: usize,
    height: usize,
    items: Items,
}

enum Items {
    List(Vec<Rc<Node>>),
    Mapping {
        entries: Vec<Entry>,
        merged: Vec<Rc<Node>>,
        key: Option<Key>,
    },
}

/// The key whose value comes next.
enum Key {
    Named(String, Pos),
    Merge(Pos),
    /// Already reported.
    Invalid,
}

impl<'r> Builder<'r> {
    /// Starts with nothing built.
    pub fn new(report: &'r mut Report) -> Self {
        Self {
            report,
            open: Vec::new(),
            anchors: HashMap::new(),
            n_nodes: 0,
            n_documents: 0,
            root: None,
        }
    }

    /// Builds the tree; `None` if there is none.
    pub fn build(mut self, text: &str) -> Option<Rc<Node>> {
        for event in Parser::new_from_str(text) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let (pos, message) = explain(&error, text);
                    self.report.mistake(pos, message);
                    return self.give_up();
                }
            };
            if self.take(event, &span).is_err() {
                return self.give_up();
            }
        }
        self.root
    }

    /// Looks through what is still open for the mistakes that its end would have shown.
    fn give_up(&mut self) -> Option<Rc<Node>> {
        for open in std::mem::take(&mut self.open) {
            if let Items::Mapping { entries, .. } = open.items {
                self.merge(entries, &[]);
            }
        }
        None
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stopped> {
        let pos = pos_of(&span.start);
        match event {
            Event::DocumentStart(..) => {
                self.n_documents += 1;
                if self.n_documents > 1 {
                    return self.stop(pos, "the file holds more than one document; keep one");
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, pos)?;
                let kind = if tag.as_deref().is_some_and(is_binary) {
                    self.binary(&text, pos)
                } else {
                    let is_text = self.check_tag(tag.as_deref(), span)?;
                    Kind::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain && !is_text,
                    }
                };
                let node = Node {
                    pos,
                    kind,
                    n_nodes: 1,
                    height: 1,
                };
                self.add(Rc::new(node), anchor, pos)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), span)?;
                self.begin(pos, anchor, Items::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), span)?;
                let items = Items::Mapping {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.begin(pos, anchor, items)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(Some(node)) => {
                    let node = Rc::clone(node);
                    self.count(node.n_nodes, pos)?;
                    if self.open.len() + node.height > MAX_DEPTH {
                        return self.stop(pos, too_deep());
                    }
                    self.add(node, 0, pos)
                }
                _ => self.stop(pos, "the alias stands inside what it stands for"),
            },
            _ => Ok(()),
        }
    }

    fn stop(&mut self, pos: Pos, message: impl Into<String>) -> Result<(), Stopped> {
        self.report.mistake(pos, message);
        Err(Stopped)
    }

    fn count(&mut self, n_nodes: usize, pos: Pos) -> Result<(), Stopped> {
        self.n_nodes = self.n_nodes.saturating_add(n_nodes);
        if self.n_nodes > MAX_NODES {
            return self.stop(
                pos,
                format!("the file holds more than {MAX_NODES} values with its aliases written out"),
            );
        }
        Ok(())
    }

    /// What a scalar in base64 is: text, if it is that, as anything else would be of no use to the
    /// readers of a module.
    fn binary(&mut self, text: &str, pos: Pos) -> Kind {
        let dense: String = text.split_whitespace().collect();
        let Ok(bytes) = BASE64_STANDARD.decode(dense) else {
            self.report
                .mistake(pos, "!!binary must be followed by base64");
            return Kind::Binary;
        };
        match String::from_utf8(bytes) {
            Ok(text) => Kind::Scalar { text, plain: false },
            Err(_) => Kind::Binary,
        }
    }

    /// Tells whether a tag makes a scalar text. The tag itself is never shown: a secret that begins
    /// with `!` and lacks its quotes is read as one.
    fn check_tag(&mut self, tag: Option<&Tag>, span: &Span) -> Result<bool, Stopped> {
        let Some(tag) = tag else { return Ok(false) };
        match tag.core_suffix() {
            Some(suffix) => Ok(suffix == "str"),
            None => {
                let pos = pos_of(&span.tag_start().unwrap_or(span.start));
                self.report.mistake(
                    pos,
                    "a tag such as !name is not supported; quote a value that begins with !",
                );
                Ok(true)
            }
        }
    }

    fn begin(&mut self, pos: Pos, anchor: usize, items: Items) -> Result<(), Stopped> {
        self.count(1, pos)?;
        if self.open.len() + 1 > MAX_DEPTH {
            return self.stop(pos, too_deep());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open {
            pos,
            anchor,
            n_nodes: 1,
            height: 1,
            items,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stopped> {
        // The parser ends only what it began.
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let kind = match open.items {
            Items::List(items) => Kind::List(items),
            Items::Mapping {
                entries, merged, ..
            } => Kind::Mapping(self.merge(entries, &merged)),
        };
        let node = Node {
            pos: open.pos,
            kind,
            n_nodes: open.n_nodes,
            height: open.height,
        };
        self.add(Rc::new(node), open.anchor, open.pos)
    }

    /// Puts a finished node where it belongs. `pos` is where it stands, for an alias not the place
    /// of what it stands for.
    fn add(&mut self, node: Rc<Node>, anchor: usize, pos: Pos) -> Result<(), Stopped> {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(Rc::clone(&node)));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.n_nodes = parent.n_nodes.saturating_add(node.n_nodes);
        parent.height = parent.height.max(node.height + 1);
        match &mut parent.items {
            Items::List(items) => items.push(node),
            Items::Mapping {
                entries,
                merged,
                key,
            } => match key.take() {
                None => *key = Some(key_of(&node, pos, self.report)),
                Some(Key::Invalid) => {}
                Some(Key::Named(name, pos)) => entries.push(Entry {
                    key: name,
                    pos,
                    value: node,
                }),
                Some(Key::Merge(pos)) => {
                    if !merged.is_empty() {
                        self.report
                            .mistake(pos, "duplicate key \"<<\"; write a list: <<: [*a, *b]");
                    }
                    merged.push(node);
                }
            },
        }
        Ok(())
    }

    /// The entries of a mapping, each key once; those written in it win over merged ones, and of
    /// those the earlier.
    fn merge(&mut self, entries: Vec<Entry>, merged: &[Rc<Node>]) -> Vec<Entry> {
        let mut lines: HashMap<String, usize> = HashMap::with_capacity(entries.len());
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(line) = lines.get(&entry.key) {
                let key = quote_key(&entry.key);
                let message = format!("duplicate key {key}; the first is on line {line}");
                self.report.mistake(entry.pos, message);
            } else {
                lines.insert(entry.key.clone(), entry.pos.line);
                kept.push(entry);
            }
        }
        if merged.is_empty() {
            return kept;
        }
        let mut seen: HashSet<String> = lines.into_keys().collect();
        for source in merged {
            let parts = match &source.kind {
                Kind::List(parts) => parts.as_slice(),
                _ => std::slice::from_ref(source),
            };
            for part in parts {
                if let Kind::Mapping(entries) = &part.kind {
                    let fresh = entries
                        .iter()
                        .filter(|entry| seen.insert(entry.key.clone()));
                    kept.extend(fresh.cloned());
                } else {
                    let found = part.describe();
                    self.report.mistake(
                        part.pos,
                        format!("<< merges a mapping or a list of mappings, found {found}"),
                    );
                }
            }
        }
        kept
    }
}

/// Where and why the parser stopped. Its own words hold at most one character of the file. On a tab
/// it names the place before it, so the tab is looked for from there on.
fn explain(error: &ScanError, text: &str) -> (Pos, String) {
    let pos = pos_of(error.marker());
    let is_tab = matches!(
        error.kind(),
        ErrorKind::TabInPlainScalar
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabNotAllowed
            | ErrorKind::TabAtBlockScalarStart
    );
    let tab = (pos.line..)
        .zip(text.lines().skip(pos.line - 1))
        .find_map(|(line, text)| {
            let mut indent = text.chars().take_while(|c| c.is_whitespace());
            let column = indent.position(|c| c == '\t')? + 1;
            Some(Pos { line, column })
        });
    if let (true, Some(tab)) = (is_tab, tab) {
        return (
            tab,
            "not valid YAML: a tab cannot indent; use spaces".to_owned(),
        );
    }
    let why = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return (pos, too_deep()),
        ErrorKind::UnknownAnchor => {
            "an alias stands before its anchor; quote a value that begins with *".to_owned()
        }
        ErrorKind::SimpleKeyExpected => {
            "a key needs a colon and a space behind it, like key: value".to_owned()
        }
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::ExpectedBlockMappingKey => {
            format!("{}; is the line indented as its neighbours?", error.kind())
        }
        kind => kind.to_string(),
    };
    (pos, format!("not valid YAML: {why}"))
}

fn too_deep() -> String {
    format!("nested more than {MAX_DEPTH} deep")
}

fn key_of(node: &Node, pos: Pos, report: &mut Report) -> Key {
    match &node.kind {
        Kind::Scalar { text, plain: true } if text == "<<" => Key::Merge(pos),
        Kind::Scalar { text, .. } => Key::Named(text.clone(), pos),
        Kind::Binary | Kind::List(_) | Kind::Mapping(_) => {
            report.mistake(
                pos,
                format!("a key must be text, found {}", node.describe()),
            );
            Key::Invalid
        }
    }
}

fn pos_of(marker: &Marker) -> Pos {
    Pos {
        line: marker.line(),
        column: marker.col() + 1,
    }
}
/// Whether a tag says that a scalar is base64, as `!!binary` does.
fn is_binary(tag: &Tag) -> bool {
    format!("{}{}", tag.handle(), tag.suffix()) == "tag:yaml.org,2002:binary"
}
