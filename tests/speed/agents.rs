//! Agents for the soak: many at once, each of which asks two servers at the same time and looks closely at what it is told.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::http::{Era, Http};
use crate::peer::call;
use crate::place::Place;

/// How long an answer may take: a server has to start for the first, among a hundred others.
const PATIENCE: Duration = Duration::from_mins(3);

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What was sent, and nothing else.
    Right,
    /// An error, in words.
    Refused(String),
    /// Another answer than that to this call.
    Wrong(String),
}

/// An agent with a way to each of its two servers.
#[derive(Debug)]
pub(crate) struct Agent {
    way: Way,
    id: u64,
}

#[derive(Debug)]
enum Way {
    Stdio {
        child: Child,
        reader: BufReader<UnixStream>,
        writer: UnixStream,
    },
    /// Two connections of one client.
    Http(Box<[Http; 2]>),
}

impl Agent {
    /// An agent that starts `mcpod serve`.
    pub(crate) fn by_stdio(place: &Place) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_read_timeout(Some(PATIENCE))?;
        let output = std::os::fd::OwnedFd::from(far.try_clone()?);
        let child = Command::new(&place.mcpod)
            .arg("serve")
            .stdin(std::os::fd::OwnedFd::from(far))
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()?;
        let mut agent = Self {
            way: Way::Stdio {
                child,
                reader: BufReader::new(near.try_clone()?),
                writer: near,
            },
            id: 0,
        };
        let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"soak","version":"1"}}}"#;
        agent.write(hello)?;
        agent.read()?;
        agent.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
        Ok(agent)
    }

    /// An agent of the face, of either era.
    pub(crate) fn by_http(token: &str, number: usize) -> io::Result<Self> {
        let is_modern = number % 2 == 0;
        let mut first = if is_modern {
            Http::connect(token, Era::Modern(format!("soak-{number}")))?
        } else {
            Http::connect(token, Era::Legacy(None))?
        };
        first.within(PATIENCE)?;
        if !is_modern {
            first.initialize()?;
        }
        let second = Http::connect(token, first.era.clone())?;
        second.within(PATIENCE)?;
        let way = Way::Http(Box::new([first, second]));
        Ok(Self { way, id: 0 })
    }

    /// Calls `echo` of two servers at once, each with a message of its own. An error is the end of this agent: its frontend
    /// is gone, or silent.
    pub(crate) fn ask(&mut self, calls: &[(String, String); 2]) -> io::Result<[Outcome; 2]> {
        let first = self.id + 1;
        self.id += 2;
        let second = self.id;
        if let Way::Http(connections) = &mut self.way {
            for ((http, (server, message)), id) in
                connections.iter_mut().zip(calls).zip([first, second])
            {
                let tool = format!("{server}__echo");
                http.send("tools/call", &tool, &call(&tool, "message", message), id)?;
            }
            let [one, two] = connections.as_mut();
            let [(_, to_one), (_, to_two)] = calls;
            return Ok([by_http(one, first, to_one)?, by_http(two, second, to_two)?]);
        }
        for ((server, message), id) in calls.iter().zip([first, second]) {
            let params = call(&format!("{server}__echo"), "message", message);
            self.write(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#
            ))?;
        }
        let [(_, to_one), (_, to_two)] = calls;
        let (mut one, mut two) = (None, None);
        loop {
            let line = self.read()?;
            match id(&line) {
                Some(id) if id == first && one.is_none() => one = Some(outcome(&line, to_one)),
                Some(id) if id == second && two.is_none() => two = Some(outcome(&line, to_two)),
                // That lists changed.
                None => {}
                Some(_) => return Ok([Outcome::Wrong(line.clone()), Outcome::Wrong(line)]),
            }
            if let (Some(one), Some(two)) = (&one, &two) {
                return Ok([one.clone(), two.clone()]);
            }
        }
    }

    /// Kills the process that it started, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        if let Way::Stdio { child, .. } = &mut self.way {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Leaves as clients do.
    pub(crate) fn leave(self) {
        if let Way::Stdio {
            mut child,
            reader,
            writer,
        } = self.way
        {
            drop((reader, writer));
            child.wait().unwrap();
        }
    }

    fn write(&mut self, message: &str) -> io::Result<()> {
        match &mut self.way {
            Way::Stdio { writer, .. } => writeln!(writer, "{message}"),
            Way::Http(_) => Ok(()),
        }
    }

    fn read(&mut self) -> io::Result<String> {
        let mut line = String::new();
        let read = match &mut self.way {
            Way::Stdio { reader, .. } => reader.read_line(&mut line)?,
            Way::Http(_) => 0,
        };
        if read > 0 {
            Ok(line)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// What came by a connection for a call of this id.
fn by_http(http: &mut Http, asked: u64, message: &str) -> io::Result<Outcome> {
    let received = http.receive()?;
    let text = String::from_utf8_lossy(received.body).into_owned();
    if received.status != 200 {
        return Ok(Outcome::Refused(text));
    }
    // In a stream, what is no answer has no id.
    let answers = text.lines().filter(|line| id(line).is_some());
    let answers: Vec<&str> = answers.collect();
    match answers.as_slice() {
        [answer] if id(answer) == Some(asked) => Ok(outcome(answer, message)),
        _ => Ok(Outcome::Wrong(text)),
    }
}

/// The id of an answer. Messages of the soak have nothing in them that looks like one.
fn id(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("\"id\":")?;
    let end = rest.find([',', '}'])?;
    rest.get(..end)?.parse().ok()
}

fn outcome(answer: &str, message: &str) -> Outcome {
    if answer.contains(&format!("\"text\":\"{message}\"")) {
        Outcome::Right
    } else if answer.contains("\"error\":") {
        Outcome::Refused(answer.to_owned())
    } else {
        Outcome::Wrong(answer.to_owned())
    }
}
