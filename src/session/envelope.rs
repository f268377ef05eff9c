//! The envelope of a message: its members at the top, which say what it is (JSON-RPC 2.0, sections 4 and 5).

use std::ops::Range;

use super::frame::Kind;
use super::id::Id;
use super::splice::{self, Member};

/// The members of the envelope.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    jsonrpc: Option<&'a str>,
    id: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Finds the members in the text of an object.
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        if !text.starts_with('{') {
            return Err("it is no JSON object".to_owned());
        }
        let mut envelope = Self::default();
        let mut twice = None;
        splice::walk_members(text, |Member { key, value }| {
            let slot = match (Member { key, value }).name().as_deref() {
                Some("jsonrpc") => &mut envelope.jsonrpc,
                Some("id") => &mut envelope.id,
                Some("method") => &mut envelope.method,
                Some("params") => &mut envelope.params,
                Some("result") => &mut envelope.result,
                Some("error") => &mut envelope.error,
                _ => return,
            };
            if slot.replace(value).is_some() {
                twice = Some(key);
            }
        })
        .map_err(|error| error.to_string())?;
        match twice {
            Some(key) => Err(format!("{key} is there twice")),
            None => Ok(envelope),
        }
    }

    /// Tells what kind of message it is, and which member carries what it says.
    fn classify(&self) -> Result<(Kind, Option<&'a str>), &'static str> {
        if self.jsonrpc != Some("\"2.0\"") {
            return Err("\"jsonrpc\" is not \"2.0\"");
        }
        let not_null = |value: Option<&'a str>| value.filter(|value| *value != "null");
        let id = not_null(self.id);
        let error = not_null(self.error);
        match (self.method, self.result, error) {
            (Some(_), None, None) if id.is_some() => Ok((Kind::Request, self.params)),
            (Some(_), None, None) => Ok((Kind::Notification, self.params)),
            (Some(_), _, _) => Err("it has a method and an answer"),
            // JSON-RPC 1.0 writes the other of the two as null.
            (None, None | Some("null"), Some(error)) => Ok((Kind::Error, Some(error))),
            (None, Some(_), Some(_)) => Err("it has a result and an error"),
            (None, Some(result), None) if id.is_some() => Ok((Kind::Result, Some(result))),
            (None, Some(_), None) => Err("it answers, but has no id"),
            (None, None, None) => Err("it has neither a method nor an answer"),
        }
    }

    /// Tells what the message is and where its parts lie in the text it was read from.
    pub(super) fn parts(&self, text: &str) -> Result<Parts, String> {
        let (kind, payload) = self.classify()?;
        let id = match self.id {
            Some("null") | None => None,
            Some(id) => Some(Id::from_json(id).ok_or("its id is neither a number nor a string")?),
        };
        let method = match self.method {
            Some(method) => serde_json::from_str(method).map_err(|_| "its method is no text")?,
            None => String::new(),
        };
        let id_at = self.id.map(|id| place(text, id));
        Ok(Parts {
            kind,
            id,
            id_at: id_at.unwrap_or(0..0),
            method,
            payload_at: payload.map(|payload| place(text, payload)),
        })
    }
}

/// What is read of a message's text.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) kind: Kind,
    pub(super) id: Option<Id>,
    /// Empty where there is no id, but not where it is `null`.
    pub(super) id_at: Range<usize>,
    pub(super) method: String,
    pub(super) payload_at: Option<Range<usize>>,
}

/// Where a slice of the text lies in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}
