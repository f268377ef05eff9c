//! Reading and changing a JSON text where it stands: a member is found, replaced, added or taken out, and every
//! other byte stays what it was.
//!
//! A value that goes through a parser and a printer comes back changed: numbers are rounded, keys reordered,
//! escapes rewritten. What passes through mcpod must not be, so nothing here builds a tree.
//!
//! Where a key that matters stands twice in one object, readers disagree on which one counts. Whoever checked the
//! first and passed the second on would be deceived, so such a text is refused.

mod places;
mod walk;

use std::borrow::Cow;
use std::ops::Range;

pub(super) use places::Places;
pub use walk::{walk_elements, walk_members};

use super::excerpt::excerpt;

/// How much of a key is quoted in an error, in characters.
const KEY_EXCERPT: usize = 60;

/// Why a JSON text could not be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// The text is no JSON object, array or value.
    #[error("not the JSON that was expected: {reason}")]
    Json {
        /// What the parser says, with the place.
        reason: String,
    },
    /// A step of the path is there, but is no object.
    #[error("{key:?} is no object")]
    NotAnObject {
        /// The step.
        key: String,
    },
    /// A step of the path stands twice in its object.
    #[error("{key:?} is there twice")]
    Duplicate {
        /// The step.
        key: String,
    },
    /// A part to be replaced is no part of the text, or two of them overlap.
    #[error("the parts to replace are not parts of the text, or overlap")]
    Misplaced,
}

impl SpliceError {
    /// The parser's complaint; its texts are its own, but can quote what it found.
    fn json(error: &serde_json::Error) -> Self {
        Self::Json {
            reason: excerpt(&error.to_string(), 200),
        }
    }
}

/// One member of an object, as it is written there.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The key with its quotes and escapes.
    pub key: &'a str,
    /// The value, without the white space around it.
    pub value: &'a str,
}

impl<'a> Member<'a> {
    /// The key's text; nothing if it is no legal text (a lone surrogate).
    pub fn name(&self) -> Option<Cow<'a, str>> {
        match self
            .key
            .strip_prefix('"')
            .and_then(|key| key.strip_suffix('"'))
        {
            Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
            _ => serde_json::from_str(self.key).ok().map(Cow::Owned),
        }
    }

    /// Whether this is the member of that name, however it is escaped.
    pub fn is(&self, name: &str) -> bool {
        self.name().is_some_and(|own| own == name)
    }
}

/// A member to be put into an object.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    /// The key's text.
    pub key: &'a str,
    /// The value: a JSON text, which the caller answers for.
    pub value: &'a str,
    /// What to do where a member of that name is there.
    pub existing: Existing,
}

/// What becomes of a member that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays as it is.
    Keep,
    /// Its value is replaced, in its place.
    Replace,
}

/// A change of a text: what stands in this range gives way to this.
pub(super) type Edit = (Range<usize>, String);

/// Finds a value by the path of keys that leads to it; nothing if a step is missing or its object is `null`.
pub fn find<'a>(text: &'a str, path: &[&str]) -> Result<Option<&'a str>, SpliceError> {
    descend(text.trim(), path, 0)
}

/// Goes on from where a path has led to after so many steps.
pub(super) fn descend<'a>(
    mut here: &'a str,
    path: &[&str],
    steps: usize,
) -> Result<Option<&'a str>, SpliceError> {
    for (depth, key) in path.iter().enumerate().skip(steps) {
        if here == "null" {
            return Ok(None);
        }
        if !here.starts_with('{') {
            return Err(not_an_object(path, depth));
        }
        let Some(value) = survey(here, &[key])?.found.into_iter().flatten().next() else {
            return Ok(None);
        };
        here = value;
    }
    Ok(Some(here))
}

