//! Streams of events (HTML Living Standard, 9.2 Server-sent events), read as far as MCP uses them.

use std::time::Duration;

/// The longest time that a server may ask to be left alone before a stream is resumed.
const RETRY_MAX: Duration = Duration::from_mins(5);

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; `message` where none is said.
    pub(super) kind: String,
    /// Its data, lines joined.
    pub(super) data: Vec<u8>,
}

/// The stream has an event that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Takes a stream apart.
#[derive(Debug)]
pub(super) struct Parser {
    /// The most bytes of an event, and of a line.
    limit: usize,
    line: Vec<u8>,
    after_carriage_return: bool,
    is_first_line: bool,
    kind: String,
    data: Option<Vec<u8>>,
    /// The last id that was said: where the stream can be resumed.
    pub(super) last_id: Option<String>,
    /// How long to wait before it is resumed, if that was said.
    pub(super) retry: Option<Duration>,
}

impl Parser {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_carriage_return: false,
            is_first_line: true,
            kind: String::new(),
            data: None,
            last_id: None,
            retry: None,
        }
    }

    /// Takes the next bytes and gives the events that are complete with them.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        if self.after_carriage_return && !bytes.is_empty() {
            self.after_carriage_return = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) {
            let (part, rest) = bytes.split_at(end);
            self.grow(part)?;
            let line = std::mem::take(&mut self.line);
            events.extend(self.take(&line)?);
            bytes = match rest {
                [b'\r'] => {
                    self.after_carriage_return = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.grow(bytes)?;
        Ok(events)
    }

    fn grow(&mut self, part: &[u8]) -> Result<(), TooLong> {
        // Some room for the name of the field.
        if self.line.len() + part.len() > self.limit + 64 {
            return Err(TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Takes a line; an empty one completes an event.
    fn take(&mut self, line: &[u8]) -> Result<Option<Event>, TooLong> {
        let line = if std::mem::take(&mut self.is_first_line) {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() {
            let kind = std::mem::take(&mut self.kind);
            return Ok(self.data.take().map(|data| Event {
                kind: if kind.is_empty() {
                    "message".to_owned()
                } else {
                    kind
                },
                data,
            }));
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let (field, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                (field, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match field {
            b"data" => {
                let data = match &mut self.data {
                    Some(data) => {
                        data.push(b'\n');
                        data
                    }
                    none => none.insert(Vec::new()),
                };
                if data.len() + value.len() > self.limit {
                    return Err(TooLong);
                }
                data.extend_from_slice(value);
            }
            b"event" => self.kind = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => {
                self.last_id = Some(String::from_utf8_lossy(value).into_owned());
            }
            b"retry" => {
                let milliseconds = std::str::from_utf8(value)
                    .ok()
                    .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
                    .and_then(|text| text.parse().ok());
                if let Some(milliseconds) = milliseconds {
                    self.retry = Some(Duration::from_millis(milliseconds).min(RETRY_MAX));
                }
            }
            // Comments keep the connection alive.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "\u{feff}: comment\nid: 1\nretry: 20\ndata:\n\nevent: endpoint\r\ndata: /x\r\n\r\ndata: {\ndata:  \"a\":1}\rid: 2\r\rdata: half";

    fn read(pieces: &[&[u8]]) -> (Vec<(String, String)>, Parser) {
        let mut parser = Parser::new(100);
        let mut events = Vec::new();
        for piece in pieces {
            for event in parser.feed(piece).unwrap() {
                events.push((event.kind, String::from_utf8(event.data).unwrap()));
            }
        }
        (events, parser)
    }

    #[test]
    fn events_end_with_an_empty_line_however_lines_end() {
        let (events, parser) = read(&[STREAM.as_bytes()]);
        let expected = [
            ("message", ""),
            ("endpoint", "/x"),
            ("message", "{\n \"a\":1}"),
        ];
        let expected = expected.map(|(kind, data)| (kind.to_owned(), data.to_owned()));
        assert_eq!(events, expected);
        assert_eq!(parser.last_id.as_deref(), Some("2"));
        assert_eq!(parser.retry, Some(Duration::from_millis(20)));
    }

    #[test]
    fn what_has_no_end_is_not_kept() {
        let mut parser = Parser::new(100);
        let one_line = (0..1000).find_map(|_| parser.feed(b"data: xxxxxxxx").err());
        assert_eq!(one_line, Some(TooLong));
        let mut parser = Parser::new(100);
        let one_event = (0..1000).find_map(|_| parser.feed(b"data: xxxxxxxx\n").err());
        assert_eq!(one_event, Some(TooLong));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_cut(cuts in proptest::collection::vec(0usize..STREAM.len(), 0..8)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([STREAM.len()]) {
                pieces.push(&STREAM.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(read(&pieces).0, read(&[STREAM.as_bytes()]).0);
        }

        #[test]
        fn no_stream_makes_it_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            Parser::new(50).feed(&bytes).ok();
        }
    }
}
