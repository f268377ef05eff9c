//! A small MCP server of the era with `initialize` that starts at once: one tool, `echo`, which returns its message.
//!
//! It knows the few messages that are sent to it here by their text, since a parser would be measured as well.

use std::io::{self, BufRead, Write};

/// What it offers.
const TOOLS: &str = r#"{"tools":[{"name":"echo","description":"Returns its message","inputSchema":{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}}]}"#;

/// Answers line by line until its input ends.
pub(crate) fn serve(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
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
                Some("tools/list") => format!("\"result\":{TOOLS}"),
                Some("tools/call") => {
                    let message = string(&line, "message");
                    format!(r#""result":{{"content":[{{"type":"text","text":"{message}"}}]}}"#)
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
