//! `allow_addresses` and `deny_addresses`, of the whole file and of a module.

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::target::reach::{Range, Rules};

/// The keys, in both places.
pub const ALLOW: &str = "allow_addresses";
/// See [`ALLOW`].
pub const DENY: &str = "deny_addresses";

/// Reads both lists. What is listed twice is harmless.
pub fn read(allow: Option<Field<'_>>, deny: Option<Field<'_>>, report: &mut Report) -> Rules {
    let mut list = |field: Option<Field<'_>>| {
        let ranges = field.map(|field| ranges(field, report));
        ranges.unwrap_or_default()
    };
    Rules {
        allow: list(allow),
        deny: list(deny),
    }
}

fn ranges(field: Field<'_>, report: &mut Report) -> Vec<Range> {
    const WANTED: &str = "a list of addresses and ranges of them like [10.0.0.0/8, \"::1\"]";
    let items = field.list(WANTED, report).unwrap_or_default();
    let ranges = items.iter().filter_map(|node| {
        let item = Field { node, ..field };
        match Range::parse(item.text(report)?) {
            Ok(range) => Some(range),
            Err(Some(what)) => item.mistake(&what, report),
            Err(None) => item.expected(WANTED, "", report),
        }
    });
    ranges.collect()
}
