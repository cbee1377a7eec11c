//! How messages show what a file holds: short, on one line, and helpful about spelling.

use std::fmt::Write;

/// Values are shown up to this many characters.
const SHOWN: usize = 60;
/// Spelling is looked at in words up to this many characters, to bound the work.
const SPELLED: usize = 64;
/// Names that are offered or compared, to bound the work and the message.
const OFFERED: usize = 12;
const COMPARED: usize = 200;

/// Quotes a value, cut to a bearable length, with everything escaped that could disturb a terminal
/// or a log.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN {
            quoted.push('…');
            break;
        }
        match c {
            '\'' => quoted.push(c),
            _ => quoted.extend(c.escape_debug()),
        }
    }
    quoted.push('"');
    quoted
}

/// Quotes a key, up to the first character that no key of the schema has: what follows it may be a
/// value that slipped into the key, as in `{"Authorization: Bearer …"}`.
pub fn quote_key(key: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "_-./<".contains(*c);
    let mut shown: String = key.chars().take_while(fits).take(SHOWN).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// What would do instead of `word`: the nearest of `names`, or else all of them.
pub fn suggest<'a>(word: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(name) = nearest(word, names.clone()) {
        return format!("did you mean {}?", quote(name));
    }
    let mut offer = String::from("known are ");
    let mut n_names = 0;
    for name in names {
        n_names += 1;
        if n_names <= OFFERED {
            let comma = if n_names > 1 { ", " } else { "" };
            // Writing to a string cannot fail.
            write!(offer, "{comma}{}", quote(name).trim_matches('"')).unwrap_or_default();
        }
    }
    if n_names > OFFERED {
        write!(offer, " and {} more", n_names - OFFERED).unwrap_or_default();
    }
    offer
}

/// The name that `word` was probably meant to be, if one is near.
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = lower(word);
    names
        .take(COMPARED)
        .filter_map(|name| {
            let other = lower(name);
            let bound = word.len().max(other.len()) / 3;
            let fits = word.len().abs_diff(other.len()) <= bound && word.len() <= SPELLED;
            let distance = if fits {
                distance(&word, &other)
            } else {
                usize::MAX
            };
            (distance <= bound).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn lower(text: &str) -> Vec<char> {
    text.chars()
        .take(SPELLED + 1)
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many characters to insert, remove, replace or swap with their neighbour.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let mut cost = (last[j] + usize::from(l != r))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_on_one_short_line() {
        for (text, quoted) in [
            ("a b", "\"a b\""),
            ("it's", "\"it's\""),
            ("a\n\u{1b}[31m\"", "\"a\\n\\u{1b}[31m\\\"\""),
            ("\u{202e}x", "\"\\u{202e}x\""),
        ] {
            assert_eq!(quote(text), quoted);
        }
        assert_eq!(quote(&"ä".repeat(100)).chars().count(), SHOWN + 3);
    }

    #[test]
    fn keys_are_shown_without_a_value_that_slipped_in() {
        assert_eq!(quote_key("time-out_2"), "\"time-out_2\"");
        assert_eq!(quote_key("Authorization: Bearer x"), "\"Authorization…\"");
        assert_eq!(quote_key(&"a".repeat(80)).chars().count(), SHOWN + 3);
    }

    #[test]
    fn near_names_are_suggested() {
        let names = ["timeout", "prober", "http", "interval"];
        for (word, near) in [
            ("time_out", Some("timeout")),
            ("Timeout", Some("timeout")),
            ("porber", Some("prober")),
            ("htp", Some("http")),
            ("intervall", Some("interval")),
            ("x", None),
            ("", None),
            ("retries", None),
        ] {
            assert_eq!(nearest(word, names.into_iter()), near, "{word}");
        }
        assert_eq!(
            suggest("retries", names.into_iter()),
            "known are timeout, prober, http, interval"
        );
        let many: Vec<String> = (0..20).map(|n| format!("name{n}")).collect();
        let offer = suggest("zzzzzzzzzz", many.iter().map(String::as_str));
        assert!(offer.ends_with("name11 and 8 more"), "{offer}");
    }
}
