//! The registry: an MCP server of mcpod's own, with the tools by which agents find, add and look after servers.
//!
//! It is joined to the frontend by an in-process pipe, as if it stood behind a socket: each agent has an instance of
//! its own, and whatever passes to and from other servers (progress, cancellation, questions to the user) passes to
//! and from this one in the same way. `registry-exec` alone is done before it comes here, by [`super::route`].

mod accept;
mod add;
mod answer;
mod arguments;
mod browse;
mod command;
mod config;
mod consent;
mod docs;
mod exec;
mod find;
mod given;
mod inputs;
mod launch;
pub(super) mod progress;
pub(super) mod refresh;
mod remove;
mod state;
mod tool;
mod wish;
mod words;

use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, Implementation, InitializeResult,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities,
};
use rmcp::service::{RequestContext, RoleServer, RxJsonRpcMessage};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::Frontend;
use crate::catalog::refresh::Source;
use crate::session::lists::Lists;
use crate::session::{
    Client, Era, Frame, Id, Incoming, MESSAGE_MAX, Opening, Session, SessionError,
};
use answer::Failure;
use tool::Tool;

/// How many bytes of messages the pipe holds.
const PIPE: usize = 64 * 1024;

/// The longest message that rmcp reads, in bytes, with room for the id and the token of its progress that the session gives it.
const LONGEST: usize = MESSAGE_MAX - 1024;

/// How long the pipe may take to open; there is nothing to wait for.
const OPENING: Duration = Duration::from_secs(10);

/// One agent's registry.
#[derive(Debug, Clone)]
struct Registry {
    frontend: Arc<Frontend>,
}

/// What the registry offers, with a catalog of so many servers from these sources.
pub(super) fn lists(servers: usize, sources: &[Source]) -> Lists {
    let summary = browse::summary(servers, sources);
    let tools = Tool::ALL.iter().map(|tool| {
        let definition = serde_json::to_string(&tool.definition(&summary))?;
        RawValue::from_string(definition)
    });
    Lists {
        // What is made of our own types can be written.
        tools: tools.filter_map(Result::ok).collect(),
        ..Lists::default()
    }
}

/// Starts a registry for an agent and opens a session with it.
pub(super) async fn open(
    frontend: &Arc<Frontend>,
    client: Client,
    incoming: mpsc::Sender<Incoming>,
) -> Result<Session, SessionError> {
    let opening = Opening {
        client,
        // The era in which a server can ask the user something while it works.
        era: Some(Era::Legacy(ProtocolVersion::LATEST_WITH_INITIALIZE)),
        timeout: OPENING,
        incoming: Some(incoming),
    };
    let connect = || {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let registry = Registry {
            frontend: Arc::clone(frontend),
        };
        // It ends with the pipe.
        tokio::spawn(async move {
            match Box::pin(rmcp::serve_server(registry, theirs)).await {
                Ok(running) => drop(running.waiting().await),
                Err(error) => tracing::debug!(%error, "the registry was not opened"),
            }
        });
        std::future::ready(Ok(ours))
    };
    opening.open(connect).await
}

/// Checks that the registry can read a message, or says why not.
///
/// rmcp passes over a line that it cannot read, and whoever waits for the answer would wait for ever: texts with half a
/// character (`\ud83d`), numbers beyond all bounds and deep nesting are JSON, and pass to every other server.
pub(super) fn check(message: &Frame) -> Result<(), String> {
    // It comes there under a number of the session's, so the id does not matter.
    let message = message.clone().with_id(&Id::from(1));
    if message.as_str().len() > LONGEST {
        return Err("mcpod's own tools cannot read this: it is too long".to_owned());
    }
    let told = |error: &serde_json::Error| {
        let reason = crate::text::one_line(&error.to_string());
        crate::text::shortened(&reason, 200)
    };
    serde_json::from_str::<serde_json::Value>(message.as_str())
        .map_err(|error| format!("mcpod's own tools cannot read this: {}", told(&error)))?;
    match serde_json::from_str::<RxJsonRpcMessage<RoleServer>>(message.as_str()) {
        Ok(_) => Ok(()),
        Err(_) => {
            Err("mcpod's own tools cannot read this: it has not the shape of a message".to_owned())
        }
    }
}

impl Registry {
    /// Waits until nobody else changes units, as somebody does who builds an image, or until the call is cancelled. What is then begun
    /// goes to its end.
    async fn turn(&self, context: &RequestContext<RoleServer>) -> Result<(), Failure> {
        tokio::select! {
            turn = self.frontend.orchestrator.lock(|| {}) => Ok(turn.map(drop)?),
            () = context.ct.cancelled() => Err(Failure::new("cancelled")),
        }
    }
}

impl ServerHandler for Registry {
    fn get_info(&self) -> InitializeResult {
        InitializeResult::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("mcpod", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let orchestrator = &self.frontend.orchestrator;
        let servers = orchestrator.catalog().map_or(0, |catalog| catalog.size());
        let summary = browse::summary(servers, &orchestrator.settings().sources.sources());
        let definitions = Tool::ALL.iter().map(|tool| tool.definition(&summary));
        let tools = definitions.collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = Tool::named(&request.name) else {
            let reason = format!("unknown tool: {}", request.name);
            return Err(ErrorData::invalid_params(reason, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let cancelled = context.ct.clone();
        let called = tool.call(self, arguments, context);
        // What must be undone first undoes itself when it sees the cancellation.
        let answer = if tool.undoes_itself() {
            called.await
        } else {
            tokio::select! {
                answer = called => answer,
                () = cancelled.cancelled() => Err(Failure::new("cancelled")),
            }
        };
        Ok(answer::result(answer).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str) -> Frame {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{"name":"registry-find","arguments":{arguments}}}}}"#
        );
        Frame::parse(text).unwrap()
    }

    #[test]
    fn what_would_be_passed_over_is_refused() {
        check(&call(r#"{"query":"time","limit":1.5}"#)).unwrap();
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for arguments in [r#"{"query":"\ud83d"}"#, r#"{"limit":1e400}"#, &deep] {
            let refused = check(&call(arguments));
            assert!(refused.is_err(), "{arguments}");
        }
        let long = format!("{{\"query\":\"{}\"}}", "x".repeat(LONGEST));
        assert!(check(&call(&long)).is_err());
        let answer =
            r#"{"jsonrpc":"2.0","id":7,"result":{"action":"accept","content":{"a":1e400}}}"#;
        assert!(check(&Frame::parse(answer).unwrap()).is_err());
        let positional = r#"{"jsonrpc":"2.0","id":7,"method":"future","params":[1]}"#;
        assert!(check(&Frame::parse(positional).unwrap()).is_err());
    }
}
