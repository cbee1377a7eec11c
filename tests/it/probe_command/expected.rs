//! What is printed is what `tests/probe` has, with a word in the place of whatever changes.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use regex::Regex;

/// Set to write what comes out as what is expected; read the diff before you keep it.
const UPDATE: &str = "UPDATE_EXPECTED";

/// What changes from one run to the next, and what stands for it.
const CHANGING: [(&str, &str); 9] = [
    (r"\r\x1b\[K", "<clear>\n"),
    (r"127\.0\.0\.1:\d{2,}", "127.0.0.1:PORT"),
    (r" *\b\d+\.\d{3} ms", " TIME"),
    (r"\b\d\d:\d\d:\d\dZ", "CLOCK"),
    (r"(in|for) \d+ days", "$1 N days"),
    (
        r"\b(dns|connect|tls|send|first_byte|transfer) \d+\.\d\b",
        "$1 N",
    ),
    // Bars are where the time went: tests of the drawing itself have fixed times.
    (r" *(\x1b\[\d+m)?[#|█▏▎▍▌▋▊▉]+(\x1b\[0m)? *", " ${1}BAR$2"),
    (
        r"(?m)^(\x1b\[2m)?(total|overhead|connect|tls|dns|send)  +",
        "$1$2 ",
    ),
    (r"\x1b\[(\d+)m", "<$1>"),
];

/// The text without what changes.
pub fn normalised(text: &str) -> String {
    CHANGING.iter().fold(text.to_owned(), |text, (what, with)| {
        Regex::new(what)
            .unwrap()
            .replace_all(&text, *with)
            .into_owned()
    })
}

/// Says how `found` differs from what the file of this name has, if it does.
pub fn difference(name: &str, found: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/probe")
        .join(name);
    let found = normalised(found);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let mut difference = String::new();
    if found != expected {
        write!(
            difference,
            "{name}\n--- expected\n{expected}--- found\n{found}"
        )
        .unwrap();
    }
    (!difference.is_empty()).then_some(difference)
}
