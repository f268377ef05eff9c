//! Calls that are not made, since the tool is held back.

use super::Agent;
use crate::frontend::offer::Origin;
use crate::frontend::route::EXEC;
use crate::orchestrator::Error;
use crate::quadlet::name::ServerName;
use crate::session::{Frame, Id};

impl Agent {
    /// Why a call must not be made: the tool is held back.
    pub(super) fn held(&self, origin: &Origin, frame: &Frame) -> Option<Error> {
        let Origin::Server(name) = origin else {
            return None;
        };
        if frame.method() != "tools/call" || !self.shown.holds_any(origin) {
            return None;
        }
        let tool: String = serde_json::from_str(frame.find(&["name"]).ok()??).ok()?;
        self.shown
            .is_held(origin, &tool)
            .then(|| held_error(name, &tool))
    }

    /// Why a call leads nowhere: a tool of that name would be there, and is held back.
    pub(super) fn held_by_name(&self, frame: &Frame) -> Option<Error> {
        if frame.method() != "tools/call" {
            return None;
        }
        let text = |path: &[&str]| -> Option<String> {
            serde_json::from_str(frame.find(path).ok()??).ok()
        };
        let called = text(&["name"])?;
        let called = if called == EXEC {
            text(&["arguments", "tool"])?
        } else {
            called
        };
        let servers = self.frontend.servers();
        servers.iter().find_map(|origin| {
            let Origin::Server(name) = origin else {
                return None;
            };
            let tool = called.strip_prefix(name.as_str())?.strip_prefix("__")?;
            self.shown
                .is_held(origin, tool)
                .then(|| held_error(name, tool))
        })
    }

    /// Tells the model, in a result that it reads, and what the user can do.
    pub(super) async fn refuse_held(&self, id: &Id, error: &Error) {
        let hint = error.hint().unwrap_or_default();
        let text = format!("{error}. Next: the user decides; {hint}; or call registry-accept");
        let text = crate::session::splice::quoted(&text);
        let result =
            format!("{{\"content\":[{{\"type\":\"text\",\"text\":{text}}}],\"isError\":true}}");
        self.answer(id, &result).await;
    }
}

fn held_error(name: &ServerName, tool: &str) -> Error {
    Error::ToolHeld {
        name: name.clone(),
        tool: crate::text::shortened(&crate::text::one_line(tool), 100),
    }
}
