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
