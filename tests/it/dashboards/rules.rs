//! The rules that are shipped, as far as the tests read them.

use std::fs;

use crate::dashboards::model::{Query, shipped};

/// The files of rules that are shipped, each with its name and its text.
pub fn files() -> Vec<(String, String)> {
    let mut rules = Vec::new();
    for entry in fs::read_dir(shipped("alerts")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            rules.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!rules.is_empty(), "there are rules");
    rules
}

/// A rule as far as it names series.
pub struct Rule {
    /// The name that it records under, if it does.
    pub records: Option<String>,
    /// The labels that it sets.
    pub sets: Vec<String>,
    pub query: Query,
}

/// Reads rules by their indentation: keys of a rule, and blocks below them.
pub fn all() -> Vec<Rule> {
    let mut rules = Vec::new();
    for (file, text) in files() {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let depth = |line: &str| line.len() - line.trim_start().len();
            let (key, value) = line.trim_start().split_once(':').unwrap_or_default();
            let mut below = String::new();
            let is_below = |next: &str| next.trim().is_empty() || depth(next) > depth(line);
            if ["expr", "labels"].contains(&key) {
                while let Some(next) = lines.next_if(|next| is_below(next)) {
                    below.push_str(next);
                    below.push('\n');
                }
            }
            match key {
                "- record" | "- alert" => rules.push(Rule {
                    records: (key == "- record").then(|| value.trim().to_owned()),
                    sets: Vec::new(),
                    query: Query {
                        place: format!("{file} / {}", value.trim()),
                        expr: String::new(),
                    },
                }),
                "expr" => {
                    let value = value.trim();
                    let is_block = value.starts_with(['|', '>']);
                    let quotes = ['"', '\''];
                    let inline = value.trim_matches(quotes).to_owned();
                    let expr = if is_block {
                        below
                    } else {
                        inline + "\n" + &below
                    };
                    rules.last_mut().unwrap().query.expr = expr;
                }
                "labels" => {
                    let keys = value.trim_matches([' ', '{', '}']).split(',');
                    let keys = keys.chain(below.lines());
                    let keys =
                        keys.filter_map(|key| Some(key.split_once(':')?.0.trim().to_owned()));
                    rules.last_mut().unwrap().sets.extend(keys);
                }
                _ => {}
            }
        }
    }
    rules
}
