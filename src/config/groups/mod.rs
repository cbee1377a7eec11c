//! Groups of targets as Prometheus's sources write them, in JSON and in YAML. Both are read whole or
//! not at all: half a list would take away targets that are there.

mod json;
#[cfg(test)]
mod tests;

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
        Format::Json => json::read(text).map_err(|what| format!("{name}: {what}")),
        Format::Yaml => from_yaml(name, text),
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

fn too_many() -> String {
    format!("more than {MAX_ITEMS} targets or groups; at most as many are read")
}
