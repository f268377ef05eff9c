//! What a document holds: the JSON of its hit, and behind that, if it has one, that of its record.
//!
//! A list of hits has no use for records, which are most of what is stored: reading ends with what is wanted. They are texts, which
//! tantivy reads at once; bytes it reads one by one.

use tantivy::schema::document::{DeserializeError, DocumentDeserialize, DocumentDeserializer};

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
        while let Some((_, text)) = document.next_field::<String>()? {
            if place == PLACE {
                return Ok(Self(text));
            }
            place += 1;
        }
        Ok(Self(String::new()))
    }
}
