//! Parameters of a query, taken apart as Go does it.

/// The first value of a parameter, if it is there and more than nothing. What is not well-formed is
/// passed over.
pub fn first(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| {
        if pair.contains(';') {
            return None;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = unescape(value)?;
        (unescape(key)? == name).then_some(value)
    });
    value.filter(|value| !value.is_empty())
}

/// Undoes the escapes of a query; `None` if one is broken.
pub fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(16 * digit()? + digit()?).ok()?
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_as_in_go() {
        for (query, expected) in [
            ("target=a", Some("a")),
            ("x=1&target=a&target=b", Some("a")),
            ("target=a%20b+c%2Bd", Some("a b c+d")),
            ("tar%67et=a", Some("a")),
            ("target=%zz&target=b", Some("b")),
            ("target=a;x&target=b", Some("b")),
            ("target=%ff", Some("\u{fffd}")),
            ("target=a=b", Some("a=b")),
            ("target=&target=b", None),
            ("target", None),
            ("Target=a", None),
            ("", None),
        ] {
            assert_eq!(first(query, "target").as_deref(), expected, "{query}");
        }
        for broken in ["%", "%a", "%g0", "a%2"] {
            assert_eq!(unescape(broken), None, "{broken}");
        }
    }
}
