//! One active server: what `mcpod status`, `tools` and `config` show, and the forms of `config` and `remove`.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use sha2::{Digest as _, Sha256};

use super::document::{Document, Place, failure, go, shown};
use super::fields::{Fields, address};
use super::servers::megabytes;
use super::tool::Tool;
use super::{Here, Visitor, failed, form, form_key, inputs, told, told_above_form};
use crate::frontend::http::Face;
use crate::orchestrator::Error;
use crate::orchestrator::config::{Change, Configured};
use crate::orchestrator::remove::Extent;
use crate::orchestrator::status::Status;
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::session::definitions::Change as ToolChange;
use crate::text::one_line;

/// How many lines of its log are shown here.
const LOG_LINES: u32 = 10;

/// Shows it.
pub(super) async fn show((State(face), Extension(visitor)): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    shown_with(&face, &visitor, fields.get("name"), None).await
}

async fn shown_with(
    face: &Arc<Face>,
    visitor: &Visitor,
    name: &str,
    wrong: Option<(String, Option<String>)>,
) -> Response {
    let orchestrator = &face.frontend.orchestrator;
    let status = match orchestrator.status(name).await {
        Ok(status) => status,
        Err(error) => return failed(error, "No such server", Place::Servers),
    };
    let name = status.listed.name.clone();
    let log = orchestrator.log_end(&status.listed, LOG_LINES).await;
    let tools = Tool::all(face, &name);
    let config = orchestrator.config(name.as_str());
    Document::new(name.as_str(), Place::Servers).with(&html! {
        @if let Some((message, hint)) = &wrong { (failure(message, hint.as_deref())) }
        section #status data-live="3" aria-label="Status" {
            (state(face, &status))
            (sessions(&status))
        }
        section {
            h2 { "Tools" }
            @match &tools {
                None => p { "It is not known yet what it offers." },
                Some(tools) if tools.is_empty() => p { "It has none." },
                Some(tools) => {
                    dl.tools {
                        @for tool in tools {
                            dt { a href=(address("tool", &[("server", name.as_str()), ("tool", &tool.name)])) { (one_line(&tool.name)) } }
                            dd { (one_line(tool.description.as_deref().unwrap_or_default())) }
                        }
                    }
                }
            }
        }
        @if !status.held_tools.is_empty() { (held(visitor, &name, &status.held_tools)) }
        section {
            h2 { "Log" }
            @if log.trim().is_empty() { p { "It has written nothing that can be read." } }
            @else { pre tabindex="0" { (shown(&log)) } }
            p { a href=(address("log", &[("server", name.as_str())])) { "All of its log" } }
        }
        section {
            h2 { "Inputs" }
            @match config {
                Ok(inputs) if inputs.is_empty() => p { "It takes none." },
                Ok(inputs) => (configuration(visitor, &name, &inputs)),
                Err(error) => { @let (message, hint) = told(error); (failure(&message, hint.as_deref())) }
            }
        }
        section {
            h2 { "Remove" }
            form method="post" action="remove" {
                (form_key(visitor))
                input type="hidden" name="server" value=(name);
                label.box { input type="checkbox" name="volumes"; " its volumes too, with all that is in them" }
                label.box { input type="checkbox" name="secrets"; " its secrets too" }
                button.danger { "Remove " (name) }
            }
        }
    })
}

/// The tools that are held back, and the form that takes them as they are shown.
fn held(visitor: &Visitor, server: &ServerName, changes: &[ToolChange]) -> Markup {
    html! {
        section {
            h2 { "Held back" }
            p { "These tools are new, or other than they were when they were accepted. Agents neither see nor call them until you accept them." }
            ul { @for change in changes { li { (shown(&change.line())) } } }
            form method="post" action="accept" {
                (form_key(visitor))
                input type="hidden" name="server" value=(server);
                input type="hidden" name="seen" value=(seen(changes));
                button { "Accept them" }
            }
        }
    }
}

/// By what changes that somebody looked at are known again.
fn seen(changes: &[ToolChange]) -> String {
    let text = serde_json::to_vec(changes).unwrap_or_default();
    format!("{:x}", Sha256::digest(text))
}

