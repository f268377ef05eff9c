//! A frame: one JSON-RPC message, kept as the text it came as.
//!
//! Of the text only the envelope is read: what kind of message it is, its id, its method, and where `params`,
//! `result` or `error` lie. Everything else, fields that nobody knows yet among it, stays as it was written.
//! JSON-RPC 2.0 and the base protocol of MCP say what the envelope holds.

use std::ops::Range;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::envelope::{Envelope, Parts};
use super::id::Id;
use super::reading::Unreadable;
use super::splice::{self, Edit, Existing, Places, Put, SpliceError};

/// One JSON-RPC message.
#[derive(Debug, Clone)]
pub struct Frame {
    text: String,
    kind: Kind,
    /// Empty for what has no id.
    id: Option<Id>,
    id_at: Range<usize>,
    /// Decoded; empty for answers.
    method: String,
    /// Where `params`, `result` or `error` lies.
    payload_at: Option<Range<usize>>,
    /// Where the members of the payload lie in it, since it is asked for one after the other; known once one was asked for.
    members: OnceLock<Places>,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It asks: it has an id and a method.
    Request,
    /// It tells: it has a method alone.
    Notification,
    /// It answers with a result.
    Result,
    /// It answers with an error. One without an id is about a message that could not be read.
    Error,
}

impl Frame {
    /// Reads one message. Line ends between its tokens become spaces, since a message must stand on one line.
    pub fn parse(text: impl Into<String>) -> Result<Self, Unreadable> {
        let text = on_one_line(text.into());
        match Envelope::read(&text).and_then(|envelope| envelope.parts(&text)) {
            Ok(Parts {
                kind,
                id,
                id_at,
                method,
                payload_at,
            }) => Ok(Self {
                text,
                kind,
                id,
                id_at,
                method,
                payload_at,
                members: OnceLock::new(),
            }),
            Err(reason) => Err(Unreadable::new(&text, &reason)),
        }
    }

    /// Makes a request.
    pub fn request(id: &Id, method: &str, params: Option<&RawValue>) -> Self {
        Self::built(Kind::Request, Some(id), method, ("params", params))
    }

    /// Makes a notification.
    pub fn notification(method: &str, params: Option<&RawValue>) -> Self {
        Self::built(Kind::Notification, None, method, ("params", params))
    }

    /// Makes an answer with a result.
    pub fn result(id: &Id, result: &RawValue) -> Self {
        Self::built(Kind::Result, Some(id), "", ("result", Some(result)))
    }

    /// Makes an answer with an error: a code of JSON-RPC or MCP, and a sentence.
    pub fn error(id: &Id, code: i64, message: &str) -> Self {
        let error = format!(
            "{{\"code\":{code},\"message\":{}}}",
            splice::quoted(message)
        );
        Self::assembled(Kind::Error, Some(id), "", ("error", &[&error]))
    }

    /// Makes an error about a message whose id is not known.
    pub fn unaddressed_error(code: i64, message: &str) -> Self {
        // Its id is no id, so that nothing puts another in its place.
        let mut error = Self::error(&Id::null(), code, message);
        error.id = None;
        error
    }

    /// What the message is for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole message as it came, without the line's end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The whole message as it came, without the line's end.
    pub fn into_string(self) -> String {
        self.text
    }

    /// The id: of every request and every answer but an error about something unreadable.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Whether it says that its id is `null`, which is none.
    pub(super) fn has_null_id(&self) -> bool {
        self.id.is_none() && !self.id_at.is_empty()
    }

    /// The method of a request or notification; empty for answers.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The JSON of `params`, `result` or `error`, whichever a message of this kind has.
    pub fn payload(&self) -> Option<&str> {
        self.text.get(self.payload_at.clone()?)
    }

    /// The payload alone.
    pub fn into_payload(mut self) -> Option<Box<RawValue>> {
        // Cut out where it stands: a large one is not held twice.
        let Range { start, end } = self.payload_at?;
        self.text.truncate(end);
        self.text.drain(..start);
        RawValue::from_string(self.text).ok()
    }

