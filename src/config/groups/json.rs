//! Groups of targets in JSON, with the lines on which targets stand.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::config::groups::Group;
use crate::config::groups::Listed;
use crate::config::groups::MAX_ITEMS;
use crate::config::groups::MAX_LABELS;
use crate::config::groups::too_many;

/// Reads groups written in JSON. The error says where what is wrong, and shows no value.
pub fn read(text: &str) -> Result<Vec<Group>, String> {
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
