//! `mcpod call`: one tool, once.

use std::io::IsTerminal;
use std::process::ExitCode;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::output::{Busy, Failure, Outcome, Output, Shown};
use super::stop::Stop;
use crate::orchestrator::connection::Connection;
use crate::orchestrator::{self, Orchestrator};
use crate::session::Kind;
use crate::session::arguments::{self as typed, ArgumentError};
use crate::session::readable::readable;
use crate::session::{CallOptions, Frame, RpcError, SessionError, Step};
use crate::text;

/// Call a tool of an active server
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod call time get_current_time timezone=UTC
  mcpod call everything get-sum a=1 b=2
  mcpod call memory create_entities '{\"entities\": []}'
  echo '{\"timezone\": \"UTC\"}' | mcpod call time get_current_time -")]
pub(super) struct Arguments {
    /// The server's name
    name: String,
    /// The tool's name, as the server has it
    tool: String,
    /// The tool's arguments: one JSON object, key=value words, or - to read an object from standard input
    #[arg(value_name = "JSON | KEY=VALUE")]
    input: Vec<String>,
    /// Print the server's result object as it sent it
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let active = orchestrator.find(&arguments.name)?;
    let known = orchestrator.known_lists(&active);
    if orchestrator
        .held(&active)
        .iter()
        .any(|held| held.tool == arguments.tool)
    {
        return Err(Failure::from(orchestrator::Error::ToolHeld {
            name: active.name,
            tool: arguments.tool.clone(),
        }));
    }
    let tools = known
        .as_ref()
        .map(|lists| lists.tools.as_slice())
        .unwrap_or_default();
    let tools: Vec<Value> = tools
        .iter()
        .filter_map(|tool| serde_json::from_str(tool.get()).ok())
        .collect();
    let tool = tools
        .iter()
        .find(|tool| word(tool, "name") == arguments.tool);
    let input = match arguments.input.as_slice() {
        [dash] if dash == "-" => typed::object(&read_stdin()?)?,
        words => typed::parse(words, tool.and_then(|tool| tool.get("inputSchema")))?,
    };
    let params = params(&arguments.tool, &input)?;

    let busy = output.busy(format!("waiting for {}", arguments.name));
    let connection = orchestrator.connect(&active).await?;
    let mut signals = Stop::listen()
        .map_err(|error| anyhow::Error::new(error).context("cannot listen for signals"))?;
    let called = call(
        &connection,
        &params,
        orchestrator,
        &mut signals,
        (output, busy),
    )
    .await;
    let called = match called {
        Ok(result) => Ok(result),
        Err(error) => Err(Failure::from(orchestrator::Error::from(
            connection.explain(&active, error).await,
        ))),
    };
    // The answer is what the user waits for; systemd ends the instance meanwhile.
    let shown = called.and_then(|result| show(result, arguments, &tools, output));
    connection.close(false).await?;
    shown
}

