//! What the log has said of what sources list, so that it says each thing once and not at each reading.

use std::collections::HashSet;

use crate::discovery::targets::Found;
use crate::discovery::targets::Remark;

/// How many remarks the log has of one reading.
const MAX_LINES: usize = 20;

/// The remarks of the last reading.
#[derive(Debug, Default)]
pub struct Told {
    keys: HashSet<u64>,
    n_more: usize,
}

impl Told {
    /// Takes the remarks of a reading; returns the lines that are news.
    pub fn news(&mut self, found: &mut Found) -> Vec<String> {
        let remarks = std::mem::take(&mut found.remarks);
        let keys = remarks.iter().map(|remark| remark.key).collect();
        let before = std::mem::replace(&mut self.keys, keys);
        let news = remarks.into_iter();
        let news = news.filter(|Remark { key, .. }| !before.contains(key));
        let mut lines: Vec<String> = news.map(|remark| remark.text).collect();
        let n_more = lines.len().saturating_sub(MAX_LINES)
            + found.n_more_remarks.saturating_sub(self.n_more);
        self.n_more = found.n_more_remarks;
        lines.truncate(MAX_LINES);
        if n_more > 0 {
            lines.push(format!("and {n_more} more remarks on discovered targets"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(key: u64) -> Remark {
        Remark {
            key,
            text: key.to_string(),
        }
    }

    #[test]
    fn a_remark_is_news_once_until_it_ended() {
        let mut told = Told::default();
        for (keys, n_more, expected) in [
            (&[1, 2][..], 0, &["1", "2"][..]),
            (&[2, 1], 0, &[]),
            (&[2], 0, &[]),
            (
                &[2, 1],
                3,
                &["1", "and 3 more remarks on discovered targets"],
            ),
            (&[2, 1], 3, &[]),
        ] {
            let mut found = Found {
                remarks: keys.iter().copied().map(remark).collect(),
                n_more_remarks: n_more,
                ..Found::default()
            };
            assert_eq!(told.news(&mut found), expected);
        }
        let mut found = Found {
            remarks: (0..100).map(remark).collect(),
            ..Found::default()
        };
        let news = Told::default().news(&mut found);
        assert_eq!(news.len(), MAX_LINES + 1);
        let last = news.last().map(String::as_str);
        assert_eq!(last, Some("and 80 more remarks on discovered targets"));
    }
}