/// Puts members into the object at `path`; objects that are missing on the way (or are `null`) are made.
///
/// New members go behind the last one.
pub fn put(text: &str, path: &[&str], puts: &[Put<'_>]) -> Result<String, SpliceError> {
    apply(text, addition(text, path, puts)?)
}

/// What [`put`] changes.
pub(super) fn addition(
    text: &str,
    path: &[&str],
    puts: &[Put<'_>],
) -> Result<Vec<Edit>, SpliceError> {
    let mut here = text.trim();
    for (depth, key) in path.iter().enumerate() {
        if !here.starts_with('{') {
            return Err(not_an_object(path, depth));
        }
        let survey = survey(here, &[key])?;
        match survey.found.first().copied().flatten() {
            Some(value) if value == "null" => {
                let made = made(path.get(depth + 1..).unwrap_or_default(), puts);
                return Ok(vec![(range_of(text, value)?, made)]);
            }
            Some(value) => here = value,
            None => {
                let made = made(path.get(depth + 1..).unwrap_or_default(), puts);
                let member = format!("{}:{made}", quoted(key));
                return insert(text, here, survey.last, &member);
            }
        }
    }
    if !here.starts_with('{') {
        return Err(not_an_object(path, path.len()));
    }
    let keys: Vec<&str> = puts.iter().map(|put| put.key).collect();
    let survey = survey(here, &keys)?;
    let mut replaced = Vec::new();
    let mut added = Vec::new();
    for (put, found) in puts.iter().zip(&survey.found) {
        match (found, put.existing) {
            (Some(_), Existing::Keep) => {}
            (Some(value), Existing::Replace) => replaced.push((*value, put.value)),
            (None, _) => added.push(format!("{}:{}", quoted(put.key), put.value)),
        }
    }
    let mut edits = ranges(text, &replaced)?;
    if added.is_empty() {
        return Ok(edits);
    }
    // The new members go behind the last value, which may itself be among the replaced.
    let place = end_of_members(text, here, survey.last)?;
    let comma = if survey.last.is_some() { "," } else { "" };
    let added = format!("{comma}{}", added.join(","));
    edits.push((place..place, added));
    Ok(edits)
}

/// Takes the member at the end of `path` out of its object; nothing changes where it is not there.
pub fn remove(text: &str, path: &[&str]) -> Result<String, SpliceError> {
    apply(text, removal(text, path)?)
}

/// What [`remove`] changes.
pub(super) fn removal(text: &str, path: &[&str]) -> Result<Vec<Edit>, SpliceError> {
    let Some((name, parents)) = path.split_last() else {
        return Ok(Vec::new());
    };
    let Some(object) = find(text, parents)?.filter(|object| *object != "null") else {
        return Ok(Vec::new());
    };
    if !object.starts_with('{') {
        return Err(not_an_object(path, parents.len()));
    }
    let mut before: Option<Member<'_>> = None;
    let mut it: Option<Member<'_>> = None;
    let mut after: Option<Member<'_>> = None;
    let mut twice = false;
    walk_members(object, |member| {
        if member.is(name) {
            twice |= it.is_some();
            it = Some(member);
        } else if it.is_none() {
            before = Some(member);
        } else if after.is_none() {
            after = Some(member);
        }
    })?;
    if twice {
        return Err(duplicate(name));
    }
    let Some(it) = it else {
        return Ok(Vec::new());
    };
    let key = range_of(text, it.key)?;
    let value = range_of(text, it.value)?;
    let gone = match (before, after) {
        (_, Some(after)) => key.start..range_of(text, after.key)?.start,
        (Some(before), None) => range_of(text, before.value)?.end..value.end,
        (None, None) => key.start..value.end,
    };
    Ok(vec![(gone, String::new())])
}

/// Replaces parts of a text, which must be slices of it that do not overlap; the rest stays byte for byte.
pub fn replace(text: &str, parts: &[(&str, &str)]) -> Result<String, SpliceError> {
    apply(text, ranges(text, parts)?)
}

/// A text as a JSON string, with its quotes.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a walk through one object found.
struct Survey<'a> {
    /// The value of each key asked for.
    found: Vec<Option<&'a str>>,
    /// The value of the last member.
    last: Option<&'a str>,
}

/// Looks for keys in one object, each of which may stand there once.
fn survey<'a>(object: &'a str, keys: &[&str]) -> Result<Survey<'a>, SpliceError> {
    let mut found = vec![None; keys.len()];
    let mut last = None;
    let mut twice = None;
    walk_members(object, |member| {
        last = Some(member.value);
        for (key, found) in keys.iter().zip(&mut found) {
            if member.is(key) && found.replace(member.value).is_some() {
                twice = Some(*key);
            }
        }
    })?;
    match twice {
        Some(key) => Err(duplicate(key)),
        None => Ok(Survey { found, last }),
    }
}

