//! A frame: one JSON-RPC message, kept as the text it came as.
//!
//! Of the text only the envelope is read: what kind of message it is, its id, its method, and where `params`,
//! `result` or `error` lie. Everything else, fields that nobody knows yet among it, stays as it was written.
//! JSON-RPC 2.0 and the base protocol of MCP say what the envelope holds.

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::excerpt::excerpt;
use super::id::Id;
use super::outline::Outline;
use super::splice::{self, Existing, Member, Put, SpliceError};

/// The most messages of one batch (2025-03-26) that are read; whoever wants more can write more lines.
const BATCH_MAX: usize = 4096;

/// How much of an unreadable line is kept to be shown, in characters.
const EXCERPT: usize = 300;

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

/// A line, or part of a batch, that is no message.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// Whether it looks like a message at all, rather than like something printed by mistake.
    pub meant_as_message: bool,
    /// The id it seems to answer.
    pub answers: Option<Id>,
    /// The id it seems to ask with.
    pub asks: Option<Id>,
    /// What is wrong with it.
    pub reason: String,
    /// Its beginning, safe to show.
    pub excerpt: String,
}

/// The members of the envelope.
#[derive(Default)]
struct Envelope<'a> {
    jsonrpc: Option<&'a str>,
    id: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Finds the members in the text of an object.
    fn read(text: &'a str) -> Result<Self, String> {
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
}

