//! A reader of pages that knows the two formats and nothing of who writes them.

use std::collections::BTreeMap;

/// The labels of a series, by name.
pub type Labels = BTreeMap<String, String>;

/// A page as its reader finds it.
#[derive(Debug, Default)]
pub struct Read {
    /// The values of the series, by name and labels.
    pub series: BTreeMap<(String, Labels), f64>,
    /// The types of the families, by the names that stand behind `# TYPE`.
    pub types: BTreeMap<String, String>,
}

/// Reads a page. It panics at whatever a parser would refuse.
pub fn read(page: &str, is_open_metrics: bool) -> Read {
    let mut read = Read::default();
    let mut family = (String::new(), String::new());
    assert!(
        page.is_empty() || page.ends_with('\n'),
        "the last line does not end"
    );
    let mut lines: Vec<&str> = page.split('\n').collect();
    lines.pop();
    if is_open_metrics {
        assert_eq!(lines.pop(), Some("# EOF"));
    }
    for line in lines {
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, rest) = comment.split_once(' ').expect("a word behind the #");
            let (name, text) = rest.split_once(' ').expect("a name and a text");
            match what {
                "HELP" => family = (name.to_owned(), String::new()),
                "TYPE" => {
                    assert_eq!(family.0, name, "the type of another family");
                    family.1 = text.to_owned();
                    let known = read.types.insert(name.to_owned(), text.to_owned());
                    assert_eq!(known, None, "{name} in two places");
                }
                "UNIT" => assert!(is_open_metrics && name.ends_with(text), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        check_name(&name, &family, is_open_metrics);
        let value = value.parse().expect("a number");
        let known = read.series.insert((name, labels), value);
        assert_eq!(known, None, "twice: {line:?}");
    }
    read
}

fn check_name(name: &str, (family, kind): &(String, String), is_open_metrics: bool) {
    let suffixes: &[&str] = match kind.as_str() {
        "histogram" => &["_bucket", "_sum", "_count"],
        "counter" if is_open_metrics => &["_total"],
        "counter" | "gauge" => &[""],
        kind => panic!("{family} is a {kind}"),
    };
    let suffix = name.strip_prefix(family.as_str());
    let is_right = suffix.is_some_and(|suffix| suffixes.contains(&suffix));
    assert!(is_right, "{name} stands under {family}, a {kind}");
}

/// Takes a line apart: name, labels, value.
fn sample(line: &str) -> (String, Labels, &str) {
    let end = line.find(['{', ' ']).expect("something behind the name");
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line:?}");
    let mut labels = Labels::new();
    let Some(mut rest) = rest.strip_prefix('{') else {
        return (name.to_owned(), labels, rest.trim_start_matches(' '));
    };
    while !rest.starts_with('}') {
        let (label, behind) = rest.split_once("=\"").expect("a label with its value");
        assert!(is_name(label), "{line:?}");
        let (value, behind) = unescaped(behind);
        let known = labels.insert(label.to_owned(), value);
        assert_eq!(known, None, "{label} stands twice: {line:?}");
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    (
        name.to_owned(),
        labels,
        rest.strip_prefix("} ").expect("a value"),
    )
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    bytes.next().is_some_and(is_first) && bytes.all(|byte| is_first(byte) || byte.is_ascii_digit())
}

/// The value up to its closing quote, and what stands behind it.
fn unescaped(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next().expect("a closing quote") {
            '"' => return (value, characters.as_str()),
            '\\' => value.push(match characters.next() {
                Some('n') => '\n',
                Some(special @ ('\\' | '"')) => special,
                other => panic!("{other:?} behind a backslash"),
            }),
            other => value.push(other),
        }
    }
}
