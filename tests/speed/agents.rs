//! Agents for the soak: many at once, each of which asks two servers at the same time and looks closely at what it is told.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::http::{Era, Http};
use crate::instances::{Instances, Outcome};
use crate::peer::call;
use crate::place::{POLL, Place};

/// How long an answer may take: a server has to start for the first, among a hundred others.
const PATIENCE: Duration = Duration::from_mins(3);

/// How long a process may take to end that has closed its streams.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// An agent with a way to each of its two servers.
#[derive(Debug)]
pub(crate) struct Agent {
    way: Way,
    id: u64,
    instances: Instances,
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
    /// An agent that starts `mcpod serve`, and greets it.
    pub(crate) fn by_stdio(place: &Place) -> io::Result<Self> {
        let mut agent = Self::start(place)?;
        agent.greet()?;
        Ok(agent)
    }

    /// Starts `mcpod serve`; nothing is said yet.
    pub(crate) fn start(place: &Place) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_read_timeout(Some(PATIENCE))?;
        let output = std::os::fd::OwnedFd::from(far.try_clone()?);
        let child = Command::new(&place.mcpod)
            .arg("serve")
            .stdin(std::os::fd::OwnedFd::from(far))
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()?;
        let way = Way::Stdio {
            child,
            reader: BufReader::new(near.try_clone()?),
            writer: near,
        };
        Ok(Self::by(way))
    }

    /// Says what has to be said first; over HTTP that is said already.
    pub(crate) fn greet(&mut self) -> io::Result<()> {
        if matches!(self.way, Way::Http(_)) {
            return Ok(());
        }
        let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"soak","version":"1"}}}"#;
        self.write(hello)?;
        self.read()?;
        self.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
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
        Ok(Self::by(Way::Http(Box::new([first, second]))))
    }

    fn by(way: Way) -> Self {
        Self {
            way,
            id: 0,
            instances: Instances::default(),
        }
    }

    /// The instances that answered it last, one of each server.
    pub(crate) fn instances(&self) -> impl Iterator<Item = &str> {
        self.instances.ids()
    }

    /// Calls `echo` of two servers at once, each with a message of its own. An error is the end of this agent: its frontend
    /// is gone, or silent.
    pub(crate) fn ask(&mut self, calls: &[(String, String); 2]) -> io::Result<[Outcome; 2]> {
        let answers = self.answers(calls)?;
        Ok(self.instances.judge(calls, answers))
    }

    /// The answers to two calls, or what else came of one.
    fn answers(
        &mut self,
        calls: &[(String, String); 2],
    ) -> io::Result<[Result<String, Outcome>; 2]> {
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
            return Ok([by_http(one, first)?, by_http(two, second)?]);
        }
        for ((server, message), id) in calls.iter().zip([first, second]) {
            let params = call(&format!("{server}__echo"), "message", message);
            self.write(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#
            ))?;
        }
        let (mut one, mut two) = (None, None);
        loop {
            let line = self.read()?;
            match id(&line) {
                Some(id) if id == first && one.is_none() => one = Some(line),
                Some(id) if id == second && two.is_none() => two = Some(line),
                // That lists changed.
                None => {}
                Some(_) => return Ok([line.clone(), line].map(|line| Err(Outcome::Wrong(line)))),
            }
            (one, two) = match (one, two) {
                (Some(one), Some(two)) => return Ok([Ok(one), Ok(two)]),
                not_yet => not_yet,
            };
        }
    }

    /// Kills the process that it started, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        if let Way::Stdio { child, .. } = &mut self.way {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The process that it started, if it did.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.way {
            Way::Stdio { child, .. } => Some(child.id()),
            Way::Http(_) => None,
        }
    }

    /// How the process ended that it started and that has gone silent; nothing where it still runs.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        let Way::Stdio { child, .. } = &mut self.way else {
            return None;
        };
        let since = Instant::now();
        while since.elapsed() < ENDS_WITHIN {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(POLL);
        }
        None
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
fn by_http(http: &mut Http, asked: u64) -> io::Result<Result<String, Outcome>> {
    let received = http.receive()?;
    let text = String::from_utf8_lossy(received.body).into_owned();
    if received.status != 200 {
        return Ok(Err(Outcome::Refused(text)));
    }
    // In a stream, what is no answer has no id.
    let answers = text.lines().filter(|line| id(line).is_some());
    let answers: Vec<&str> = answers.collect();
    Ok(match answers.as_slice() {
        [answer] if id(answer) == Some(asked) => Ok((*answer).to_owned()),
        _ => Err(Outcome::Wrong(text)),
    })
}

/// The id of an answer. Messages of the soak have nothing in them that looks like one.
fn id(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("\"id\":")?;
    let end = rest.find([',', '}'])?;
    rest.get(..end)?.parse().ok()
}
