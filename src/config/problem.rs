//! What is wrong with a file: every mistake of it, each with its place, in one go.

use std::fmt;
use std::sync::Arc;

/// A place in a file, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Pos {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Pos {
    /// The first character of a file, for what concerns all of it.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing to tell the user about a file, written as `file:line:column: message`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    /// The name of the file, as it is shown.
    pub file: Arc<str>,
    /// Where in the file.
    pub pos: Pos,
    /// What was found and what would do. It never holds a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pos { line, column } = self.pos;
        write!(f, "{}:{line}:{column}: {}", self.file, self.message)
    }
}

/// No one reads on after so many, and memory is not endless.
const MAX_LISTED: usize = 100_000;

/// All mistakes of a file, at least one, in the order of their places.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problems {
    listed: Vec<Problem>,
    n_more: usize,
}

impl Problems {
    /// Holds one problem.
    pub fn one(file: &str, pos: Pos, message: String) -> Self {
        let listed = vec![Problem {
            file: file.into(),
            pos,
            message,
        }];
        Self { listed, n_more: 0 }
    }

    /// The problems, first place first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.listed.iter()
    }
}

impl fmt::Display for Problems {
    /// Writes one problem a line, without a line break at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.listed.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        if self.n_more > 0 {
            write!(f, "\nand {} more", self.n_more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects what is found while a file is read, so that one mistake does not hide the next.
#[derive(Debug)]
pub struct Report {
    file: Arc<str>,
    mistakes: Vec<Problem>,
    n_mistakes: usize,
    warnings: Vec<Problem>,
}

impl Report {
    /// Starts an empty report on a file.
    pub fn new(file: &str) -> Self {
        Self {
            file: file.into(),
            mistakes: Vec::new(),
            n_mistakes: 0,
            warnings: Vec::new(),
        }
    }

    /// Adds what makes the file unusable.
    pub fn mistake(&mut self, pos: Pos, message: impl Into<String>) {
        self.n_mistakes += 1;
        if self.mistakes.len() < MAX_LISTED {
            self.mistakes.push(Problem {
                file: Arc::clone(&self.file),
                pos,
                message: message.into(),
            });
        }
    }

    /// Adds what the user should know, though the file can be used.
    pub fn warning(&mut self, pos: Pos, message: impl Into<String>) {
        self.warnings.push(Problem {
            file: Arc::clone(&self.file),
            pos,
            message: message.into(),
        });
    }

    /// How many mistakes there are so far.
    pub fn n_mistakes(&self) -> usize {
        self.n_mistakes
    }

    /// Ends with the warnings, or with the mistakes if there is one. What was said twice of one
    /// place, because an alias brought it to several, is said once.
    pub fn finish(mut self) -> Result<Vec<Problem>, Problems> {
        let n_more = self.n_mistakes - self.mistakes.len();
        for problems in [&mut self.mistakes, &mut self.warnings] {
            problems.sort();
            problems.dedup();
        }
        if self.mistakes.is_empty() {
            Ok(self.warnings)
        } else {
            Err(Problems {
                listed: self.mistakes,
                n_more,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_come_sorted_and_once() {
        let at = |line, column| Pos { line, column };
        let mut report = Report::new("f.yml");
        report.mistake(at(10, 1), "c");
        report.warning(at(1, 1), "w");
        report.mistake(at(2, 3), "b");
        report.mistake(at(2, 1), "a");
        report.mistake(at(2, 3), "b");
        assert_eq!(report.n_mistakes(), 4);
        let problems = report.finish().expect_err("there are mistakes");
        assert_eq!(
            problems.to_string(),
            "f.yml:2:1: a\nf.yml:2:3: b\nf.yml:10:1: c"
        );
    }

    #[test]
    fn the_list_ends_somewhere() {
        let mut report = Report::new("f.yml");
        for line in 1..=MAX_LISTED + 2 {
            report.mistake(Pos { line, column: 1 }, "m");
        }
        assert_eq!(report.n_mistakes(), MAX_LISTED + 2);
        let said = report.finish().expect_err("there are mistakes").to_string();
        assert!(said.ends_with("f.yml:100000:1: m\nand 2 more"));
    }

    #[test]
    fn warnings_alone_do_not_fail() {
        let mut report = Report::new("f.yml");
        report.warning(Pos::START, "w");
        let warnings = report.finish().expect("no mistake");
        assert_eq!(warnings[0].to_string(), "f.yml:1:1: w");
    }
}
