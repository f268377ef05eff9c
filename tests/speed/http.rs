//! The other side of the HTTP face: a client that does the least, over one connection that is kept.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::place::{POLL, Place};

/// Where the face listens.
pub(crate) const ADDRESS: &str = "127.0.0.1:8931";

/// How long the face may take to listen. It asks the user's systemd first, which is one of many that want the processor where
/// agents take all there is: where others did so as well, an answer was seen to take fifty seconds.
const LISTENS_WITHIN: Duration = Duration::from_mins(2);

/// Starts `mcpod serve --http`, and waits until it listens.
pub(crate) fn start(place: &Place) -> (Child, String) {
    let mut command = Command::new(&place.mcpod);
    command.args(["serve", "--http", ADDRESS]);
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while TcpStream::connect(ADDRESS).is_err() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
        assert!(started.elapsed() < LISTENS_WITHIN, "it does not listen");
        std::thread::sleep(POLL);
    }
    let token = String::from_utf8(place.mcpod(&["token"])).unwrap();
    (child, token.trim().to_owned())
}

/// How a client speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Era {
    /// With `initialize`, and in the session that came of it.
    Legacy(Option<String>),
    /// Without: each request says who asks.
    Modern(String),
}

/// A connection to the face.
#[derive(Debug)]
pub(crate) struct Http {
    reader: BufReader<TcpStream>,
    token: String,
    pub(crate) era: Era,
    body: Vec<u8>,
    line: String,
}

impl Http {
    /// Connects.
    pub(crate) fn connect(token: &str, era: Era) -> io::Result<Self> {
        let stream = TcpStream::connect(ADDRESS)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::with_capacity(64 << 10, stream),
            token: token.to_owned(),
            era,
            body: Vec::new(),
            line: String::new(),
        })
    }

    /// Gives up on answers that take longer.
    pub(crate) fn within(&self, patience: Duration) -> io::Result<()> {
        self.reader.get_ref().set_read_timeout(Some(patience))
    }

    /// Begins a session of the earlier era.
    pub(crate) fn initialize(&mut self) -> io::Result<()> {
        let params = r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"speed","version":"1"}}"#;
        self.send("initialize", "", params, 0)?;
        let session = self.receive()?.session;
        self.era = Era::Legacy(Some(session.ok_or(io::ErrorKind::InvalidData)?));
        let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        self.post("notifications/initialized", "", notification)?;
        self.receive()?;
        Ok(())
    }

    /// Sends a request; `params` are an object, and `name` is what they name.
    pub(crate) fn send(
        &mut self,
        method: &str,
        name: &str,
        params: &str,
        id: u64,
    ) -> io::Result<()> {
        let meta = match &self.era {
            Era::Legacy(_) => String::new(),
            Era::Modern(client) => format!(
                r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{{"name":"{client}","version":"1"}}}},"#
            ),
        };
        let members = params.strip_prefix('{').unwrap();
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{meta}{members}}}"#
        );
        self.post(method, name, &body)
    }

    fn post(&mut self, method: &str, name: &str, body: &str) -> io::Result<()> {
        let own = match &self.era {
            Era::Legacy(None) => String::new(),
            Era::Legacy(Some(session)) => {
                format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n")
            }
            Era::Modern(_) => {
                format!(
                    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\nMcp-Name: {name}\r\n"
                )
            }
        };
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {ADDRESS}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{own}Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.reader.get_mut().write_all(request.as_bytes())
    }

    /// Reads one answer to its end.
    pub(crate) fn receive(&mut self) -> io::Result<Received<'_>> {
        let status = self.header()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
        let (mut length, mut session) = (Some(0), None);
        loop {
            let header = self.header()?.to_owned();
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok(),
                "transfer-encoding" => length = None,
                "mcp-session-id" => session = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        self.body.clear();
        match length {
            Some(length) => self.part(length)?,
            None => loop {
                let size = usize::from_str_radix(self.header()?, 16);
                let size = size.map_err(|_| io::ErrorKind::InvalidData)?;
                self.part(size)?;
                self.header()?;
                if size == 0 {
                    break;
                }
            },
        }
        Ok(Received {
            status,
            session,
            body: &self.body,
        })
    }

    /// Takes so many bytes of the body.
    fn part(&mut self, size: usize) -> io::Result<()> {
        let have = self.body.len();
        self.body.resize(have + size, 0);
        let room = self.body.get_mut(have..).unwrap_or_default();
        self.reader.read_exact(room)
    }

    /// A line without its end.
    fn header(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.reader.read_line(&mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) status: u16,
    session: Option<String>,
    /// JSON, or events in each of which a line `data: ` has JSON.
    pub(crate) body: &'a [u8],
}
