//! The labels that a user gives a target.

use std::collections::BTreeMap;

/// Label names that the exporter or Prometheus uses itself.
const RESERVED: [&str; 16] = [
    "target", "phase", "code", "reason", "expected", "outcome", "step", "le", "quantile", "job",
    "instance", "url", "module", "method", "interval", "ip",
];

/// Labels with valid names that clash with none of the exporter's, sorted by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Adds a label. The error says what is wrong with the name and what would do.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), String> {
        let mut bytes = name.bytes();
        let starts_well = bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !starts_well || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(format!(
                "label name {name:?} is invalid; use letters, digits and _, and no digit first"
            ));
        }
        if name.starts_with("__") {
            return Err(format!(
                "label name {name:?} begins with __, which Prometheus reserves"
            ));
        }
        if RESERVED.contains(&name) {
            return Err(format!(
                "label name {name:?} is reserved for the exporter; choose another"
            ));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// The labels, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let mut labels = Labels::default();
        for name in ["team", "_x", "Az09_"] {
            assert_eq!(labels.insert(name, "v"), Ok(()), "{name}");
        }
        for name in [
            "", "9a", "a-b", "ä", "__x", "le", "target", "interval", "ip", "a\nb",
        ] {
            assert!(labels.insert(name, "v").is_err(), "{name}");
        }
        assert_eq!(labels.iter().count(), 3);
    }
}
