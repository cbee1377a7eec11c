//! Regular expressions as users of Go's programs write them, in the crate's own syntax.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// How many bytes a compiled expression may have; short words of all scripts fit. A search takes at
/// most the text times the expression: microseconds for what people write, more than a second for
/// an expression of this size that is made for it and meets a text made for it.
const MAX_BYTES: usize = 256 * 1024;

/// What a search may keep to be faster, for each thread that searches.
const MAX_CACHE_BYTES: usize = 256 * 1024;

/// Compiles an expression in the syntax of the crate. The error is worded to follow the name of the
/// key.
pub fn compile(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(MAX_BYTES)
        .dfa_size_limit(MAX_CACHE_BYTES)
        .build()
        .map_err(|error| in_words(&error))
}

/// What is wrong with an expression, without the drawing that the library puts before it.
fn in_words(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "is too large once compiled; use smaller repetitions, or [a-z] for \\w".to_owned()
        }
        error => {
            let text = error.to_string();
            let why = text
                .lines()
                .rev()
                .find_map(|line| line.strip_prefix("error: "));
            format!(
                "is no regular expression: {}",
                why.unwrap_or("it cannot be read")
            )
        }
    }
}

/// An expression with the meaning that it has in Go (RE2), found anywhere in a text.
#[derive(Clone)]
pub struct Expression {
    written: String,
    regex: Regex,
}

impl Expression {
    /// Compiles an expression. The error is worded to follow the name of the key.
    pub fn new(text: &str) -> Result<Self, String> {
        let regex = compile(&translate(text))?;
        Ok(Self {
            written: text.to_owned(),
            regex,
        })
    }

    /// Whether it matches anywhere in `text`. Bytes that are no UTF-8 count as U+FFFD, as in Go.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex
            .is_match(String::from_utf8_lossy(text).as_bytes())
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Expression {}

/// Writes an expression of Go in the syntax of the crate, where the two read the same differently:
/// Go's short classes are of ASCII alone, and its brackets know no operations on sets.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let behind = rest.strip_prefix(c).unwrap_or_default();
        rest = match c {
            '\\' if !in_class && behind.starts_with('Q') => quoted(behind, &mut out),
            '\\' => escaped(behind, in_class, &mut out),
            '[' if in_class => bracket(rest, &mut out),
            '[' => {
                in_class = true;
                opened(behind, &mut out)
            }
            ']' => {
                in_class = false;
                out.push(c);
                behind
            }
            '&' | '~' if in_class => literal(c, behind, &mut out),
            '-' if in_class && out.ends_with('-') => literal(c, behind, &mut out),
            '{' if !in_class && !is_count(behind) => literal(c, behind, &mut out),
            c => {
                out.push(c);
                behind
            }
        };
    }
    out
}

fn literal<'t>(c: char, behind: &'t str, out: &mut String) -> &'t str {
    out.extend(['\\', c]);
    behind
}

/// What stands between `\Q` and `\E` means itself.
fn quoted<'t>(behind: &'t str, out: &mut String) -> &'t str {
    let text = behind.strip_prefix('Q').unwrap_or_default();
    let (plain, behind) = text.split_once("\\E").unwrap_or((text, ""));
    out.push_str(&regex::escape(plain));
    behind
}

fn escaped<'t>(behind: &'t str, in_class: bool, out: &mut String) -> &'t str {
    let Some(c) = behind.chars().next() else {
        out.push('\\');
        return behind;
    };
    match c {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str(r"[\t\n\f\r ]"),
        'S' => out.push_str(r"[^\t\n\f\r ]"),
        'b' | 'B' if !in_class => out.extend(["(?-u:\\", c.encode_utf8(&mut [0; 4]), ")"]),
        // To the crate these are the edges of words.
        '<' | '>' => out.push(c),
        c => out.extend(['\\', c]),
    }
    let behind = behind.strip_prefix(c).unwrap_or_default();
    // What a property or a code point has in braces is no count.
    match behind.strip_prefix('{').filter(|_| "pPx".contains(c)) {
        Some(named) => {
            out.push('{');
            named
        }
        None => behind,
    }
}

/// A bracket that opens a class; a closing one right behind it is one of its characters.
fn opened<'t>(mut behind: &'t str, out: &mut String) -> &'t str {
    out.push('[');
    if let Some(negated) = behind.strip_prefix('^') {
        out.push('^');
        behind = negated;
    }
    if let Some(closing) = behind.strip_prefix(']') {
        out.push_str("\\]");
        behind = closing;
    }
    behind
}

/// A bracket within a class: the beginning of a name like `[:alpha:]`, or itself.
fn bracket<'t>(rest: &'t str, out: &mut String) -> &'t str {
    let named = rest.strip_prefix("[:").and_then(|name| {
        let (name, behind) = name.split_once(":]")?;
        out.extend(["[:", name, ":]"]);
        Some(behind)
    });
    named.unwrap_or_else(|| literal('[', rest.strip_prefix('[').unwrap_or_default(), out))
}

/// Whether a count like `{2}`, `{2,}` or `{2,3}` goes on like this. Go takes other braces literally.
fn is_count(behind: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    behind
        .split_once('}')
        .is_some_and(|(count, _)| match count.split_once(',') {
            None => is_number(count),
            Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        for (text, value, matches) in [
            ("text/", "a text/html", true),
            ("^text/html$", "text/html; charset=utf-8", false),
            ("(?i)GZIP", "gzip", true),
            ("(?i)ÄPFEL", "äpfel", true),
            (r"^\w$", "ä", false),
            (r"^\W$", "ä", true),
            (r"^[\w-]+$", "a-b", true),
            (r"^[\w-.]+$", "a-b.c", true),
            (r"^[^\w]$", "ä", true),
            (r"^\d$", "٣", false),
            (r"^\s$", "\u{a0}", false),
            (r"^\s$", "\u{b}", false),
            (r"ä\b", "ä", false),
            (r"\Bä", "ä", true),
            (r"\bmax-age=\d{2,}\b", "public, max-age=60", true),
            (r"^\<a\>$", "<a>", true),
            (r"^\Qa.b\E.$", "a.bc", true),
            (r"^\Qa.b", "axb", false),
            ("^[[]$", "[", true),
            ("^[]a]$", "]", true),
            ("^[^]a]$", "]", false),
            ("^[[:alpha:]]$", "a", true),
            ("^[a&&b]+$", "a&b", true),
            ("^[a~~b]+$", "~", true),
            ("^[+--]$", ",", true),
            ("^a{$", "a{", true),
            ("^a{,2}$", "a{,2}", true),
            ("^a{2}$", "aa", true),
            ("^.$", "ä", true),
            (r"^\x{e4}\x41$", "äA", true),
            ("", "", true),
        ] {
            let expression = Expression::new(text).unwrap();
            assert_eq!(expression.is_match(value.as_bytes()), matches, "{text}");
            assert_eq!(expression.to_string(), text);
        }
        assert!(Expression::new("^a.$").unwrap().is_match(b"a\xff"));
    }

    #[test]
    fn what_cannot_be_kept_is_refused_in_words() {
        for (text, error) in [
            ("(a", "is no regular expression: unclosed group"),
            ("[a", "is no regular expression: unclosed character class"),
            ("a(?=b)", "look-around"),
            (r"\p{Greek}", "Unicode property not found"),
            ("a\\", "incomplete escape sequence"),
            (r"(?:\p{L}{100}){100}", "is "),
        ] {
            let said = Expression::new(text).unwrap_err();
            assert!(
                said.contains(error) && !said.contains('\n'),
                "{text}: {said}"
            );
        }
    }
}
