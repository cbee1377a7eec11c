//! Groups of targets as Prometheus's sources write them, in JSON and in YAML. Both are read whole or
//! not at all: half a list would take away targets that are there.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::{Problem, Report};
use crate::config::schema;
use crate::config::yaml::{self, Kind, Node};

/// The bytes of a source that are read.
pub const MAX_BYTES: u64 = 64 << 20;
/// The targets and the groups of a source, each: `{},` has three bytes and costs memory.
const MAX_ITEMS: usize = 1_000_000;
/// The labels of a group that are read. Fewer are used.
const MAX_LABELS: usize = 10_000;

/// Targets that share their labels.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// What is to be probed.
    pub targets: Vec<Listed>,
    /// Names and values of the labels as they are written, `__` ones among them.
    pub labels: Vec<(String, String)>,
}

/// A target as it is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The URL, or host and port. It may hold a password.
    pub text: Box<str>,
    /// The line on which it stands, from 1.
    pub line: u32,
}

/// How a source is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// JSON, as servers answer.
    Json,
    /// YAML.
    Yaml,
}

/// Reads what a source called `name` holds. The error says where what is wrong, and shows no value.
pub fn parse(name: &str, format: Format, bytes: &[u8]) -> Result<Vec<Group>, String> {
    let text = str::from_utf8(bytes)
        .map_err(|error| format!("{name}: byte {} is not UTF-8", error.valid_up_to() + 1))?;
    match format {
        Format::Json => from_json(text).map_err(|what| format!("{name}: {what}")),
        Format::Yaml => from_yaml(name, text),
    }
}

fn from_json(text: &str) -> Result<Vec<Group>, String> {
    let written: Bounded<WrittenGroup<'_>> = serde_json::from_str(text).map_err(told)?;
    let n_targets: usize = written.0.iter().map(WrittenGroup::n_targets).sum();
    if n_targets > MAX_ITEMS {
        return Err(too_many());
    }
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    let groups = written.0.into_iter();
    groups
        .map(|group| {
            let targets = group.targets.map(|list| list.0).unwrap_or_default();
            let listed = targets.into_iter().map(|raw| {
                let line = lines.of(raw.get());
                match serde_json::from_str::<Option<String>>(raw.get()) {
                    Ok(text) => Ok(Listed {
                        text: text.unwrap_or_default().into(),
                        line,
                    }),
                    Err(_) => Err(format!("a target must be text, at line {line}")),
                }
            });
            Ok(Group {
                targets: listed.collect::<Result<_, _>>()?,
                labels: group.labels.map(|labels| labels.0).unwrap_or_default(),
            })
        })
        .collect()
}

/// What the reader of JSON found. Where a value is of the wrong kind, its words show the value.
fn told(error: serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let place = format!("at line {line} column {column}");
    match error.classify() {
        serde_json::error::Category::Data if !error.to_string().contains("at most") => format!(
            "not a list of groups like {{\"targets\": [\"host:port\"], \"labels\": {{\"name\": \"value\"}}}} {place}"
        ),
        serde_json::error::Category::Eof => format!("the JSON ends in its midst {place}"),
        serde_json::error::Category::Syntax => format!("not valid JSON {place}"),
        _ => error.to_string(),
    }
}

fn too_many() -> String {
    format!("more than {MAX_ITEMS} targets or groups; at most as many are read")
}

/// The lines on which pieces of a text stand, asked for in their order.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, piece: &str) -> u32 {
        let start = piece.as_ptr().addr();
        let start = start.saturating_sub(self.text.as_ptr().addr());
        if let Some(between) = self.text.as_bytes().get(self.at..start) {
            let breaks = between.iter().filter(|byte| **byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(0));
            self.at = start;
        }
        self.line
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGroup<'t> {
    #[serde(borrow, default)]
    targets: Option<Bounded<&'t RawValue>>,
    #[serde(default)]
    labels: Option<WrittenLabels>,
}

impl WrittenGroup<'_> {
    fn n_targets(&self) -> usize {
        self.targets.as_ref().map_or(0, |list| list.0.len())
    }
}

