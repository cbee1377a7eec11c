//! Files that ask for too much, and messages that must not say too much.

use std::fmt::Write;
use std::fs;

use crate::config::bad::bad_files;
use crate::config::{folder, good, parse};

#[test]
fn no_secret_is_shown() {
    // Everything that may be a secret holds this word; keys and places around it vary.
    const CANARY: &str = "canary";
    let complete = fs::read_to_string(folder("good").join("complete.yml")).unwrap();
    let config = good("complete.yml");
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains(CANARY), "{shown}");
    // As Debug would show bytes.
    assert!(!shown.contains("99, 97, 110, 97, 114, 121"), "{shown}");

    // Whatever single line is lost, doubled, pushed in or pulled out: nothing is shown.
    let lines: Vec<&str> = complete.lines().collect();
    for index in 0..lines.len() {
        let line = lines[index];
        for change in [
            String::new(),
            format!("{line}\n{line}"),
            format!("  {line}"),
            line.trim_start_matches("  ").to_owned(),
            line.replacen(": ", ":", 1),
            line.replacen(": ", ": !", 1),
            line.replacen(": ", ": *", 1),
            line.replacen(": ", ": [", 1),
            line.replacen("https://", "", 1),
            line.replacen("user:", "", 1),
            line.replacen('/', "", 2),
            line.replacen(['\'', '"'], "", 1),
        ] {
            let mut changed = lines.clone();
            changed[index] = &change;
            let text = changed.join("\n").replace("../files", "../good/../files");
            if let Err(said) = parse(&text) {
                assert!(!said.contains(CANARY), "line {index}, {change:?}: {said}");
            }
        }
    }
    // Nor whatever single character is lost there or in the line before, or where the file ends.
    let near: Vec<bool> = (0..lines.len())
        .map(|n| {
            lines
                .iter()
                .skip(n)
                .take(2)
                .any(|line| line.contains(CANARY))
        })
        .collect();
    let mut line = 0;
    for (index, c) in complete.char_indices() {
        line += usize::from(c == '\n');
        if near.get(line) != Some(&true) {
            continue;
        }
        let (before, rest) = complete.split_at(index);
        for text in [
            before.to_owned(),
            format!("{before}{}", &rest[c.len_utf8()..]),
        ] {
            if let Err(said) = parse(&text) {
                assert!(!said.contains(CANARY), "without {c:?} at {index}: {said}");
            }
        }
    }
    for (path, said) in bad_files() {
        assert!(!said.contains("s3cret"), "{}: {said}", path.display());
    }
}

#[test]
fn hostile_files_fail_fast() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..=9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..=2_000 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    let mut merged = String::from("base: &base\n");
    for key in 0..5_000 {
        writeln!(merged, "  k{key}: x").unwrap();
    }
    merged += "targets:\n";
    merged += &"  - <<: *base\n".repeat(5_000);
    let codes = format!("c: &c [{}]\n", "x, ".repeat(200_000));
    let mistakes = codes + "modules: {m: {prober: http, http: {valid_status_codes: *c}}}";
    for (text, part) in [
        (bomb, "more than 5000000 values"),
        (chain, "nested more than 64 deep"),
        ("[".repeat(20_000), "nested more than 64 deep"),
        ("{a: ".repeat(20_000), "nested more than 64 deep"),
        ("- ".repeat(20_000), "nested more than 64 deep"),
        (merged, "more than 5000000 values"),
        (mistakes, "and 100001 more"),
        (
            format!("targets: \"{}", "x".repeat(1 << 20)),
            "unclosed quote",
        ),
    ] {
        // Without its bound each of these would take hours or all memory.
        let said = parse(&text).unwrap_err();
        assert!(said.contains(part), "{part}: {said:.200}");
    }
}

#[test]
fn ten_thousand_targets_load() {
    let mut text = String::from("modules:\n  m: {prober: http, timeout: 1s}\ntargets:\n");
    for index in 0..10_000 {
        write!(
            text,
            "  - name: t{index}\n    url: https://h{index}.example/path\n    module: m\n    \
             interval: 5s\n    labels: {{team: a, shard: {index}}}\n"
        )
        .unwrap();
    }
    let config = parse(&text).unwrap();
    assert_eq!(config.targets.len(), 10_000);
    assert_eq!(config.targets[9_999].name, "t9999");

    // And as many mistakes, each told.
    let said = parse(&text.replace("module: m", "module: n")).unwrap_err();
    assert_eq!(said.lines().count(), 10_000);
}
