//! What the log last said of a target, so that it tells changes and not every probe.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

/// The states of a target and of its single addresses, kept over reloads.
#[derive(Debug, Default)]
pub struct States {
    of_target: AtomicU8,
    of_addresses: Mutex<HashMap<IpAddr, State>>,
}

/// How a target was found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum State {
    /// Not yet.
    #[default]
    Unknown,
    /// As wanted.
    Up,
    /// Failing.
    Down,
    /// Answering with a conflict.
    Conflicting,
}

/// How many addresses are remembered: more than a target has at a time, and no more than a page.
const MAX_ADDRESSES: usize = 64;

impl States {
    /// Notes a state and returns the one before, if that was another.
    pub fn change(&self, ip: Option<IpAddr>, state: State) -> Option<State> {
        let before = match ip {
            None => State::from(self.of_target.swap(state as u8, Ordering::Relaxed)),
            Some(ip) => {
                let addresses = self.of_addresses.lock();
                let mut addresses = addresses.unwrap_or_else(PoisonError::into_inner);
                if addresses.len() >= MAX_ADDRESSES && !addresses.contains_key(&ip) {
                    addresses.clear();
                }
                addresses.insert(ip, state).unwrap_or_default()
            }
        };
        (before != state).then_some(before)
    }
}

impl From<u8> for State {
    fn from(number: u8) -> Self {
        [Self::Up, Self::Down, Self::Conflicting]
            .into_iter()
            .find(|state| *state as u8 == number)
            .unwrap_or_default()
    }
}
