//! Walks through an object or an array.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Member, SpliceError};

/// Calls `each` for every member of an object, in the order they stand.
pub fn walk_members<'a>(object: &'a str, each: impl FnMut(Member<'a>)) -> Result<(), SpliceError> {
    let mut json = serde_json::Deserializer::from_str(object);
    (&mut json)
        .deserialize_map(Members(each, PhantomData))
        .and_then(|()| json.end())
        .map_err(|error| SpliceError::json(&error))
}

/// Calls `each` for every element of an array, in the order they stand.
pub fn walk_elements<'a>(array: &'a str, each: impl FnMut(&'a str)) -> Result<(), SpliceError> {
    let mut json = serde_json::Deserializer::from_str(array);
    (&mut json)
        .deserialize_seq(Elements(each, PhantomData))
        .and_then(|()| json.end())
        .map_err(|error| SpliceError::json(&error))
}

/// Hands the members of an object to a closure.
struct Members<'a, F>(F, PhantomData<&'a ()>);

impl<'de, F: FnMut(Member<'de>)> Visitor<'de> for Members<'de, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            (self.0)(Member {
                key: key.get(),
                value: value.get(),
            });
        }
        Ok(())
    }
}

/// Hands the elements of an array to a closure.
struct Elements<'a, F>(F, PhantomData<&'a ()>);

impl<'de, F: FnMut(&'de str)> Visitor<'de> for Elements<'de, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<(), A::Error> {
        while let Some(element) = array.next_element::<&'de RawValue>()? {
            (self.0)(element.get());
        }
        Ok(())
    }
}
