//! The reference in `docs` against the code: what it lists is what there is, and nothing else.

pub mod configuration;
mod conflicts;
mod flags;
mod metrics;

use std::fs;
use std::path::Path;

pub fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// A part of a document with the rows of its tables.
#[derive(Debug)]
pub struct Part<'d> {
    pub heading: &'d str,
    pub rows: Vec<Vec<String>>,
}

impl Part<'_> {
    /// What stands in code in the first cells.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().flat_map(|row| code(&row[0]))
    }

    /// The row of a name.
    pub fn row(&self, name: &str) -> &[String] {
        let mut rows = self.rows.iter();
        let row = rows.find(|row| code(&row[0]).any(|found| found == name));
        row.unwrap_or_else(|| panic!("{name} has a row in {}", self.heading))
    }
}

/// What stands in code in a text.
pub fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The parts of a document, each from its heading to the next one.
pub fn parts(document: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut is_code = false;
    for line in document.lines() {
        is_code ^= line.starts_with("```");
        if let (true, false) = (line.starts_with('#'), is_code) {
            parts.push(Part {
                heading: line.trim_start_matches('#').trim(),
                rows: Vec::new(),
            });
        }
        let (true, Some(part)) = (line.starts_with("| "), parts.last_mut()) else {
            continue;
        };
        // A bar within a cell is written with a backslash.
        let line = line.replace("\\|", "\u{1}");
        let cells = line.trim_matches('|').split('|');
        let cells = cells.map(|cell| cell.trim().replace('\u{1}', "|"));
        part.rows.push(cells.collect());
    }
    parts
}

/// The part below a heading.
pub fn part<'d>(document: &'d str, heading: &str) -> Part<'d> {
    let mut parts = parts(document).into_iter();
    let found = parts.find(|part| part.heading == heading);
    found.unwrap_or_else(|| panic!("there is a part {heading}"))
}
