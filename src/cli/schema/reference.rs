//! What the reference of the documentation says of each key, for editors to show. A test holds it
//! against the keys, so that it can be relied on for which of them must be there.

use std::collections::HashMap;

use serde_json::Value;

/// What the reference calls the configuration file.
pub const FILE: &str = "httpcycle.yml";

/// The rows of all keys.
#[derive(Debug)]
pub struct Reference {
    rows: HashMap<(String, String), Row>,
}

/// What is said of one key.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it does.
    pub meaning: String,
    /// What may be written in its place without changing anything, if there is such a value.
    pub default: Option<Value>,
    /// Whether it must be there.
    pub is_required: bool,
}

impl Reference {
    /// That of the version that is running.
    pub fn of_this_version() -> Self {
        Self::parse(include_str!("../../../docs/configuration.md"))
    }

    /// Reads the tables below headings that name paths, of each row the names, the default and the
    /// meaning.
    fn parse(document: &str) -> Self {
        let mut rows = HashMap::new();
        let mut paths: Vec<&str> = Vec::new();
        for line in document.lines() {
            if line.starts_with('#') {
                paths = code(line).collect();
            }
            let Some(cells) = cells(line) else { continue };
            let [names, _, default, meaning] = cells.each_ref().map(String::as_str);
            let row = Row {
                meaning: without_links(meaning),
                default: sole_code(default).map(value),
                is_required: default == "required",
            };
            for path in &paths {
                for name in code(names) {
                    rows.insert(((*path).to_owned(), name.to_owned()), row.clone());
                }
            }
        }
        Self { rows }
    }

    /// What is said of a key of the section at `path`.
    pub fn row(&self, path: &str, key: &str) -> Option<&Row> {
        self.rows.get(&(path.to_owned(), key.to_owned()))
    }
}

/// The cells of a row about keys.
fn cells(line: &str) -> Option<[String; 4]> {
    let inner = line.strip_prefix("| `")?.strip_suffix(" |")?;
    // A bar within a cell is written with a backslash.
    let inner = inner.replace("\\|", "\u{1}");
    let cells = inner
        .split(" |")
        .map(|cell| cell.trim().replace('\u{1}', "|"));
    let mut cells: Vec<String> = cells.collect();
    cells.first_mut()?.insert(0, '`');
    cells.try_into().ok()
}

/// What stands in code in a text.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The code that is all of a cell.
fn sole_code(cell: &str) -> Option<&str> {
    let inner = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!inner.contains('`')).then_some(inner)
}

/// A default as data; what is no JSON is text.
fn value(written: &str) -> Value {
    serde_json::from_str(written).unwrap_or_else(|_| written.into())
}

/// A sentence whose links are their texts: they lead nowhere from an editor.
fn without_links(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, behind)) = rest.split_once("](") {
        let (before, shown) = before.rsplit_once('[').unwrap_or((before, ""));
        text.push_str(before);
        text.push_str(shown);
        rest = behind.split_once(')').map_or("", |(_, behind)| behind);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_stand() {
        let document = "## `httpcycle.yml`\n\n| key | type | default | what it does |\n|---|---|---|---|\n\
                        | `a` `b` | text | `[1]` | one \\| [two](x.md#y), three |\n\
                        ### `s[]` and `t`\n| `c` | `x` | required | `c` |\n| `d` | text | `GET` | |\n";
        let reference = Reference::parse(document);
        for key in ["a", "b"] {
            let row = reference.row(FILE, key).expect("a row");
            assert_eq!(row.meaning, "one | two, three");
            assert_eq!(row.default, Some(serde_json::json!([1])));
            assert!(!row.is_required);
        }
        for path in ["s[]", "t"] {
            let row = reference.row(path, "c").expect("a row");
            assert!(row.is_required && row.default.is_none());
            let default = reference.row(path, "d").expect("a row").default.clone();
            assert_eq!(default, Some("GET".into()));
        }
        assert!(reference.row(FILE, "c").is_none());
    }
}
