//! `docs/flags.md`: every flag, argument and subcommand that `--help` tells of, with its default.

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::{Part, code, part, parts, read};
use crate::support::exporter::program;

/// What `--help` says of a flag or an argument.
#[derive(Debug)]
struct Told {
    default: Option<String>,
    /// The only values that it takes; none if there is no list.
    values: Vec<String>,
}

fn help(arguments: &[&str]) -> String {
    let output = program().args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines below a heading of the help.
fn below<'h>(help: &'h str, heading: &str) -> impl Iterator<Item = &'h str> {
    let lines = help
        .lines()
        .skip_while(move |line| *line != heading)
        .skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' '))
}

fn subcommands(help: &str) -> Vec<&str> {
    let names =
        below(help, "Commands:").filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}

/// The flags by their last spelling, and the arguments, each with all of its spellings.
fn told(help: &str) -> BTreeMap<Vec<String>, Told> {
    let mut found = BTreeMap::new();
    let mut names: Option<Vec<String>> = None;
    for line in below(help, "Arguments:").chain(below(help, "Options:")) {
        let text = line.trim();
        // What is told of a name stands further in.
        let is_name = line.starts_with("  ") && !line.starts_with("        ");
        let is_name = is_name && text.starts_with(['-', '[', '<']);
        // The values of a list begin with a dash and a space.
        if is_name && !text.starts_with("- ") {
            let spelled = text
                .split_whitespace()
                .map(|word| word.trim_matches([',', '[', ']', '.']));
            let dashed: Vec<_> = spelled
                .clone()
                .filter(|word| word.starts_with('-'))
                .collect();
            let first: Vec<_> = spelled
                .take(1)
                .map(|word| word.trim_matches(['<', '>']))
                .collect();
            let all = if dashed.is_empty() { first } else { dashed };
            let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
            names = Some(all.clone());
            let (default, values) = (None, Vec::new());
            found.insert(all, Told { default, values });
        }
        let Some(told) = names.as_ref().and_then(|names| found.get_mut(names)) else {
            continue;
        };
        if let Some((_, behind)) = text.split_once("[default: ") {
            told.default = behind.split(']').next().map(str::to_owned);
        }
        if let Some((_, behind)) = text.split_once("[possible values: ") {
            let values = behind.split(']').next().unwrap_or_default();
            told.values.extend(values.split(", ").map(str::to_owned));
        } else if let Some(value) = text.strip_prefix("- ") {
            let value = value.split(':').next().unwrap_or_default();
            told.values.push(value.trim().to_owned());
        }
    }
    found
}

/// Holds a table against what the help tells.
fn compare(part: &Part<'_>, told: &BTreeMap<Vec<String>, Told>) {
    let listed: BTreeSet<&str> = part.names().collect();
    let known: BTreeSet<&str> = told.keys().flatten().map(String::as_str).collect();
    assert_eq!(listed, known, "{}", part.heading);
    for (names, told) in told {
        check_row(part.row(&names[0]), told);
    }
}

fn check_row(row: &[String], told: &Told) {
    if let Some(default) = &told.default {
        assert_eq!(row[1], format!("`{default}`"), "{row:?}");
    } else {
        // Words may say what a program finds out by itself.
        assert!(!row[1].starts_with("`-") && !is_code(&row[1]), "{row:?}");
    }
    for value in &told.values {
        let is_named = code(&row[2]).any(|found| found == value);
        assert!(is_named, "{value} of {row:?}");
    }
}

fn is_code(cell: &str) -> bool {
    cell.matches('`').count() == 2 && cell.starts_with('`') && cell.ends_with('`')
}

#[test]
fn every_flag_and_every_subcommand_is_listed_with_its_default() {
    let document = read("docs/flags.md");
    let root = help(&[]);
    let global = told(&root);
    assert!(global.len() > 10, "{global:?}");
    assert!(
        global
            .values()
            .filter(|told| told.default.is_some())
            .count()
            > 5
    );
    compare(&part(&document, "Flags"), &global);
    let names = subcommands(&root);
    let headings = parts(&document).into_iter().map(|part| part.heading);
    let headings: Vec<_> = headings
        .filter_map(|heading| heading.strip_prefix('`'))
        .collect();
    let listed: BTreeSet<&str> = headings
        .iter()
        .map(|name| name.trim_end_matches('`'))
        .collect();
    assert_eq!(listed, names.iter().copied().collect());
    for name in names {
        let mut own = told(&help(&[name]));
        own.retain(|spellings, _| !global.contains_key(spellings) && spellings[0] != "-h");
        compare(&part(&document, &format!("`{name}`")), &own);
    }
}

#[test]
fn the_readme_has_flags_that_there_are_with_their_defaults() {
    let readme = read("README.md");
    let part = part(&readme, "Flags");
    let global = told(&help(&[]));
    assert!(part.names().count() > 2);
    for name in part.names() {
        let mut known = global.iter();
        let (_, told) = known
            .find(|(names, _)| names.iter().any(|known| known == name))
            .unwrap();
        check_row(part.row(name), told);
    }
}
