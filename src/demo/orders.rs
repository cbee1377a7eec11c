//! The orders of the demo, each with the version that who saves it must have read, and the batch job
//! that saves them as well.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde::Deserialize;
use serde::Serialize;

/// How many orders there are at first.
const N_ORDERS: u64 = 60;

/// How many there may be.
const MAX_ORDERS: usize = 1_000;

/// The order that the batch job imports.
const IMPORTED: u64 = 1_000;

/// How far an order has come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Somebody wants it.
    Placed,
    /// Somebody has paid for it.
    Paid,
    /// It is ready.
    Packed,
    /// It is on its way.
    Shipped,
}

/// An order as clients see it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// Its name, which no other order has.
    pub name: String,
    /// How far it has come.
    pub state: State,
    /// Grows whenever it is saved with a change.
    pub version: u64,
}

/// What a client saves.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The version that the client has read.
    pub version: u64,
    /// What it is to be.
    pub state: State,
}

/// The order that a client wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Its name.
    pub name: String,
    /// Whether the client only asks if it could be placed.
    #[serde(default)]
    pub validate_only: bool,
}

/// Why nothing is saved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// There is no such order.
    Unknown,
    /// Somebody else has saved it since; this is its version now.
    Stale(u64),
    /// Another order has the name; this one.
    Taken(u64),
    /// No order may have this name.
    Unnameable,
    /// There are too many orders.
    Full,
}

/// All orders.
#[derive(Debug)]
pub struct Orders(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    orders: BTreeMap<u64, Order>,
    /// What the batch job has changed and may take back: the orders as they were before.
    batch: Option<Vec<Order>>,
}

impl Orders {
    /// The orders that every demo begins with.
    pub fn new() -> Self {
        Self(Mutex::new(Kept::at_first()))
    }

    /// All of them, in the order of their numbers.
    pub fn all(&self) -> Vec<Order> {
        self.kept().orders.values().cloned().collect()
    }

    /// One of them.
    pub fn one(&self, id: u64) -> Option<Order> {
        self.kept().orders.get(&id).cloned()
    }

    /// The number of the last one, but for that of the batch job, which is about to go.
    pub fn latest(&self) -> u64 {
        let kept = self.kept();
        let ids = kept.orders.keys().rev();
        ids.copied().find(|id| *id != IMPORTED).unwrap_or_default()
    }

    /// Saves a change of whoever has read the version that is current. What changes nothing leaves
    /// the version as it is.
    pub fn save(&self, id: u64, change: &Change) -> Result<Order, Refusal> {
        let mut kept = self.kept();
        let order = kept.orders.get_mut(&id).ok_or(Refusal::Unknown)?;
        if change.version != order.version {
            return Err(Refusal::Stale(order.version));
        }
        if change.state != order.state {
            order.state = change.state;
            order.version += 1;
        }
        Ok(order.clone())
    }

