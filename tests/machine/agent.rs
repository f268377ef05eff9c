//! An agent that starts `mcpod serve` and talks to it, as agents do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::idle::no_orphans;
use crate::machine::command;

/// How long the frontend may stay when its agent is gone.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// How long a server's image may take to be pulled and tried on a busy host.
const ADDED_WITHIN: Duration = Duration::from_mins(3);

/// An agent with a frontend of its own.
pub(crate) struct Agent {
    process: Child,
    say: ChildStdin,
    heard: Receiver<Value>,
    /// What was heard while waiting for something else.
    pub(crate) aside: Vec<Value>,
    /// What the user fills into forms.
    pub(crate) fills_in: Value,
    /// What the user does with an address that is shown.
    pub(crate) opens: fn(&str),
    asked: u64,
}

impl Agent {
    pub(crate) fn start(arguments: &[&str], capabilities: &Value) -> Self {
        let mut process = command(&[&["mcpod", "serve"], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let say = process.stdin.take().unwrap();
        let stdout = process.stdout.take().unwrap();
        let (hear, heard) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let message = serde_json::from_str(&line.unwrap()).unwrap();
                if hear.send(message).is_err() {
                    return;
                }
            }
        });
        let mut agent = Self {
            process,
            say,
            heard,
            aside: Vec::new(),
            fills_in: json!({"name": "elicited"}),
            opens: |_| {},
            asked: 0,
        };
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "test", "version": "1"}});
        assert!(agent.ask("initialize", &hello)["result"]["serverInfo"].is_object());
        agent.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        agent
    }

    pub(crate) fn tell(&mut self, message: &Value) {
        writeln!(self.say, "{message}").unwrap();
    }

    /// Asks, and does not wait; gives the id.
    pub(crate) fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        self.tell(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Asks, answers what is asked on the way, and gives the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        loop {
            let message = self.heard.recv_timeout(ADDED_WITHIN).expect(method);
            match (&message["id"], message["method"].as_str()) {
                (own, None) if *own == id => return message,
                (Value::Null, _) | (_, None) => self.aside.push(message),
                _ => {
                    self.reply(&message);
                    self.aside.push(message);
                }
            }
        }
    }

    /// Answers what a server asks.
    fn reply(&mut self, question: &Value) {
        let result = match question["method"].as_str() {
            Some("roots/list") => json!({"roots": [{"uri": "file:///tmp", "name": "tmp"}]}),
            Some("sampling/createMessage") => {
                json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "sampled"}})
            }
            _ => json!({"action": "accept", "content": self.fills_in}),
        };
        self.tell(&json!({"jsonrpc": "2.0", "id": question["id"], "result": result}));
        if let Some(address) = question["params"]["url"].as_str() {
            (self.opens)(address);
        }
    }

    /// Calls a tool and gives the text of its result.
    #[track_caller]
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> String {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
        let answer = self.ask("tools/call", &params);
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{tool}: {answer}"))
            .to_owned()
    }

    /// The names of the tools of servers.
    pub(crate) fn tools(&mut self) -> Vec<String> {
        let answer = self.ask("tools/list", &json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap();
        let names = tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned());
        names.filter(|name| name.contains("__")).collect()
    }

    /// Waits for a notification.
    #[track_caller]
    pub(crate) fn hears(&mut self, method: &str, within: Duration) {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.heard.recv_timeout(left);
            let message = message.unwrap_or_else(|_| panic!("no {method} within {within:?}"));
            if message["method"] == method {
                return;
            }
            if message["method"].is_string() && !message["id"].is_null() {
                self.reply(&message);
            }
            self.aside.push(message);
        }
    }

    /// Cancels what was asked last.
    pub(crate) fn cancel(&mut self, id: u64) {
        self.tell(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    }

    /// Has the frontend terminated while the agent is still there, and sees to it that it goes.
    #[track_caller]
    pub(crate) fn terminate(self) {
        let Self {
            mut process,
            say: _still_open,
            ..
        } = self;
        let pid = process.id().to_string();
        let kill = std::process::Command::new("kill").arg(pid).status();
        assert!(kill.unwrap().success());
        let started = Instant::now();
        process.wait().unwrap();
        assert!(started.elapsed() < LEAVES_WITHIN, "{:?}", started.elapsed());
        no_orphans();
    }

    /// Ends as an agent that exits, and sees to it that the frontend does as well.
    #[track_caller]
    pub(crate) fn leave(self) {
        let Self {
            mut process, say, ..
        } = self;
        drop(say);
        let started = Instant::now();
        assert!(process.wait().unwrap().success());
        assert!(started.elapsed() < LEAVES_WITHIN, "{:?}", started.elapsed());
        no_orphans();
    }
}