/// Accepts what is held back, if it still is what was shown.
pub(super) async fn accept((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let (server, shown) = (
        fields.get("server").to_owned(),
        fields.get("seen").to_owned(),
    );
    let (orchestrator, named) = (Arc::clone(&face.frontend.orchestrator), server.clone());
    let accepted = face.page.change(async move {
        let active = orchestrator.find(&named)?;
        let held = orchestrator.held(&active);
        if seen(&held) != shown {
            return Ok(false);
        }
        let accepting = orchestrator.accept(&named, &held, active.record.tools, || {});
        Box::pin(accepting).await?;
        Ok::<_, Error>(true)
    });
    let wrong = match accepted.await {
        Ok(true) => return go(&address("server", &[("name", &server)])),
        Ok(false) => (
            "what is held back is something else by now: look at it again".to_owned(),
            None,
        ),
        Err(error) => told(error),
    };
    Box::pin(shown_with(&face, &visitor, &server, Some(wrong))).await
}

fn state(face: &Face, status: &Status) -> Markup {
    let listed = &status.listed;
    let counted = face.counted(&listed.name);
    let facts = [
        ("State", listed.state.as_str().to_owned()),
        ("Runs", format!("{}, {}", listed.image, listed.digest)),
        ("Network", status.listed.network.clone()),
        ("Limits", status.limits.to_string()),
        (
            "Socket",
            format!(
                "{} ({})",
                listed.socket,
                if status.enabled {
                    "enabled"
                } else {
                    "not enabled: gone after a reboot"
                }
            ),
        ),
        (
            "Connections",
            format!(
                "{} since its socket was started, {} refused",
                status.accepted, status.refused
            ),
        ),
        (
            "Calls",
            format!("{}, {} of them failed", counted.calls, counted.errors),
        ),
        ("Added", format!("{:.0}", listed.added_at)),
    ];
    html! {
        dl.facts {
            dt { "Entry" }
            dd { a href=(address("entry", &[("id", &listed.id)])) { (listed.id) } }
            @for (head, value) in facts { dt { (head) } dd { (shown(&value)) } }
            @if let Some(error) = &status.last_error {
                dt { "Last failure" }
                dd.bad {
                    (shown(&error.result)) @if let Some(at) = error.at { ", " (format!("{at:.0}")) }
                    @if !error.last_words.trim().is_empty() { pre tabindex="0" { (shown(&error.last_words)) } }
                }
            }
        }
        @if !status.missing_controllers.is_empty() {
            p.note { "This host does not count " (status.missing_controllers.join(", ")) " for its users: limits on it do not hold." }
        }
    }
}

fn sessions(status: &Status) -> Markup {
    html! {
        h2 { "Sessions" }
        @if status.running.is_empty() { p { "None: nothing of it runs." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table of sessions" {
                table {
                    thead { tr { @for head in ["Client", "State", "Memory", "CPU", "Tasks", "Since"] { th scope="col" { (head) } } } }
                    tbody {
                        @for session in &status.running {
                            tr {
                                th scope="row" {
                                    @match (session.client, &session.client_name) {
                                        (Some(pid), Some(name)) => { (shown(name)) " (" (pid) ")" }
                                        (Some(pid), None) => { (pid) " (gone)" }
                                        (None, _) => "not visible from here"
                                    }
                                }
                                td { (session.state) }
                                td.number { @if let Some(bytes) = session.memory { (megabytes(bytes)) } @else { "-" } }
                                td.number { @if let Some(cpu) = session.cpu { (format!("{cpu:.2} s")) } @else { "-" } }
                                td.number { @if let Some(tasks) = session.tasks { (tasks) } @else { "-" } }
                                td { @if let Some(since) = session.since { (format!("{since:.0}")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn configuration(visitor: &Visitor, server: &ServerName, inputs: &[Configured]) -> Markup {
    html! {
        form.fill method="post" action="config" {
            (form_key(visitor))
            input type="hidden" name="server" value=(server);
            @for input in inputs { (inputs::Field::configured(input).shown()) }
            p.about { "A change ends its sessions: the next ones begin with the new values." }
            button { "Change" }
        }
    }
}

/// Changes inputs and secrets.
pub(super) async fn configure(
    (State(face), Extension(visitor)): Here,
    request: Request,
) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let server = fields.get("server").to_owned();
    let changing = {
        let (face, server) = (Arc::clone(&face), server.clone());
        async move { Box::pin(changed(&face, &server, &fields)).await }
    };
    match face.page.change(changing).await {
        Ok(()) => go(&address("server", &[("name", &server)])),
        Err(error) => {
            let wrong = told_above_form(error);
            Box::pin(shown_with(&face, &visitor, &server, Some(wrong))).await
        }
    }
}

async fn changed(face: &Face, server: &str, fields: &Fields) -> Result<(), Error> {
    let orchestrator = &face.frontend.orchestrator;
    let mut change = Change::default();
    for input in orchestrator.config(server)? {
        if input.secret {
            if let Some(value) = inputs::secret(fields, &input.name) {
                let name = format!("{server}_{}", input.name);
                orchestrator
                    .set_secret(&name, value, None, || {}, &|| {})
                    .await?;
            }
            continue;
        }
        let Some(values) = inputs::values(fields, &input.name) else {
            continue;
        };
        // A value that has lines is shown as several, and so comes back.
        let now = input.values.iter().flat_map(|value| value.lines());
        if now.eq(values.iter().copied()) {
            continue;
        }
        if values.is_empty() {
            change.unset.push(input.name);
        } else {
            let set = values
                .iter()
                .map(|value| Assignment::new(&input.name, *value));
            change.set.extend(set);
        }
    }
    if change == Change::default() {
        return Ok(());
    }
    orchestrator.configure(server, &change, || {}).await
}

/// Removes it.
pub(super) async fn remove((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let server = fields.get("server").to_owned();
    let extent = Extent {
        volumes: fields.has("volumes"),
        secrets: fields.has("secrets"),
    };
    let removing = {
        let (orchestrator, server) = (Arc::clone(&face.frontend.orchestrator), server.clone());
        async move { Box::pin(orchestrator.remove(&server, false, extent, || {})).await }
    };
    match face.page.change(removing).await {
        Ok(_) => go("servers"),
        Err(error) => Box::pin(shown_with(&face, &visitor, &server, Some(told(error)))).await,
    }
}
