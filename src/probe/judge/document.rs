//! A body as the value that expressions about JSON see: numbers are doubles, as in Go.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;

use cel::common::types::CelBool;
use cel::common::types::CelDouble;
use cel::common::types::CelList;
use cel::common::types::CelMap;
use cel::common::types::CelMapKey;
use cel::common::types::CelNull;
use cel::common::types::CelString;
use cel::common::value::Val;
use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

/// How many values a document may have: each takes many times its text.
const MAX_VALUES: usize = 1_000_000;

/// Reads a document. Bytes that are no UTF-8 become U+FFFD, as in Go; what is nested deeper than
/// 127 levels is refused, where Go goes to 10,000.
pub fn parse(body: &[u8]) -> Result<Box<dyn Val>, String> {
    let text = String::from_utf8_lossy(body);
    let mut parser = serde_json::Deserializer::from_str(&text);
    let left = Cell::new(MAX_VALUES);
    let value = Seed(&left)
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value));
    value.map_err(|error| format!("the body is no JSON that can be checked: {error}"))
}

/// Reads one value, as long as there may be more.
#[derive(Clone, Copy)]
struct Seed<'l>(&'l Cell<usize>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Box<dyn Val>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            return Err(D::Error::custom(format!("more than {MAX_VALUES} values")));
        };
        self.0.set(left);
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Box<dyn Val>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: HashMap<CelMapKey<'static>, Box<dyn Val>> = HashMap::new();
        while let Some(name) = map.next_key::<String>()? {
            // Of a name that stands twice the last counts.
            entries.insert(name.into(), map.next_value_seed(self)?);
        }
        Ok(Box::new(CelMap::from(entries)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements: Vec<Box<dyn Val>> = Vec::new();
        while let Some(element) = list.next_element_seed(self)? {
            elements.push(element);
        }
        Ok(Box::new(CelList::from(elements)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Box::new(CelBool::from(value)))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "the nearest double is what Go has"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(value as f64)))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "the nearest double is what Go has"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Box::new(CelDouble::from(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Box::new(CelString::from(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Box::new(CelNull))
    }
}
