//! The other side of a server: a client that does the least, so that little but the server and the way to it is measured.

use std::io::{BufRead, BufReader, Read, Write};

/// How much of the beginning and of the end of an answer is looked at, in bytes: the id is in one of them, the rest is content.
const ENDS: usize = 200;

/// The parameters of a call of a tool with one argument.
pub(crate) fn call(tool: &str, key: &str, value: &str) -> String {
    format!(r#"{{"name":"{tool}","arguments":{{"{key}":"{value}"}}}}"#)
}

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Peer<R, W> {
    reader: BufReader<R>,
    writer: W,
    line: Vec<u8>,
    id: u64,
}

impl<R: Read, W: Write> Peer<R, W> {
    pub(crate) fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::with_capacity(64 << 10, reader),
            writer,
            line: Vec::new(),
            id: 0,
        }
    }

    /// Opens a session as a client does that knows the server's era, up to the answer.
    pub(crate) fn initialize(&mut self) {
        let request = self.request(
            "initialize",
            r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"speed","version":"1"}}"#,
        );
        self.ask(&request);
    }

    /// Tells the server that the session is open.
    pub(crate) fn initialized(&mut self) {
        self.writer
            .write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")
            .unwrap();
    }

    /// Writes the request for a call of the tool `echo`; the message must need no escaping.
    pub(crate) fn echo(&mut self, message: &str) -> String {
        self.call("echo", "message", message)
    }

    /// Writes the request for a call of a tool with one argument, of which nothing must need escaping.
    pub(crate) fn call(&mut self, tool: &str, key: &str, value: &str) -> String {
        self.request("tools/call", &call(tool, key, value))
    }

    pub(crate) fn request(&mut self, method: &str, params: &str) -> String {
        self.id += 1;
        let id = self.id;
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}\n")
    }

    /// Sends the request that was written last and waits for its answer; returns how many bytes that has.
    pub(crate) fn ask(&mut self, request: &str) -> usize {
        self.writer.write_all(request.as_bytes()).unwrap();
        self.writer.flush().unwrap();
        loop {
            self.line.clear();
            let length = self.reader.read_until(b'\n', &mut self.line).unwrap();
            assert!(length > 0, "the server ended");
            if self.is_answer() {
                return length;
            }
        }
    }

    /// The answer that came last.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.line
    }

    /// Whether the line is the answer, and no notification; it must be no error.
    fn is_answer(&self) -> bool {
        let line = &self.line;
        let first = line.get(..ENDS).unwrap_or(line);
        let last = line.get(line.len().saturating_sub(ENDS)..).unwrap_or(line);
        let ends = [first, last].map(String::from_utf8_lossy);
        let id = format!("\"id\":{}", self.id);
        let is_ours = ends.iter().any(|end| {
            end.split_once(&id)
                .is_some_and(|(_, after)| after.starts_with([',', '}']))
        });
        assert!(
            !is_ours || ends.iter().any(|end| end.contains("\"result\":")),
            "{ends:?}"
        );
        is_ours
    }
}
