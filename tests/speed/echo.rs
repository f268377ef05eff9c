//! A small MCP server of the era with `initialize` that starts at once. Its tool `echo` returns its message and says who
//! answers, `large` returns as many bytes as its message says; it can offer more that are only there to be listed.
//!
//! It knows the few messages that are sent to it here by their text, since a parser would be measured as well.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, Write};

/// The variable that says which server a process is one of, which it cannot see otherwise.
pub(crate) const SERVER: &str = "SPEED_SERVER";

/// What begins the text in which it says who answers: the server, a number that no other process of it has, and how many calls it has had.
pub(crate) const BY: &str = "by ";

/// The schema of all tools' arguments.
const SCHEMA: &str = r#""inputSchema":{"type":"object","properties":{"message":{"type":"string","description":"What is to be returned, as it is and in one piece"}},"required":["message"]}"#;

/// What a tool that is only listed says of itself: as much as servers of the world do.
const ABOUT: &str = "Looks up the records that match all given conditions, in the order of their last change, and returns them \
    with their identifiers, their owners and the first lines of their contents. Use it before anything is changed, and again \
    afterwards to see that it was. Conditions are joined by AND; quote what has spaces in it.";

/// What it offers, with so many tools that are only listed.
fn tools(listed: usize) -> String {
    let tool = |name: &str, about: &str| {
        format!(r#"{{"name":"{name}","description":"{about}",{SCHEMA}}}"#)
    };
    let mut all = vec![
        tool("echo", "Returns its message"),
        tool("large", "Returns many bytes"),
    ];
    all.extend((0..listed).map(|number| tool(&format!("look-up-{number:02}"), ABOUT)));
    format!(r#"{{"tools":[{}]}}"#, all.join(","))
}

/// Answers line by line until its input ends; offers so many tools more that are only listed.
pub(crate) fn serve(
    mut input: impl BufRead,
    mut output: impl Write,
    listed: usize,
) -> io::Result<()> {
    let tools = tools(listed);
    let server = std::env::var(SERVER).unwrap_or_default();
    let instance = RandomState::new().hash_one(());
    let mut calls: u64 = 0;
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        // A notification has no id and gets no answer.
        if let Some(id) = after(&line, "\"id\":") {
            let id = before(id, &[',', '}']);
            let answer = match after(&line, "\"method\":\"").map(|method| before(method, &['"'])) {
                Some("initialize") => {
                    let version = string(&line, "protocolVersion");
                    format!(
                        r#""result":{{"protocolVersion":"{version}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"echo","version":"1"}}}}"#
                    )
                }
                Some("ping") => r#""result":{}"#.to_owned(),
                Some("tools/list") => format!("\"result\":{tools}"),
                Some("tools/call") => {
                    calls += 1;
                    let message = string(&line, "message");
                    let content = match string(&line, "name") {
                        "large" => text(&"x".repeat(message.parse().unwrap_or_default())),
                        _ => {
                            let by = text(&format!("{BY}{server} {instance:016x} {calls}"));
                            format!("{},{by}", text(message))
                        }
                    };
                    format!(r#""result":{{"content":[{content}]}}"#)
                }
                _ => r#""error":{"code":-32601,"message":"no such method"}"#.to_owned(),
            };
            writeln!(output, r#"{{"jsonrpc":"2.0","id":{id},{answer}}}"#)?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}

/// A piece of content.
fn text(text: &str) -> String {
    format!(r#"{{"type":"text","text":"{text}"}}"#)
}

/// A member that is a text without quotes in it, as it was written.
fn string<'a>(line: &'a str, key: &str) -> &'a str {
    let value = after(line, &format!("\"{key}\":\"")).unwrap_or_default();
    before(value, &['"'])
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, after)| after)
}

fn before<'a>(text: &'a str, marks: &[char]) -> &'a str {
    text.split(marks).next().unwrap_or_default()
}
