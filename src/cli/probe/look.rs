//! What the terminal can show: colours, blocks, so many columns; and what will do elsewhere.

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::io;
use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;

/// The columns of what is no terminal.
const COLUMNS: usize = 80;

/// A waterfall needs some, and nobody reads a bar from end to end of a very wide window.
const USEFUL_COLUMNS: (usize, usize) = (40, 160);

/// A colour of the terminal.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// As wanted.
    Green,
    /// Not as wanted.
    Red,
    /// A conflict.
    Magenta,
    /// A bar.
    Cyan,
    /// What matters less.
    Faint,
}

/// How to show things.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether what was written can be written over.
    pub is_live: bool,
    /// Whether to colour.
    pub colours: bool,
    /// Whether there are characters besides ASCII.
    pub unicode: bool,
    /// Whether bytes beyond ASCII may steer it, as they do terminals of eight bits.
    pub ascii_only: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Look {
    /// What standard output is fit for.
    pub fn of_stdout() -> Self {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Self {
                is_live: false,
                colours: false,
                unicode: false,
                ascii_only: false,
                width: COLUMNS,
            };
        }
        let is_live = set("TERM").is_none_or(|name| name != "dumb");
        let unicode = is_utf8(&["LC_ALL", "LC_CTYPE", "LANG"].map(set));
        let (least, most) = USEFUL_COLUMNS;
        Self {
            is_live,
            colours: is_live && set("NO_COLOR").is_none(),
            unicode,
            ascii_only: !unicode,
            width: columns_of_stdout().clamp(least, most),
        }
    }

    /// The text in the characters that there are. Others are written as in JSON, where they are within
    /// strings alone.
    pub fn spelled(self, text: &str) -> Cow<'_, str> {
        if !self.ascii_only || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut spelled = String::with_capacity(text.len());
        for c in text.chars() {
            match c.is_ascii() {
                true => spelled.push(c),
                false => {
                    let mut units = [0; 2];
                    let units = c.encode_utf16(&mut units).iter();
                    spelled.extend(units.map(|unit| format!("\\u{unit:04x}")));
                }
            }
        }
        Cow::Owned(spelled)
    }

    /// The text in a colour, or as it is.
    pub fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Green => 32,
            Colour::Red => 31,
            Colour::Magenta => 35,
            Colour::Cyan => 36,
            Colour::Faint => 2,
        };
        match self.colours {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// How many columns there are now, however few: windows change.
pub fn columns_of_stdout() -> usize {
    let size = tcgetwinsize(io::stdout()).ok();
    // A terminal that does not know says 0.
    let columns = size.map(|size| size.ws_col.into()).filter(|n| *n > 0);
    columns.unwrap_or(COLUMNS)
}

/// A variable of the environment that holds something.
fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether the first of the variables of the locale that is set, the strongest first, names UTF-8.
fn is_utf8(locale: &[Option<OsString>]) -> bool {
    let named = locale.iter().flatten().next();
    named.is_some_and(|named| {
        let named = named.to_string_lossy().to_ascii_lowercase();
        named.ends_with("utf-8") || named.ends_with("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_of_eight_bits_is_spelled() {
        let look = |ascii_only: bool| Look {
            is_live: true,
            colours: false,
            unicode: !ascii_only,
            ascii_only,
            width: 80,
        };
        for (text, expected) in [
            ("plain", "plain"),
            // Both have a byte that begins a command there.
            ("\u{fffd}31m", "\\ufffd31m"),
            ("{\"a\": \"\u{6c5b}\"}", "{\"a\": \"\\u6c5b\"}"),
            ("\u{1f6d2}", "\\ud83d\\uded2"),
        ] {
            assert_eq!(look(true).spelled(text), expected);
            assert_eq!(look(false).spelled(text), text);
        }
    }

    #[test]
    fn the_strongest_variable_names_the_characters() {
        for (locale, expected) in [
            ([None, None, None], false),
            ([None, None, Some("C")], false),
            ([None, None, Some("de_DE.UTF-8")], true),
            ([None, Some("C.utf8"), Some("C")], true),
            ([Some("C"), Some("C.utf8"), Some("C.UTF-8")], false),
        ] {
            let variables = locale.map(|value| value.map(OsString::from));
            assert_eq!(is_utf8(&variables), expected, "{locale:?}");
        }
    }
}
