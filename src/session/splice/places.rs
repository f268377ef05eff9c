//! The places of the members of an object.

use std::ops::Range;

use super::{Member, SpliceError, duplicate, range_of, walk_members};

/// Where the members of an object stand in its text, so that each is found without reading the others again.
#[derive(Debug, Clone)]
pub(in crate::session) struct Places(Box<[Place]>);

/// Where the key and the value of a member stand.
#[derive(Debug, Clone)]
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

impl Places {
    /// Reads an object once.
    pub(in crate::session) fn of(object: &str) -> Result<Self, SpliceError> {
        let mut members = Vec::new();
        walk_members(object, |member| members.push(member))?;
        let place = |member: Member<'_>| {
            Ok(Place {
                key: range_of(object, member.key)?,
                value: range_of(object, member.value)?,
            })
        };
        let places: Result<Box<[Place]>, SpliceError> = members.into_iter().map(place).collect();
        places.map(Self)
    }

    /// The value of a member of the object, which must be the one that was read.
    pub(in crate::session) fn find<'a>(
        &self,
        object: &'a str,
        name: &str,
    ) -> Result<Option<&'a str>, SpliceError> {
        let text = |range: &Range<usize>| object.get(range.clone()).ok_or(SpliceError::Misplaced);
        let mut found = None;
        for place in &self.0 {
            let (key, value) = (text(&place.key)?, text(&place.value)?);
            if (Member { key, value }).is(name) && found.replace(value).is_some() {
                return Err(duplicate(name));
            }
        }
        Ok(found)
    }
}