/// The object that stands at the end of a path of which nothing is there yet.
fn made(path: &[&str], puts: &[Put<'_>]) -> String {
    let members: Vec<String> = puts
        .iter()
        .map(|put| format!("{}:{}", quoted(put.key), put.value))
        .collect();
    path.iter()
        .rev()
        .fold(format!("{{{}}}", members.join(",")), |inner, key| {
            format!("{{{}:{inner}}}", quoted(key))
        })
}

/// Adds one member behind the last one of an object.
fn insert(
    text: &str,
    object: &str,
    last: Option<&str>,
    member: &str,
) -> Result<Vec<Edit>, SpliceError> {
    let place = end_of_members(text, object, last)?;
    let comma = if last.is_some() { "," } else { "" };
    Ok(vec![(place..place, format!("{comma}{member}"))])
}

/// Where in the text the next member of an object belongs.
fn end_of_members(text: &str, object: &str, last: Option<&str>) -> Result<usize, SpliceError> {
    match last {
        Some(last) => Ok(range_of(text, last)?.end),
        // Behind the opening brace, which the object begins with.
        None => Ok(range_of(text, object)?.start + 1),
    }
}

/// The ranges of parts of a text.
fn ranges(text: &str, parts: &[(&str, &str)]) -> Result<Vec<Edit>, SpliceError> {
    parts
        .iter()
        .map(|(part, with)| Ok((range_of(text, part)?, (*with).to_owned())))
        .collect()
}

/// Where a slice of a text lies in it.
fn range_of(text: &str, part: &str) -> Result<Range<usize>, SpliceError> {
    let start = part
        .as_ptr()
        .addr()
        .checked_sub(text.as_ptr().addr())
        .ok_or(SpliceError::Misplaced)?;
    let range = start..start + part.len();
    match text.get(range.clone()) {
        Some(_) => Ok(range),
        None => Err(SpliceError::Misplaced),
    }
}

/// Writes the text anew with each range replaced.
fn apply(text: &str, mut edits: Vec<Edit>) -> Result<String, SpliceError> {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let more: usize = edits.iter().map(|(_, with)| with.len()).sum();
    let mut written = String::with_capacity(text.len() + more);
    let mut at = 0;
    for (range, with) in edits {
        written.push_str(text.get(at..range.start).ok_or(SpliceError::Misplaced)?);
        written.push_str(&with);
        at = range.end;
    }
    written.push_str(text.get(at..).ok_or(SpliceError::Misplaced)?);
    Ok(written)
}

/// The error for a step of a path that leads into something else than an object.
fn not_an_object(path: &[&str], depth: usize) -> SpliceError {
    let key = depth.checked_sub(1).and_then(|depth| path.get(depth));
    SpliceError::NotAnObject {
        key: key.map_or_else(|| "the message".to_owned(), |key| (*key).to_owned()),
    }
}

/// The error for a key that stands twice.
fn duplicate(key: &str) -> SpliceError {
    SpliceError::Duplicate {
        key: excerpt(key, KEY_EXCERPT),
    }
}
