//! Names in certificates written as Go writes a `pkix.Name`, since dashboards and alerts have them
//! as label values.

use std::fmt::Write as _;

use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::prelude::AttributeTypeAndValue;
use x509_parser::prelude::X509Name;

/// The attributes that have a name of their own, in the reverse of the order in which Go lists them.
const KNOWN: [(&str, &str); 9] = [
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.3", "CN"),
    ("2.5.4.11", "OU"),
    ("2.5.4.10", "O"),
    ("2.5.4.17", "POSTALCODE"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.6", "C"),
];

/// Writes a name: known attributes by kind and not in the order of the certificate, several of one
/// kind joined by `+`, others behind them as hexadecimal DER, the last first.
pub fn written(name: &X509Name<'_>) -> String {
    let attributes: Vec<(String, &AttributeTypeAndValue<'_>)> = name
        .iter()
        .flat_map(|rdn| rdn.iter())
        .map(|attribute| (attribute.attr_type().to_id_string(), attribute))
        .collect();
    let mut groups = Vec::new();
    for (oid, label) in KNOWN {
        let values = attributes.iter().filter(|(found, _)| found == oid);
        let mut values: Vec<String> = values.map(|(_, attribute)| text(attribute)).collect();
        // Go keeps one of these two, the last, if there is something in it.
        if matches!(label, "SERIALNUMBER" | "CN") {
            values.drain(..values.len().saturating_sub(1));
            values.retain(|value| !value.is_empty());
        }
        let values = values
            .iter()
            .map(|value| format!("{label}={}", escaped(value)));
        let values: Vec<String> = values.collect();
        groups.extend((!values.is_empty()).then(|| values.join("+")));
    }
    let is_known = |oid: &str| KNOWN.iter().any(|(known, _)| *known == oid);
    let others = attributes.iter().rev().filter(|(oid, _)| !is_known(oid));
    groups.extend(others.map(|(oid, attribute)| format!("{oid}=#{}", der(&text(attribute)))));
    groups.join(",")
}

/// The value as text, whatever its kind of string.
fn text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    let bytes = attribute.as_slice();
    match value.tag() {
        Tag::BmpString => {
            let units = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        // Latin-1, near enough.
        Tag::TeletexString => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Escapes as RFC 2253 (2.4) has it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_special = match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => at == 0 || at + 1 == text.len(),
            '#' => at == 0,
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The text as Go encodes it anew: as PrintableString where it can be one, else as UTF8String.
fn der(text: &str) -> String {
    let is_printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    let tag = match text.chars().all(is_printable) {
        true => Tag::PrintableString,
        false => Tag::Utf8String,
    };
    let mut bytes = vec![u8::try_from(tag.0).unwrap_or_default()];
    let length = text.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0);
    let significant = &length[significant.unwrap_or(length.len() - 1)..];
    if text.len() > 127 {
        bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
    }
    bytes.extend_from_slice(significant);
    bytes.extend_from_slice(text.as_bytes());
    hex(&bytes)
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("a String takes whatever is written");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_encoded_as_in_go() {
        for (text, expected) in [
            ("plain", "plain"),
            (" a b ", "\\ a b\\ "),
            ("#a#", "\\#a#"),
            ("a,b+c\"\\<>;", "a\\,b\\+c\\\"\\\\\\<\\>\\;"),
            ("ä", "ä"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), expected);
        }
        assert_eq!(der("a b"), "1303612062");
        assert_eq!(der("a@b"), "0c03614062");
        assert_eq!(der(""), "1300");
        assert!(der(&"a".repeat(128)).starts_with("13818061"));
        assert!(der(&"a".repeat(300)).starts_with("1382012c61"));
    }
}
