//! Reading lines as messages, of which some are none.

use super::excerpt::excerpt;
use super::frame::{Frame, Kind};
use super::id::Id;
use super::outline::Outline;
use super::splice;

/// The most messages of one batch (2025-03-26) that are read; whoever wants more can write more lines.
const BATCH_MAX: usize = 4096;

/// How much of an unreadable line is kept to be shown, in characters.
const EXCERPT: usize = 300;

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

/// Reads the messages of one line of a client's. A `null` for an id makes no notification of what may be meant as a request
/// (2025-11-25 and 2026-07-28, Requests); servers that write it in their notifications are understood.
pub fn read_client_line(line: Vec<u8>) -> impl Iterator<Item = Result<Frame, Unreadable>> {
    read_line(line).map(|message| match message {
        Ok(frame) if frame.kind() == Kind::Notification && frame.has_null_id() => {
            Err(Unreadable::new(frame.as_str(), "its id is null"))
        }
        message => message,
    })
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
    pub(super) fn new(text: &str, reason: &str) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gives_no_null_for_an_id() {
        let null = br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#;
        let read: Vec<_> = read_client_line(null.to_vec()).collect();
        assert!(matches!(read.as_slice(), [Err(refused)] if refused.reason == "its id is null"));
        let read: Vec<_> = read_line(null.to_vec()).collect();
        assert!(matches!(read.as_slice(), [Ok(frame)] if frame.kind() == Kind::Notification));
        for good in [
            r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}"#,
        ] {
            assert!(
                read_client_line(good.into()).all(|message| message.is_ok()),
                "{good}"
            );
        }
    }
}