impl From<ArgumentError> for Failure {
    fn from(error: ArgumentError) -> Self {
        let failure = Self::usage(error.to_string());
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// What a call brought.
enum Called {
    /// A result, as the server sent it.
    Result(Box<RawValue>),
    /// An error of the protocol.
    Refused(RpcError),
    /// The user interrupted it, and the server was told.
    Cancelled,
}

async fn call(
    connection: &Connection,
    params: &RawValue,
    orchestrator: &Orchestrator,
    signals: &mut Stop,
    (output, busy): (&Output, Busy),
) -> Result<Called, SessionError> {
    let options = CallOptions {
        timeout: Some(orchestrator.settings().sessions.call_timeout),
        limit: None,
        progress: std::io::stderr().is_terminal() && !output.is_json(),
    };
    let mut call = connection
        .session
        .call("tools/call", Some(params), options)
        .await?;
    let bar = Bar::default();
    let mut busy = Some(busy);
    loop {
        let step = tokio::select! {
            step = call.next() => step?,
            () = signals.told() => return Ok(Called::Cancelled),
        };
        // From here on the server's own words show that something goes on, or the answer is there.
        drop(busy.take());
        match step {
            Step::Progress(frame) => bar.show(&frame),
            Step::Answer(answer) if answer.kind() == Kind::Error => {
                return Ok(Called::Refused(RpcError::of(&answer)));
            }
            Step::Answer(answer) => {
                return answer
                    .into_payload()
                    .map(Called::Result)
                    .ok_or(SessionError::Closed);
            }
        }
    }
}

fn show(
    called: Called,
    arguments: &Arguments,
    tools: &[Value],
    output: &Output,
) -> Result<ExitCode, Failure> {
    let result = match called {
        Called::Result(result) => result,
        Called::Cancelled => {
            return Err(Failure {
                outcome: Outcome::Failed,
                code: "cancelled",
                message: format!("{} was cancelled", arguments.tool),
                hint: None,
            });
        }
        Called::Refused(error) => return Err(refused(&error, arguments, tools)),
    };
    let raw = result;
    let result: Value = serde_json::from_str(raw.get())
        .map_err(|error| Failure::from(anyhow::Error::new(error)))?;
    let is_error = result.get("isError") == Some(&Value::Bool(true));
    // Some servers say so in a result, as if the tool had failed.
    if is_error && let Some(failure) = no_such_tool(&readable(&result), arguments, tools) {
        return Err(failure);
    }
    if output.is_json() {
        output.json(&raw)?;
    } else if is_error {
        output.note(&readable(&result));
    } else {
        output.text(&readable(&result));
    }
    Ok(if is_error {
        Outcome::ToolError.into()
    } else {
        ExitCode::SUCCESS
    })
}

fn refused(error: &RpcError, arguments: &Arguments, tools: &[Value]) -> Failure {
    no_such_tool(&error.to_string(), arguments, tools).unwrap_or_else(|| Failure {
        outcome: Outcome::ToolError,
        code: "refused",
        message: format!("{}: {error}", arguments.name),
        hint: None,
    })
}

/// What is wrong, if the server has told of its tools and this is none of them. `said` are the server's words.
fn no_such_tool(said: &str, arguments: &Arguments, tools: &[Value]) -> Option<Failure> {
    let names: Vec<&str> = tools.iter().map(|tool| word(tool, "name")).collect();
    let Arguments { name, tool, .. } = arguments;
    if names.is_empty() || names.contains(&tool.as_str()) {
        return None;
    }
    let near = orchestrator::near(tool, names.into_iter());
    Some(Failure {
        outcome: Outcome::NotFound,
        code: "no_such_tool",
        message: format!("{name} has no tool {tool:?}: {said}"),
        hint: Some(if near.is_empty() {
            format!("mcpod tools {name} lists them")
        } else {
            format!("did you mean {}?", near.join(" or "))
        }),
    })
}

fn params(tool: &str, input: &Map<String, Value>) -> Result<Box<RawValue>, Failure> {
    let params = serde_json::json!({"name": tool, "arguments": input});
    serde_json::value::to_raw_value(&params)
        .map_err(|error| Failure::from(anyhow::Error::new(error)))
}

fn read_stdin() -> Result<String, Failure> {
    std::io::read_to_string(std::io::stdin()).map_err(|error| {
        Failure::from(anyhow::Error::new(error).context("cannot read standard input"))
    })
}

/// A member that is a text; empty where it is none.
fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The progress of a call, on a terminal.
#[derive(Default)]
struct Bar(std::cell::OnceCell<Shown>);

impl Bar {
    fn show(&self, notification: &Frame) {
        let number = |key| {
            let value = notification.find(&[key]).ok().flatten()?;
            serde_json::from_str::<f64>(value).ok()
        };
        let bar = self
            .0
            .get_or_init(|| Shown::with("{spinner} {prefix} {msg}"));
        if let Some(progress) = number("progress") {
            let total = number("total").map_or_else(String::new, |total| format!("/{total}"));
            bar.set_prefix(format!("{progress:.1}{total}"));
        }
        let message = notification.find(&["message"]).ok().flatten();
        if let Some(message) =
            message.and_then(|message| serde_json::from_str::<String>(message).ok())
        {
            bar.set_message(text::one_line(&message));
        }
    }
}
