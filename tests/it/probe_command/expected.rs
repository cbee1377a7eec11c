//! What is printed is what `tests/probe` has, with a word in the place of whatever changes.

use std::fs;
use std::path::PathBuf;

use regex::{Captures, Regex};

/// Set to write what comes out as what is expected; read the diff before you keep it.
const UPDATE: &str = "UPDATE_EXPECTED";

/// What changes from one run to the next, and what stands for it.
const CHANGING: [(&str, &str); 6] = [
    (r"127\.0\.0\.1:\d{2,}", "127.0.0.1:PORT"),
    (r"\r\x1b\[K", "<clear>\n"),
    (r"\b\d\d:\d\d:\d\dZ", "hh:mm:ssZ"),
    (r"(in|for) \d+ days", "$1 N days"),
    (r"\b\d{9,10}\b", "N"),
    (
        r"\b(dns|connect|tls|send|first_byte|transfer) \d+\.\d\b",
        "$1 N",
    ),
];

/// The text without what changes. Times and bars leave as many columns as they took, and of a bar
/// only whether it is long where `bars_count`: tests of the drawing itself have fixed times.
fn normalised(text: &str, bars_count: bool) -> String {
    let times = Regex::new(r" *\d+\.\d{3} ms").unwrap();
    let bars = Regex::new(
        r"(?m)^([\w ]{13})( *)((?:\x1b\[\d+m)?)([#|█▏▎▍▌▋▊▉]+)((?:\x1b\[0m)?)( *)(  t ms)$",
    );
    let text = times.replace_all(text, |found: &Captures<'_>| {
        let width = found[0].len();
        // In a line of text, where nothing is below another, it has one blank.
        let width = if width > 12 { width } else { 5 };
        format!("{:>width$}", "t ms")
    });
    let text = bars.unwrap().replace_all(&text, |found: &Captures<'_>| {
        let filled = found[4].chars().count();
        let width = found[2].len() + filled + found[6].len();
        let bar = match bars_count && filled > width / 2 {
            true => "long bar",
            false => "bar",
        };
        let (label, colour, end, time) = (&found[1], &found[3], &found[5], &found[7]);
        let blank = " ".repeat(width - bar.len());
        format!("{label}{colour}{bar}{end}{blank}{time}")
    });
    let text = CHANGING.iter().fold(text.into_owned(), |text, row| {
        let (what, with) = row;
        let changing = Regex::new(what).unwrap();
        changing.replace_all(&text, *with).into_owned()
    });
    // Colours and the like are to be seen in the file.
    text.replace('\x1b', "ESC")
}

/// Says how `found` differs from what the file of this name has, if it does.
pub fn difference(name: &str, found: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/probe")
        .join(name);
    let found = normalised(found, name.starts_with("slow"));
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    (found != expected).then(|| format!("{name}\n--- expected\n{expected}--- found\n{found}"))
}
