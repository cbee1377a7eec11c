//! The section `basic_auth_users`: names with the bcrypt hashes of their passwords. The hashes are
//! secrets; no message and no `Debug` shows one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::config::text::quote;

/// The users by name.
pub type Users = BTreeMap<String, User>;

/// What is known of a user.
#[derive(Clone, Eq, PartialEq)]
pub struct User {
    /// The hash of the password, in the notation of bcrypt.
    pub hash: Arc<str>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User")
    }
}

/// What a hash costs at most: one step doubles it, and at 20 a password takes a minute to check.
const MAX_COST: u32 = 18;

/// What bcrypt costs at least.
const MIN_COST: u32 = 4;

/// The salt and the hash, in base64 of their own.
const SALTED: usize = 53;

const WANTED: &str = "must be a bcrypt hash, as `htpasswd -nBC 10 \"\"` makes them";

/// Reads the section.
pub fn read(field: Field<'_>, report: &mut Report) -> Users {
    let mut users = Users::new();
    if field.node.is_null() {
        return users;
    }
    let entries = field.mapping("a mapping of user names to bcrypt hashes", report);
    for entry in entries.unwrap_or_default() {
        if entry.key.contains(':') {
            let message = "a user name cannot hold a colon, which ends it where it is sent";
            report.mistake(entry.pos, message);
        }
        let value = Field {
            name: field.name,
            ..Field::of(entry)
        };
        if let Some(hash) = hash(value, &entry.key, report) {
            let hash = hash.into();
            users.insert(entry.key.clone(), User { hash });
        }
    }
    users
}

/// The hash, if it is one; messages name the user alone.
fn hash<'n>(field: Field<'n>, user: &str, report: &mut Report) -> Option<&'n str> {
    let text = field.text(report)?;
    let said = match flaw(text) {
        None => return Some(text),
        Some(flaw) => format!("of {} {flaw}", quote(user)),
    };
    field.mistake(&said, report)
}

fn flaw(text: &str) -> Option<String> {
    if text.starts_with("$2x$") {
        return Some("is a hash of the broken bcrypt ($2x$); hash the password anew".to_owned());
    }
    let known = ["$2a$", "$2b$", "$2y$"];
    let rest = known.iter().find_map(|prefix| text.strip_prefix(prefix));
    let Some((cost, salted)) = rest.and_then(|rest| rest.split_once('$')) else {
        return Some(WANTED.to_owned());
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    let is_whole = salted.len() == SALTED && salted.chars().all(fits);
    let cost = Some(cost).filter(|cost| cost.len() == 2);
    match cost.and_then(|cost| cost.parse::<u32>().ok()) {
        Some(cost) if !(MIN_COST..=MAX_COST).contains(&cost) => Some(format!(
            "has a cost of {cost}; from {MIN_COST} to {MAX_COST} a password is checked in a time \
             that a scrape can wait for"
        )),
        Some(_) if is_whole => None,
        _ => Some(WANTED.to_owned()),
    }
}