impl Frame {
    /// Reads one message.
    pub fn parse(text: impl Into<String>) -> Result<Self, Unreadable> {
        let text: String = text.into();
        match Self::parts(&text) {
            Ok(parts) => Ok(parts.with_text(text)),
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
        Self::assembled(Kind::Error, Some(id), "", ("error", Some(&error)))
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

    /// The method of a request or notification; empty for answers.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The JSON of `params`, `result` or `error`, whichever a message of this kind has.
    pub fn payload(&self) -> Option<&str> {
        self.text.get(self.payload_at.clone()?)
    }

    /// The payload as an owned raw value.
    pub fn to_raw(&self) -> Option<Box<RawValue>> {
        RawValue::from_string(self.payload()?.to_owned()).ok()
    }

    /// The payload as a type of ours; fields it does not know are passed over.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.payload().unwrap_or("null"))
    }

    /// Finds a value in the payload by its keys.
    pub fn find(&self, path: &[&str]) -> Result<Option<&str>, SpliceError> {
        self.payload()
            .map_or(Ok(None), |payload| splice::find(payload, path))
    }

    /// The message with another id, all else byte for byte as it was; a message without one stays as it is.
    #[must_use]
    pub fn with_id(&self, id: &Id) -> Self {
        if self.id.is_none() {
            return self.clone();
        }
        let mut frame = self.respliced(&self.id_at, id.as_json());
        frame.id = Some(id.clone());
        frame
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
    pub fn with(&self, path: &[&str], puts: &[Put<'_>]) -> Result<Self, SpliceError> {
        let payload = self.payload().filter(|payload| *payload != "null");
        let payload = splice::put(payload.unwrap_or("{}"), path, puts)?;
        Ok(self.with_payload(&payload))
    }

    /// The message without the member at the end of `path` in its payload, all else as it was.
    pub fn without(&self, path: &[&str]) -> Result<Self, SpliceError> {
        match self.payload() {
            Some(payload) => Ok(self.with_payload(&splice::remove(payload, path)?)),
            None => Ok(self.clone()),
        }
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
        self.with(path, &[token])
    }

    /// Makes a notification whose parameters were written here.
    pub(super) fn ours(method: &str, params: &str) -> Self {
        Self::assembled(Kind::Notification, None, method, ("params", Some(params)))
    }

    /// Makes a request whose parameters were written here.
    pub(super) fn ours_asking(id: &Id, method: &str, params: &str) -> Self {
        Self::assembled(Kind::Request, Some(id), method, ("params", Some(params)))
    }

    /// The text of the request with another id and other parameters; without them, it keeps its own.
    pub(super) fn readdressed(&self, id: &Id, params: Option<&str>) -> String {
        let readdressed = match params {
            Some(params) => self.with_payload(params).with_id(id),
            None => self.with_id(id),
        };
        readdressed.into_string()
    }

    /// Reads the envelope.
    fn parts(text: &str) -> Result<Parts, String> {
        if !text.starts_with('{') {
            return Err("it is no JSON object".to_owned());
        }
        let envelope = Envelope::read(text)?;
        let (kind, payload) = envelope.classify()?;
        let id = match envelope.id {
            Some("null") | None => None,
            Some(id) => Some(Id::from_json(id).ok_or("its id is neither a number nor a string")?),
        };
        let method = match envelope.method {
            Some(method) => serde_json::from_str(method).map_err(|_| "its method is no text")?,
            None => String::new(),
        };
        Ok(Parts {
            kind,
            id_at: id.as_ref().and(envelope.id).map(|id| place(text, id)),
            id,
            method,
            payload_at: payload.map(|payload| place(text, payload)),
        })
    }

    /// Builds a message of ours from a raw payload.
    fn built(
        kind: Kind,
        id: Option<&Id>,
        method: &str,
        (key, payload): (&str, Option<&RawValue>),
    ) -> Self {
        Self::assembled(kind, id, method, (key, payload.map(RawValue::get)))
    }

    /// Builds a message of ours; the payload is JSON.
    fn assembled(
        kind: Kind,
        id: Option<&Id>,
        method: &str,
        (key, payload): (&str, Option<&str>),
    ) -> Self {
        let mut text = String::with_capacity(64 + method.len() + payload.map_or(0, str::len));
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
        let payload_at = payload.map(|payload| {
            text.push_str(",\"");
            text.push_str(key);
            text.push_str("\":");
            push(&mut text, payload)
        });
        text.push('}');
        Self {
            text,
            kind,
            id: id.cloned(),
            id_at,
            method: method.to_owned(),
            payload_at,
        }
    }

    /// The message with `with` at `at`, its own places moved along.
    fn respliced(&self, at: &Range<usize>, with: &str) -> Self {
        let head = self.text.get(..at.start).unwrap_or_default();
        let tail = self.text.get(at.end..).unwrap_or_default();
        let text = [head, with, tail].concat();
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

/// Reads the messages of one line: none on a blank one, several where it is a batch.
pub fn read_line(line: Vec<u8>) -> impl Iterator<Item = Result<Frame, Unreadable>> {
    let (one, batch) = match String::from_utf8(line) {
        Ok(text) => {
            // .NET writes a byte order mark in front of its first line.
            let message = text.trim_start_matches('\u{feff}').trim_ascii();
            if message.is_empty() {
                (None, Vec::new())
            } else if message.starts_with('[') {
                (None, read_batch(message))
            } else if message.len() == text.len() {
                (Some(Frame::parse(text)), Vec::new())
            } else {
                (Some(Frame::parse(message)), Vec::new())
            }
        }
        Err(bad) => {
            let text = String::from_utf8_lossy(bad.as_bytes());
            let unreadable = Unreadable::new(&text, "it is not UTF-8");
            (Some(Err(unreadable)), Vec::new())
        }
    };
    one.into_iter().chain(batch)
}

/// Reads the messages of a batch.
fn read_batch(array: &str) -> Vec<Result<Frame, Unreadable>> {
    let mut messages = Vec::new();
    let walked = splice::walk_elements(array, |element| {
        if messages.len() <= BATCH_MAX {
            messages.push(Frame::parse(element));
        }
    });
    let refused = match walked {
        Err(error) => error.to_string(),
        Ok(()) if messages.is_empty() => "it is an empty batch".to_owned(),
        Ok(()) if messages.len() > BATCH_MAX => {
            format!("it is a batch of more than {BATCH_MAX} messages")
        }
        Ok(()) => return messages,
    };
    vec![Err(Unreadable::new(array, &refused))]
}

impl Unreadable {
    /// Takes note of what can be told of a text that is no message.
    fn new(text: &str, reason: &str) -> Self {
        let mut outline = Outline::default();
        outline.feed(text.as_bytes());
        Self {
            meant_as_message: text.starts_with(['{', '[']),
            answers: outline.answers().cloned(),
            asks: outline.asks().cloned(),
            reason: reason.to_owned(),
            excerpt: excerpt(text, EXCERPT),
        }
    }
}

/// What is read of a message's text.
struct Parts {
    kind: Kind,
    id: Option<Id>,
    id_at: Option<Range<usize>>,
    method: String,
    payload_at: Option<Range<usize>>,
}

impl Parts {
    /// Joins them with the text they were read from.
    fn with_text(self, text: String) -> Frame {
        Frame {
            text,
            kind: self.kind,
            id: self.id,
            id_at: self.id_at.unwrap_or(0..0),
            method: self.method,
            payload_at: self.payload_at,
        }
    }
}

/// Where a slice of the text lies in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}

/// Appends a part and says where it went.
fn push(text: &mut String, part: &str) -> Range<usize> {
    let start = text.len();
    text.push_str(part);
    start..text.len()
}