    /// Places an order, unless the client only asks whether it could. The order then has the number
    /// that it would have.
    pub fn place(&self, wish: &Wish) -> Result<Order, Refusal> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !(1..=40).contains(&wish.name.len()) || !wish.name.bytes().all(is_plain) {
            return Err(Refusal::Unnameable);
        }
        let mut kept = self.kept();
        let mut others = kept.orders.values();
        if let Some(other) = others.find(|order| order.name == wish.name) {
            return Err(Refusal::Taken(other.id));
        }
        if kept.orders.len() >= MAX_ORDERS {
            return Err(Refusal::Full);
        }
        let last = kept.orders.keys().next_back().copied();
        let id = last.unwrap_or_default().max(IMPORTED) + 1;
        let order = order(id, wish.name.clone(), State::Placed, 1);
        if !wish.validate_only {
            kept.orders.insert(id, order.clone());
        }
        Ok(order)
    }

    /// The batch job imports an order and saves all others: every version that clients have read is
    /// stale now.
    pub fn batch_saves(&self) {
        let mut kept = self.kept();
        let before: Vec<Order> = kept.orders.values().cloned().collect();
        for order in kept.orders.values_mut() {
            order.version += 1;
        }
        let imported = order(IMPORTED, name_of(IMPORTED), State::Placed, 1);
        if before.iter().all(|order| order.name != imported.name) {
            kept.orders.entry(IMPORTED).or_insert(imported);
        }
        kept.batch = Some(before);
    }

    /// The batch job fails, and takes back what nobody has saved since.
    pub fn batch_rolls_back(&self) {
        let mut kept = self.kept();
        for before in kept.batch.take().unwrap_or_default() {
            let order = kept.orders.get_mut(&before.id);
            if let Some(order) = order.filter(|order| order.version == before.version + 1) {
                *order = before;
            }
        }
        if kept
            .orders
            .get(&IMPORTED)
            .is_some_and(|order| order.version == 1)
        {
            kept.orders.remove(&IMPORTED);
        }
    }

    /// Makes everything as it was at first, whatever clients have saved.
    pub fn restore(&self) {
        *self.kept() = Kept::at_first();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Orders {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    fn at_first() -> Self {
        const STATES: [State; 4] = [State::Placed, State::Paid, State::Packed, State::Shipped];
        let ids = (1..=N_ORDERS).zip(STATES.into_iter().cycle());
        let orders = ids.map(|(id, state)| (id, order(id, name_of(id), state, id * 7 % 9 + 1)));
        Self {
            orders: orders.collect(),
            batch: None,
        }
    }
}

fn order(id: u64, name: String, state: State, version: u64) -> Order {
    Order {
        id,
        name,
        state,
        version,
    }
}

fn name_of(id: u64) -> String {
    format!("A-{id:04}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn save(orders: &Orders, version: u64, state: State) -> Result<u64, Refusal> {
        let saved = orders.save(42, &Change { version, state });
        saved.map(|order| order.version)
    }

    fn wish(name: &str, validate_only: bool) -> Wish {
        Wish {
            name: name.to_owned(),
            validate_only,
        }
    }

    #[test]
    fn who_saves_must_have_read_the_last_version() {
        let orders = Orders::new();
        let first = orders.one(42).expect("there");
        assert_eq!((first.version, first.state), (7, State::Paid));
        for (version, state, saved) in [
            (7, State::Paid, Ok(7)),
            (7, State::Packed, Ok(8)),
            (7, State::Shipped, Err(Refusal::Stale(8))),
            (9, State::Shipped, Err(Refusal::Stale(8))),
            (8, State::Shipped, Ok(9)),
        ] {
            assert_eq!(save(&orders, version, state), saved, "{version} {state:?}");
        }
        let change = Change {
            version: 1,
            state: State::Paid,
        };
        assert_eq!(orders.save(0, &change), Err(Refusal::Unknown));
    }

    #[test]
    fn names_are_taken_once() {
        let orders = Orders::new();
        assert_eq!(
            orders.place(&wish("A-0042", false)),
            Err(Refusal::Taken(42))
        );
        assert!(orders.place(&wish("mine", true)).is_ok());
        assert_eq!(orders.all().len(), 60, "asking places nothing");
        let placed = orders.place(&wish("mine", false)).expect("free");
        assert_eq!(orders.latest(), placed.id);
        assert_eq!(
            orders.place(&wish("mine", true)),
            Err(Refusal::Taken(placed.id))
        );
        for name in ["", "two words", &"n".repeat(41)] {
            assert_eq!(orders.place(&wish(name, false)), Err(Refusal::Unnameable));
        }
    }

    #[test]
    fn there_is_an_end_to_orders() {
        let orders = Orders::new();
        let placed = (0..MAX_ORDERS).map(|n| orders.place(&wish(&format!("n-{n}"), false)));
        assert_eq!(placed.filter(Result::is_ok).count(), MAX_ORDERS - 60);
        assert_eq!(orders.place(&wish("more", false)), Err(Refusal::Full));
    }

    #[test]
    fn the_batch_job_makes_versions_stale_until_it_fails() {
        let orders = Orders::new();
        let before = orders.all();
        orders.batch_saves();
        assert_eq!(save(&orders, 7, State::Paid), Err(Refusal::Stale(8)));
        assert_eq!(
            orders.place(&wish("A-1000", true)),
            Err(Refusal::Taken(1_000))
        );
        assert_eq!(orders.latest(), 60);
        orders.batch_rolls_back();
        assert_eq!(orders.all(), before);
        assert_eq!(save(&orders, 7, State::Paid), Ok(7));
        orders.batch_rolls_back();
        assert_eq!(orders.all(), before);
    }

    #[test]
    fn what_clients_save_outlives_a_failed_batch_but_not_the_storm() {
        let orders = Orders::new();
        orders.batch_saves();
        assert_eq!(save(&orders, 8, State::Shipped), Ok(9));
        orders.batch_rolls_back();
        let order = orders.one(42).expect("there");
        assert_eq!((order.version, order.state), (9, State::Shipped));
        orders.restore();
        assert_eq!(orders.all(), Orders::new().all());
    }
}
