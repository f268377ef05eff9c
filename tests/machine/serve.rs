//! `mcpod serve`, as an agent starts it: servers of both eras are found, added, called and removed through it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::idle::{Idle, no_orphans};
use crate::machine::{SOON, command, sh, wait_until};
use crate::server::Server;

/// How long the frontend may stay when its agent is gone.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// How soon a change that anyone makes must be told.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// How long a server's image may take to be pulled and tried on a busy host.
const ADDED_WITHIN: Duration = Duration::from_mins(3);

/// An agent with a frontend of its own.
struct Agent {
    process: Child,
    say: ChildStdin,
    heard: Receiver<Value>,
    /// What was heard while waiting for something else.
    aside: Vec<Value>,
    asked: u64,
}

impl Agent {
    fn start(arguments: &[&str], capabilities: &Value) -> Self {
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
            asked: 0,
        };
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "test", "version": "1"}});
        assert!(agent.ask("initialize", &hello)["result"]["serverInfo"].is_object());
        agent.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        agent
    }

    fn tell(&mut self, message: &Value) {
        writeln!(self.say, "{message}").unwrap();
    }

    /// Asks, answers what is asked on the way, and gives the answer.
    #[track_caller]
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.tell(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.heard.recv_timeout(ADDED_WITHIN).expect(method);
            match (&message["id"], message["method"].as_str()) {
                (own, None) if *own == id => return message,
                (Value::Null, _) | (_, None) => self.aside.push(message),
                (question, Some(method)) => {
                    let result = match method {
                        "roots/list" => json!({"roots": [{"uri": "file:///tmp", "name": "tmp"}]}),
                        "sampling/createMessage" => {
                            json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "sampled"}})
                        }
                        _ => json!({"action": "accept", "content": {"name": "elicited"}}),
                    };
                    self.tell(&json!({"jsonrpc": "2.0", "id": question, "result": result}));
                    self.aside.push(message);
                }
            }
        }
    }

    /// Calls a tool and gives the text of its result.
    #[track_caller]
    fn call(&mut self, tool: &str, arguments: &Value) -> String {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
        let answer = self.ask("tools/call", &params);
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{tool}: {answer}"))
            .to_owned()
    }

    /// The names of the tools of servers.
    fn tools(&mut self) -> Vec<String> {
        let answer = self.ask("tools/list", &json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap();
        let names = tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned());
        names.filter(|name| name.contains("__")).collect()
    }

    /// Waits for a notification.
    #[track_caller]
    fn hears(&mut self, method: &str, within: Duration) {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.heard.recv_timeout(left);
            let message = message.unwrap_or_else(|_| panic!("no {method} within {within:?}"));
            if message["method"] == method {
                return;
            }
            self.aside.push(message);
        }
    }

    /// Ends as an agent that exits, and sees to it that the frontend does as well.
    #[track_caller]
    fn leave(self) {
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

#[test]
fn an_agent_finds_adds_calls_and_removes_servers_of_both_eras() {
    let _machine = Idle::now();
    let capabilities = json!({"sampling": {}, "elicitation": {}, "roots": {"listChanged": true}});
    let mut agent = Agent::start(&[], &capabilities);
    assert!(
        agent
            .call("registry-find", &json!({"query": "time zones"}))
            .starts_with("builtin:time: ")
    );
    for id in ["time", "everything"] {
        let added = agent.call("registry-add", &json!({"id": id}));
        assert!(added.contains("is active as"), "{added}");
    }
    assert!(
        agent
            .aside
            .iter()
            .any(|said| said["method"] == "notifications/progress")
    );
    // Called before the list is read again, as agents do that pass over list_changed.
    assert!(
        agent
            .call("time__get_current_time", &json!({"timezone": "UTC"}))
            .contains("UTC")
    );
    let exec = json!({"tool": "everything__get-sum", "arguments": {"a": 1, "b": 2}});
    assert_eq!(
        agent.call("registry-exec", &exec),
        "The sum of 1 and 2 is 3."
    );
    // Tools that it offers to agents only who can do more than mcpod itself.
    let more = "everything__trigger-sampling-request".to_owned();
    wait_until("it offers what this agent can use", SOON, || {
        let tools = agent.tools();
        if tools.contains(&more) {
            Ok(())
        } else {
            Err(tools)
        }
    });
    let sampled = agent.call(
        "everything__trigger-sampling-request",
        &json!({"prompt": "p", "maxTokens": 5}),
    );
    assert!(sampled.contains("sampled"), "{sampled}");
    agent.call("everything__trigger-elicitation-request", &json!({}));
    let roots = agent.call("everything__get-roots-list", &json!({}));
    assert!(roots.contains("file:///tmp"), "{roots}");
    agent.aside.clear();
    agent.call(
        "everything__trigger-long-running-operation",
        &json!({"duration": 1, "steps": 4}),
    );
    let steps: Vec<&Value> = agent
        .aside
        .iter()
        .filter(|said| said["method"] == "notifications/progress")
        .map(|said| &said["params"]["progress"])
        .collect();
    assert_eq!(steps, [1, 2, 3, 4]);

    assert!(
        agent
            .call("registry-status", &json!({"name": "time"}))
            .contains("listening")
    );
    for name in ["time", "everything"] {
        assert!(
            agent
                .call("registry-remove", &json!({"name": name}))
                .contains("not active any more")
        );
    }
    assert_eq!(agent.tools(), Vec::<String>::new());
    agent.leave();
}

#[test]
fn what_others_change_is_seen_within_a_second() {
    let _machine = Idle::now();
    let mut agent = Agent::start(&[], &json!({}));
    let time = Server::add("time", "time");
    agent.hears("notifications/tools/list_changed", TOLD_WITHIN);
    assert_eq!(
        agent.tools(),
        ["time__convert_time", "time__get_current_time"]
    );
    for (verb, tools) in [("stop", 0), ("start", 2)] {
        sh(&format!("systemctl --user {verb} mcpod-time.socket"), &[]).ok();
        agent.hears("notifications/tools/list_changed", TOLD_WITHIN);
        assert_eq!(agent.tools().len(), tools, "{verb}");
    }
    drop(time);
    agent.hears("notifications/tools/list_changed", SOON);
    assert_eq!(agent.tools(), Vec::<String>::new());
    agent.leave();
}

#[test]
fn a_server_that_dies_in_the_middle_says_why_and_comes_back() {
    let _machine = Idle::now();
    let crash = Server::misbehaving("crash-on-call");
    let time = Server::add("time", "time");
    let mut agent = Agent::start(&[], &json!({}));
    agent.call("time__get_current_time", &json!({"timezone": "UTC"}));
    for _ in 0..2 {
        let params = json!({"name": "crash-on-call__echo", "arguments": {"text": "x"}});
        let answer = agent.ask("tools/call", &params);
        let message = answer["error"]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"));
        assert!(
            message.contains("crash-on-call: the server ended the connection"),
            "{message}"
        );
        assert!(
            message.contains("its standard error ended with:"),
            "{message}"
        );
    }
    agent.call("time__get_current_time", &json!({"timezone": "UTC"}));
    agent.leave();
    drop((crash, time));
}

#[test]
fn one_server_alone_is_itself() {
    let _machine = Idle::now();
    let time = Server::add("time", "time");
    let mut agent = Agent::start(&["--server", "time"], &json!({}));
    assert_eq!(
        agent.ask("tools/list", &json!({}))["result"]["tools"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(
        agent
            .call("get_current_time", &json!({"timezone": "UTC"}))
            .contains("UTC")
    );
    agent.leave();
    drop(time);
}