    /// The payload as a type of ours; fields it does not know are passed over.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.payload().unwrap_or("null"))
    }

    /// Finds a value in the payload by its keys.
    pub fn find(&self, path: &[&str]) -> Result<Option<&str>, SpliceError> {
        let Some(payload) = self.payload() else {
            return Ok(None);
        };
        let Some(first) = path.first().filter(|_| payload.starts_with('{')) else {
            return splice::find(payload, path);
        };
        let members = if let Some(members) = self.members.get() {
            members
        } else {
            let read = Places::of(payload)?;
            self.members.get_or_init(|| read)
        };
        match members.find(payload, first)? {
            Some(value) => splice::descend(value, path, 1),
            None => Ok(None),
        }
    }

    /// The message with another id, all else as it was. One that has none is as it was.
    #[must_use]
    pub fn with_id(mut self, id: &Id) -> Self {
        if self.id.is_none() {
            return self;
        }
        let at = self.id_at.clone();
        // Its own place, so this cannot fail.
        if self.edit(&at, id.as_json()).is_ok() {
            self.id = Some(id.clone());
        }
        self
    }

    /// The message with another payload (a JSON text that the caller answers for), all else as it was.
    #[must_use]
    pub fn with_payload(&self, payload: &str) -> Self {
        match &self.payload_at {
            Some(at) => self.respliced(at, payload),
            None => self.with_params_added(payload),
        }
    }

    /// The message with members put into the object at `path` of its payload, all else as it was.
    ///
    /// A request or notification without `params` gets them.
    pub fn with(mut self, path: &[&str], puts: &[Put<'_>]) -> Result<Self, SpliceError> {
        let Some(payload) = self.payload().filter(|payload| *payload != "null") else {
            let payload = splice::put("{}", path, puts)?;
            return Ok(self.with_payload(&payload));
        };
        let edits = splice::addition(payload, path, puts)?;
        self.edit_payload(edits)?;
        Ok(self)
    }

    /// The message without the member at the end of `path` in its payload, all else as it was.
    pub fn without(mut self, path: &[&str]) -> Result<Self, SpliceError> {
        if let Some(payload) = self.payload() {
            let edits = splice::removal(payload, path)?;
            self.edit_payload(edits)?;
        }
        Ok(self)
    }

    /// The request or progress notification with another progress token; see [`Frame::with`].
    pub fn with_progress_token(&self, token: &Id) -> Result<Self, SpliceError> {
        let path: &[&str] = match self.kind {
            Kind::Request => &["_meta"],
            _ => &[],
        };
        let token = Put {
            key: "progressToken",
            value: token.as_json(),
            existing: Existing::Replace,
        };
        self.clone().with(path, &[token])
    }

    /// Makes a notification whose parameters were written here.
    pub(super) fn ours(method: &str, params: &str) -> Self {
        Self::assembled(Kind::Notification, None, method, ("params", &[params]))
    }

    /// Makes a request whose parameters were written here.
    pub(super) fn ours_asking(id: &Id, method: &str, params: &str) -> Self {
        Self::assembled(Kind::Request, Some(id), method, ("params", &[params]))
    }

    /// Makes an answer with a result that was written here, in parts: it can be large, and is put together but once.
    pub(crate) fn ours_answering(id: &Id, result: &[&str]) -> Self {
        Self::assembled(Kind::Result, Some(id), "", ("result", result))
    }

    /// The text of the request with another id and other parameters; without them, it keeps its own.
    pub(super) fn readdressed(&self, id: &Id, params: Option<&str>) -> String {
        let (Some(own_id), Some(own_params)) = (self.text.get(self.id_at.clone()), self.payload())
        else {
            let with_params = params.map(|params| self.with_payload(params));
            return with_params.unwrap_or_else(|| self.clone()).with_id(id).text;
        };
        let parts = [
            (own_id, id.as_json()),
            (own_params, params.unwrap_or(own_params)),
        ];
        // Both are parts of the text, so this cannot fail.
        splice::replace(&self.text, &parts).map_or_else(|_| self.text.clone(), on_one_line)
    }

    /// Builds a message of ours from a raw payload.
    fn built(
        kind: Kind,
        id: Option<&Id>,
        method: &str,
        (key, payload): (&str, Option<&RawValue>),
    ) -> Self {
        let payload = payload.map(RawValue::get);
        Self::assembled(kind, id, method, (key, payload.as_slice()))
    }

    /// Builds a message of ours; the parts of the payload are JSON together, or there is none.
    fn assembled(
        kind: Kind,
        id: Option<&Id>,
        method: &str,
        (key, payload): (&str, &[&str]),
    ) -> Self {
        let length: usize = payload.iter().map(|part| part.len()).sum();
        let mut text = String::with_capacity(64 + method.len() + length);
        text.push_str("{\"jsonrpc\":\"2.0\"");
        let mut id_at = 0..0;
        if let Some(id) = id {
            text.push_str(",\"id\":");
            id_at = push(&mut text, id.as_json());
        }
        if matches!(kind, Kind::Request | Kind::Notification) {
            text.push_str(",\"method\":");
            text.push_str(&splice::quoted(method));
        }
        let payload_at = (!payload.is_empty()).then(|| {
            text.push_str(",\"");
            text.push_str(key);
            text.push_str("\":");
            let start = text.len();
            text.extend(payload.iter().copied());
            start..text.len()
        });
        text.push('}');
        Self {
            text: on_one_line(text),
            kind,
            id: id.cloned(),
            id_at,
            method: method.to_owned(),
            payload_at,
            members: OnceLock::new(),
        }
    }

    /// Changes the payload where it stands, since it can be large.
    fn edit_payload(&mut self, mut edits: Vec<Edit>) -> Result<(), SpliceError> {
        let offset = self.payload_at.as_ref().map_or(0, |at| at.start);
        // From the last on, so that the places of the others stay.
        edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
        for (range, with) in edits {
            self.edit(&(range.start + offset..range.end + offset), &with)?;
        }
        Ok(())
    }

    /// Puts something else in a place; its own places move along.
    fn edit(&mut self, at: &Range<usize>, with: &str) -> Result<(), SpliceError> {
        self.text.get(at.clone()).ok_or(SpliceError::Misplaced)?;
        let with = on_one_line(with.to_owned());
        self.text.replace_range(at.clone(), &with);
        let is_within = |payload: &Range<usize>| at.start < payload.end && payload.start < at.end;
        if self.payload_at.as_ref().is_some_and(is_within) {
            self.members = OnceLock::new();
        }
        let moved = |place: usize| place - at.end + at.start + with.len();
        for own in std::iter::once(&mut self.id_at).chain(&mut self.payload_at) {
            // What begins where something is put in stays in front of it.
            if own.start > at.start {
                own.start = moved(own.start);
            }
            if own.end >= at.end {
                own.end = moved(own.end);
            }
        }
        Ok(())
    }

    /// The message with `with` at `at`, its own places moved along.
    fn respliced(&self, at: &Range<usize>, with: &str) -> Self {
        let head = self.text.get(..at.start).unwrap_or_default();
        let tail = self.text.get(at.end..).unwrap_or_default();
        let text = on_one_line([head, with, tail].concat());
        let moved = |range: &Range<usize>| {
            if range == at {
                at.start..at.start + with.len()
            } else if range.start >= at.end {
                let by = |place: usize| place - at.end + at.start + with.len();
                by(range.start)..by(range.end)
            } else {
                range.clone()
            }
        };
        Self {
            kind: self.kind,
            id: self.id.clone(),
            id_at: moved(&self.id_at),
            method: self.method.clone(),
            payload_at: self.payload_at.as_ref().map(moved),
            members: OnceLock::new(),
            text,
        }
    }

    /// The request or notification with `params` behind its last member.
    fn with_params_added(&self, params: &str) -> Self {
        let put = Put {
            key: "params",
            value: params,
            existing: Existing::Replace,
        };
        // The text is an object without "params", so this cannot fail but for a message that has no payload
        // by nature, which there is not.
        splice::put(&self.text, &[], &[put])
            .ok()
            .and_then(|text| Self::parse(text).ok())
            .unwrap_or_else(|| self.clone())
    }
}

/// The JSON without line ends, which can only be white space between tokens: each becomes a space.
fn on_one_line(json: String) -> String {
    if memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
        return json;
    }
    json.replace(['\n', '\r'], " ")
}

/// Appends a part and says where it went.
fn push(text: &mut String, part: &str) -> Range<usize> {
    let start = text.len();
    text.push_str(part);
    start..text.len()
}
