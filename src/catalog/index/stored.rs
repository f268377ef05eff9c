//! What a document holds: the JSON of its hit, and behind that, if it has one, that of its record.
//!
//! A list of hits has no use for records, which are most of what is stored: reading ends with what is wanted.

use tantivy::schema::document::{
    DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize,
    ValueDeserializer,
};

/// A text that a document holds. Unlike bytes, texts are read at once and not byte by byte.
struct Text(String);

impl ValueDeserialize for Text {
    fn deserialize<'de, D: ValueDeserializer<'de>>(value: D) -> Result<Self, DeserializeError> {
        value.deserialize_string().map(Self)
    }
}

/// The text with that place among those of a document; empty, if it has fewer.
pub(super) struct Nth<const PLACE: usize>(pub(super) String);

/// The hit.
pub(super) type Hit = Nth<0>;

/// The record.
pub(super) type Record = Nth<1>;

impl<const PLACE: usize> DocumentDeserialize for Nth<PLACE> {
    fn deserialize<'de, D: DocumentDeserializer<'de>>(
        mut document: D,
    ) -> Result<Self, DeserializeError> {
        let mut place = 0;
        while let Some((_, Text(text))) = document.next_field()? {
            if place == PLACE {
                return Ok(Self(text));
            }
            place += 1;
        }
        Ok(Self(String::new()))
    }
}
