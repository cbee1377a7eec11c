//! Basic authentication. A password is hashed once and then known by a keyed digest, so that a scrape
//! is cheap and no password stays in memory.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use futures_util::future::WeakShared;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::oneshot;

use crate::config::web;
use crate::server::door::passwords::Checker;
use crate::server::door::passwords::MAX_PASSWORD;

/// How many wrong passwords are remembered, so that one that is sent at every scrape is cheap too.
const WRONG: usize = 100;

/// What stands for a user, the hash that is stored for him, and the password that was sent.
type Print = [u8; 32];

/// The answer of the thread that checks, for all who sent the same.
type Answer = Shared<oneshot::Receiver<bool>>;

/// Whether a request is let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Known user, right password.
    Granted,
    /// All else.
    Denied,
    /// Too many wait for their passwords to be checked.
    Busy,
}

/// The users of one version of the web configuration, with what was found out about passwords since.
pub struct Users {
    configured: web::Users,
    /// Drawn at the start, so that prints tell nothing to who cannot read the memory of the process.
    key: hmac::Key,
    checker: Checker,
    known: Mutex<Known>,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

/// What was found out. It has an entry a user at most, besides those that are bounded.
#[derive(Default)]
struct Known {
    /// The last right one of each user.
    right: HashMap<String, Print>,
    /// The last wrong ones of anybody. They take no place from the right ones.
    wrong: VecDeque<Print>,
    /// Those that are being checked.
    asked: HashMap<Print, WeakShared<oneshot::Receiver<bool>>>,
}

impl Users {
    /// Starts with what is configured, at least one user. Right passwords that were known `before`
    /// stay known as long as their hashes are the same; who had a wrong one may have the right one
    /// now.
    pub fn new(configured: web::Users, before: Option<&Self>) -> Result<Self, String> {
        let mut known = Known::default();
        let key = match before {
            Some(before) => {
                let right = before.known().right.clone().into_iter();
                let is_same = |name: &str| configured.get(name) == before.configured.get(name);
                known.right = right.filter(|(name, _)| is_same(name)).collect();
                before.key.clone()
            }
            None => hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
                .map_err(|_| "this system gives no random numbers".to_owned())?,
        };
        Ok(Self {
            configured,
            key,
            checker: Checker::start()?,
            known: Mutex::new(known),
        })
    }

    /// Decides by the value of `Authorization`.
    pub async fn admit(&self, authorization: Option<&HeaderValue>) -> Admission {
        let Some((name, password)) = authorization.and_then(credentials) else {
            return Admission::Denied;
        };
        // Whoever the user is. The hash that is stored was made of no password as long as this.
        if password.len() > MAX_PASSWORD {
            return Admission::Denied;
        }
        let user = str::from_utf8(&name).ok();
        let user = user.and_then(|name| self.configured.get_key_value(name));
        let is_known = user.is_some();
        // A user who is not there costs as much as one who is: the hash of another is in his place.
        let Some((stored, found)) = user.or_else(|| self.stand_in(&name)) else {
            return Admission::Denied;
        };
        let hash = found.hash.clone();
        let print = self.print(&[&name, hash.as_bytes(), &password]);
        let name = is_known.then_some(stored.as_str());
        let found = self.known().find(name, print);
        let found = match found {
            Some(found) => found,
            None => {
                let Some(place) = self.checker.place().await else {
                    return Admission::Busy;
                };
                let mut known = self.known();
                // Somebody else may have asked meanwhile.
                let found = known.find(name, print);
                found.unwrap_or_else(|| {
                    let answer = self.checker.check(password, hash, place).shared();
                    Found::Asked(known.ask(print, answer))
                })
            }
        };
        let answer = match found {
            Found::Decided(admission) => return admission,
            Found::Asked(answer) => answer,
        };
        let is_right = answer.await;
        let mut known = self.known();
        known.asked.remove(&print);
        match is_right {
            Ok(true) if is_known => {
                known.right.insert(stored.clone(), print);
                Admission::Granted
            }
            Ok(_) => {
                known.is_wrong(print);
                Admission::Denied
            }
            // The thread has ended, which it does not.
            Err(_) => Admission::Busy,
        }
    }

    /// The user whose hash stands in for that of one who is not there, always the same for a name.
    fn stand_in(&self, name: &[u8]) -> Option<(&String, &web::User)> {
        let [first, second, ..] = self.print(&[name]);
        let drawn = usize::from(u16::from_be_bytes([first, second]));
        let place = drawn.checked_rem(self.configured.len())?;
        self.configured.iter().nth(place)
    }