/// A list that ends somewhere.
struct Bounded<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(Vec<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Bounded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                mut self,
                mut items: A,
            ) -> Result<Bounded<T>, A::Error> {
                while let Some(item) = items.next_element()? {
                    if self.0.len() == MAX_ITEMS {
                        return Err(serde::de::Error::custom(too_many()));
                    }
                    self.0.push(item);
                }
                Ok(Bounded(self.0))
            }
        }
        deserializer.deserialize_seq(Items(Vec::new()))
    }
}

/// Labels in the order in which they are written; of one that is given twice the last counts, as in Go.
struct WrittenLabels(Vec<(String, String)>);

impl<'de> Deserialize<'de> for WrittenLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Labels;
        impl<'de> Visitor<'de> for Labels {
            type Value = WrittenLabels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WrittenLabels, A::Error> {
                let mut labels = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Option<String>>()? {
                    if labels.len() == MAX_LABELS {
                        let what = format!("a group has more labels than {MAX_LABELS}; at most");
                        return Err(serde::de::Error::custom(what));
                    }
                    labels.push((name, value.unwrap_or_default()));
                }
                Ok(WrittenLabels(labels))
            }
        }
        deserializer.deserialize_map(Labels)
    }
}

fn from_yaml(name: &str, text: &str) -> Result<Vec<Group>, String> {
    let mut report = Report::new(name);
    let root = yaml::parse(text, &mut report);
    let groups = match root.as_deref() {
        None => Vec::new(),
        Some(root) if root.is_null() => Vec::new(),
        Some(Node {
            kind: Kind::List(items),
            ..
        }) => {
            let groups = items.iter().map(|node| group(node, &mut report));
            groups.collect()
        }
        Some(other) => {
            let found = other.describe();
            report.mistake(
                other.pos,
                format!("must be a list of groups, found {found}"),
            );
            Vec::new()
        }
    };
    let n_targets: usize = groups.iter().map(|group| group.targets.len()).sum();
    if n_targets.max(groups.len()) > MAX_ITEMS {
        return Err(format!("{name}: {}", too_many()));
    }
    match report.finish() {
        Ok(_) => Ok(groups),
        Err(problems) => {
            let mut problems = problems.iter();
            let first = problems.next().map(Problem::to_string);
            let more = match problems.count() {
                0 => String::new(),
                n_more => format!(", and {n_more} more mistakes"),
            };
            Err(first.unwrap_or_default() + &more)
        }
    }
}

