//! The text of labels, as both formats have it: `name="value"`, joined by commas.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use crate::target::Target;

/// A value as it stands within the quotes, where only these three characters are special.
pub(crate) fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len() + 8);
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

/// Appends a label.
pub(crate) fn push_label(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(name);
    text.push_str("=\"");
    text.push_str(&escaped(value));
    text.push('"');
}

/// The labels that all series of a target have, or those of one of its addresses.
pub(crate) fn of_target(target: &Target, ip: Option<IpAddr>) -> Box<str> {
    let mut text = String::new();
    push_label(&mut text, "target", &target.name);
    if let Some(ip) = ip {
        push_label(&mut text, "ip", &ip.to_string());
    }
    for (name, value) in target.labels.iter() {
        push_label(&mut text, name, value);
    }
    text.into()
}

/// The further labels of the info series of a target.
pub(crate) fn of_info(target: &Target) -> Box<str> {
    let mut text = String::new();
    push_label(&mut text, "url", &target.url.to_string());
    push_label(&mut text, "module", &target.module.name);
    push_label(&mut text, "method", target.module.method.as_str());
    push_label(&mut text, "interval", &duration(target.interval));
    text.into()
}

/// A duration as Prometheus writes it, down to the millisecond that it knows.
fn duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, milliseconds) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        if rest >= milliseconds {
            text.push_str(&(rest / milliseconds).to_string());
            text.push_str(unit);
            rest %= milliseconds;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        for (value, escaped) in [
            ("payments", "payments"),
            ("a\"} 1\nx{", "a\\\"} 1\\nx{"),
            ("c:\\n", "c:\\\\n"),
            ("ü\u{2028}\r\t", "ü\u{2028}\r\t"),
        ] {
            let mut text = String::new();
            push_label(&mut text, "a", value);
            push_label(&mut text, "b", "");
            assert_eq!(text, format!("a=\"{escaped}\",b=\"\""));
        }
    }

    #[test]
    fn durations_read_as_in_the_file() {
        for (milliseconds, text) in [
            (0, "0s"),
            (250, "250ms"),
            (5_000, "5s"),
            (90_000, "1m30s"),
            (3_600_000, "1h"),
            (90_061_001, "1d1h1m1s1ms"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }
}