    /// The print of several parts. Each is preceded by its length: no two lists have the same bytes.
    fn print(&self, parts: &[&[u8]]) -> Print {
        let mut print = hmac::Context::with_key(&self.key);
        for part in parts {
            print.update(&(part.len() as u64).to_be_bytes());
            print.update(part);
        }
        let mut bytes = Print::default();
        // Both are 32 bytes long; shorter ones would be filled up with zeros.
        for (byte, signed) in bytes.iter_mut().zip(print.sign().as_ref()) {
            *byte = *signed;
        }
        bytes
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a print.
enum Found {
    Decided(Admission),
    Asked(Answer),
}

impl Known {
    /// What is known of a print of `user`, who is `None` if there is no such one.
    fn find(&self, user: Option<&str>, print: Print) -> Option<Found> {
        if user.is_some_and(|name| self.right.get(name) == Some(&print)) {
            return Some(Found::Decided(Admission::Granted));
        }
        if self.wrong.contains(&print) {
            return Some(Found::Decided(Admission::Denied));
        }
        let asked = self.asked.get(&print).and_then(WeakShared::upgrade);
        asked.map(Found::Asked)
    }

    /// Notes the answer that others with the same print can wait for too.
    fn ask(&mut self, print: Print, answer: Answer) -> Answer {
        // Those whose askers have all gone are of no use to others.
        self.asked.retain(|_, asked| asked.upgrade().is_some());
        self.asked
            .extend(answer.downgrade().map(|weak| (print, weak)));
        answer
    }

    fn is_wrong(&mut self, print: Print) {
        if self.wrong.contains(&print) {
            return;
        }
        if self.wrong.len() >= WRONG {
            self.wrong.pop_front();
        }
        self.wrong.push_back(print);
    }
}

/// User and password of a value of `Authorization`.
fn credentials(value: &HeaderValue) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let mut name = BASE64.decode(encoded).ok()?;
    let colon = name.iter().position(|byte| *byte == b':')?;
    let password = name.split_off(colon + 1);
    name.pop();
    Some((name, password))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn users(names: &[&str]) -> Users {
        let hash: Arc<str> = bcrypt::hash("secret", 4).expect("a hash").into();
        let of = |name: &&str| {
            let hash = hash.clone();
            ((*name).to_owned(), web::User { hash })
        };
        Users::new(names.iter().map(of).collect(), None).expect("a thread and random numbers")
    }

    fn sent(name: &str, password: &str) -> HeaderValue {
        let value = BASE64.encode(format!("{name}:{password}"));
        HeaderValue::from_str(&format!("Basic {value}")).expect("base64")
    }

    #[test]
    fn parts_that_are_divided_elsewhere_have_another_print() {
        let users = users(&["a"]);
        let lists: [&[&[u8]]; 6] = [
            &[b"ab", b"c", b"d"],
            &[b"a", b"bc", b"d"],
            &[b"a", b"b", b"cd"],
            &[b"abcd", b"", b""],
            &[b"", b"abcd", b""],
            &[b"abcd"],
        ];
        for (index, one) in lists.iter().enumerate() {
            for (other_index, other) in lists.iter().enumerate() {
                let is_same = users.print(one) == users.print(other);
                assert_eq!(is_same, index == other_index, "{one:?} {other:?}");
            }
        }
        let elsewhere = self::users(&["a"]);
        assert_ne!(
            users.print(lists[0]),
            elsewhere.print(lists[0]),
            "drawn anew"
        );
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded_and_no_password() {
        let users = users(&["a", "b"]);
        for name in ["a", "b", "a"] {
            let admission = users.admit(Some(&sent(name, "secret"))).await;
            assert_eq!(admission, Admission::Granted);
        }
        for n in 0..WRONG + 20 {
            let name = if n % 2 == 0 { "a" } else { "c" };
            let admission = users.admit(Some(&sent(name, &format!("p{n}")))).await;
            assert_eq!(admission, Admission::Denied);
        }
        // The right password of another is in the place of one who is not there.
        let admission = users.admit(Some(&sent("c", "secret"))).await;
        assert_eq!(admission, Admission::Denied);
        let known = users.known();
        assert_eq!(known.right.len(), 2);
        assert_eq!(known.wrong.len(), WRONG);
        assert_eq!(known.asked.len(), 0);
        assert_eq!(format!("{users:?}"), "Users { .. }");
    }

    fn knows(users: &Users, name: &str) -> bool {
        users.known().right.contains_key(name)
    }

    #[tokio::test]
    async fn right_passwords_outlive_the_change_of_others() {
        let before = users(&["a", "b", "c"]);
        for name in ["a", "b", "c"] {
            let admission = before.admit(Some(&sent(name, "secret"))).await;
            assert_eq!(admission, Admission::Granted);
        }
        let wrong = before.admit(Some(&sent("d", "secret"))).await;
        assert_eq!(wrong, Admission::Denied);
        let mut configured = before.configured.clone();
        let other: Arc<str> = bcrypt::hash("other", 4).expect("a hash").into();
        configured.insert("b".to_owned(), web::User { hash: other });
        configured.remove("c");
        let hash = configured["a"].hash.clone();
        configured.insert("d".to_owned(), web::User { hash });
        let after = Users::new(configured, Some(&before)).expect("a thread");
        assert_eq!(
            ["a", "b", "c"].map(|name| knows(&after, name)),
            [true, false, false]
        );
        for (name, password, expected) in [
            ("a", "secret", Admission::Granted),
            ("b", "secret", Admission::Denied),
            ("b", "other", Admission::Granted),
            ("c", "secret", Admission::Denied),
            ("d", "secret", Admission::Granted),
        ] {
            let admission = after.admit(Some(&sent(name, password))).await;
            assert_eq!(admission, expected, "{name} {password}");
        }
    }

    #[tokio::test]
    async fn a_few_more_than_there_are_places_stand_in_line() {
        let users = users(&["a"]);
        let sent: Vec<_> = (0..24).map(|n| sent("a", &format!("p{n}"))).collect();
        let admissions = sent.iter().map(|sent| users.admit(Some(sent)));
        let admissions = futures_util::future::join_all(admissions).await;
        assert_eq!(admissions, [Admission::Denied; 24]);
    }
}