fn group(node: &Node, report: &mut Report) -> Group {
    let mut group = Group {
        targets: Vec::new(),
        labels: Vec::new(),
    };
    if node.is_null() {
        report.mistake(node.pos, "a group must be a mapping, found nothing");
        return group;
    }
    let Some(mut fields) = Fields::open(node, &schema::TARGET_GROUP, report) else {
        return group;
    };
    let (targets, labels) = (fields.take("targets"), fields.take("labels"));
    fields.finish(report);
    let items = targets.and_then(|field| field.list("a list of targets", report));
    for node in items.unwrap_or_default() {
        let item = Field {
            name: "a target",
            key_pos: node.pos,
            node,
        };
        if let Some(text) = item.text(report) {
            let line = u32::try_from(node.pos.line).unwrap_or(u32::MAX);
            let text = text.into();
            group.targets.push(Listed { text, line });
        }
    }
    let entries = labels.and_then(|field| field.mapping("names with values", report));
    for entry in entries.unwrap_or_default() {
        let field = Field {
            name: "the value of a label",
            ..Field::of(entry)
        };
        let value = match entry.value.is_null() {
            true => Some(""),
            false => field.text(report),
        };
        let label = value.map(|value| (entry.key.clone(), value.to_owned()));
        group.labels.extend(label);
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: Format, text: &str) -> String {
        match parse("f", format, text.as_bytes()) {
            Err(error) => error,
            Ok(groups) => {
                let groups = groups.iter().map(|group| {
                    let targets = group.targets.iter();
                    let targets = targets.map(|one| format!("{}@{}", one.text, one.line));
                    let labels = group.labels.iter();
                    let labels = labels.map(|(name, value)| format!("{name}={value}"));
                    let parts: Vec<String> = targets.chain(labels).collect();
                    parts.join(" ")
                });
                groups.collect::<Vec<_>>().join(" | ")
            }
        }
    }

    #[test]
    fn groups_are_read_as_they_are_written() {
        for (format, text, expected) in [
            (Format::Json, "[]", ""),
            (Format::Json, r#"[{"targets": ["a", "b:1"]}]"#, "a@1 b:1@1"),
            (
                Format::Json,
                "[\n{\"targets\":\n[\"a\",\n\"\\u00fc\"], \"labels\": {\"x\": \"1\", \"y\": null}}, {}]",
                "a@3 ü@4 x=1 y= | ",
            ),
            (Format::Json, r#"[{"targets": null, "labels": null}]"#, ""),
            (Format::Yaml, "", ""),
            (Format::Yaml, "[]", ""),
            (
                Format::Yaml,
                "- targets: [a, 'b:1']\n  labels: {x: 1.10, y: }\n- targets:\n  - c",
                "a@1 b:1@1 x=1.10 y= | c@4",
            ),
            (
                Format::Yaml,
                r#"[{"targets": ["a"], "labels": {"x": "y"}}]"#,
                "a@1 x=y",
            ),
        ] {
            assert_eq!(shown(format, text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_groups_is_refused_whole() {
        for (format, text, expected) in [
            (
                Format::Json,
                "",
                "the JSON ends in its midst at line 1 column 0",
            ),
            (
                Format::Json,
                "[{\"targets\": [\"a\"",
                "the JSON ends in its midst",
            ),
            (Format::Json, "{}", "not a list of groups like"),
            (Format::Json, "[null]", "not a list of groups like"),
            (Format::Json, "[]x", "not valid JSON at line 1"),
            (
                Format::Json,
                r#"[{"targets": "s3cret"}]"#,
                "not a list of groups",
            ),
            (
                Format::Json,
                "[{\"targets\": [\n1]}]",
                "a target must be text, at line 2",
            ),
            (
                Format::Json,
                r#"[{"labels": {"a": 1}}]"#,
                "not a list of groups",
            ),
            (
                Format::Json,
                r#"[{"labels": ["s3cret"]}]"#,
                "not a list of groups",
            ),
            (Format::Json, r#"[{"s3cret": ""}]"#, "not a list of groups"),
            (
                Format::Yaml,
                "a: b",
                "f:1:1: must be a list of groups, found a mapping",
            ),
            (Format::Yaml, "- targets: [a", "f:1:12: not valid YAML"),
            (
                Format::Yaml,
                "- target: [a]",
                "f:1:3: unknown key \"target\" in a group; did you mean",
            ),
            (
                Format::Yaml,
                "- targets: a",
                "f:1:12: targets must be a list of targets, found a single value",
            ),
            (
                Format::Yaml,
                "- targets: [{a: b}]",
                "f:1:13: a target must be text, found a mapping",
            ),
            (
                Format::Yaml,
                "- labels: {a: [s3cret]}",
                "f:1:15: the value of a label must be text, found a list",
            ),
            (
                Format::Yaml,
                "- labels: {a: b, a: c}",
                "f:1:18: duplicate key",
            ),
            (
                Format::Yaml,
                "-\n- 1\n",
                "f:1:2: a group must be a mapping, found nothing, and 1 more",
            ),
        ] {
            let said = shown(format, text);
            assert!(said.contains(expected), "{text}: {said}");
            assert!(!said.contains("s3cret"), "{text}: {said}");
        }
        assert_eq!(
            parse("f", Format::Json, b"[\"\xff\"]"),
            Err("f: byte 3 is not UTF-8".to_owned())
        );
    }

    #[test]
    fn what_is_small_to_write_cannot_cost_much() {
        let groups = format!("[{}{{}}]", "{},".repeat(MAX_ITEMS));
        let targets = format!("[{{\"targets\":[{}\"\"]}}]", "\"\",".repeat(MAX_ITEMS));
        for text in [groups, targets] {
            let said = shown(Format::Json, &text);
            assert!(
                said.contains("more than 1000000 targets or groups"),
                "{said}"
            );
        }
        let deep = "[".repeat(1_000_000);
        assert!(parse("f", Format::Json, deep.as_bytes()).is_err());
        assert!(parse("f", Format::Yaml, deep.as_bytes()).is_err());
        let deep = format!("[{{\"targets\":[{deep}");
        assert!(parse("f", Format::Json, deep.as_bytes()).is_err());
    }
}
