//! Adding a server: what `mcpod add` does, with a form.

use std::sync::{Arc, Mutex};

use axum::extract::{Extension, Request, State};
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};

use super::document::{Document, Place, failure, go};
use super::fields::{Fields, address};
use super::job::{self, Job, Outcome};
use super::{Here, Visitor, failed, form, form_key, inputs, told, told_above_form};
use crate::activation::choices::Choices;
use crate::frontend::http::Face;
use crate::frontend::registry::progress;
use crate::orchestrator::Error;
use crate::orchestrator::add::{Agreed, Consent, Request as AddRequest, Step};
use crate::orchestrator::outline::Outline;
use crate::text::{counted, one_line, shortened};

/// How much of a line of a build's output is shown, in characters.
const OUTPUT: usize = 200;

/// Shows the form.
pub(super) async fn show((State(face), Extension(visitor)): Here, uri: Uri) -> Response {
    let fields = Fields::of(&uri);
    shown(&face, &visitor, &fields, None)
}

/// Begins to add, or shows the form again with what is wrong.
pub(super) async fn add((State(face), Extension(visitor)): Here, request: Request) -> Response {
    let fields = match form(&face, &visitor, request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let orchestrator = &face.frontend.orchestrator;
    let wanted = match wanted(&fields) {
        Ok(wanted) => wanted,
        Err(wrong) => return shown(&face, &visitor, &fields, Some(&(wrong, None))),
    };
    if let Err(error) = Box::pin(orchestrator.plan(&wanted)).await
        && !matches!(error, Error::KeptForAnother { .. })
    {
        return shown(&face, &visitor, &fields, Some(&told_above_form(error)));
    }
    let id = wanted.reference.clone();
    let back = (address("entry", &[("id", &id)]), format!("Back to {id}"));
    match start(&face, wanted, back) {
        Some(job) => go(&job.address()),
        None => job::busy(),
    }
}

/// Begins to add a server; nothing where too much is going on.
pub(super) fn start(
    face: &Arc<Face>,
    request: AddRequest,
    back: (String, String),
) -> Option<Arc<Job>> {
    let title = format!("Adding {}", one_line(&request.reference));
    let job = face.page.jobs.begin(&title, Place::Servers, back)?;
    let (face, running) = (Arc::clone(face), Arc::clone(&job));
    tokio::spawn(async move {
        let outcome = run(&face, request, &running).await;
        running.end(outcome);
    });
    Some(job)
}

async fn run(face: &Face, request: AddRequest, job: &Job) -> Outcome {
    let tell = |step: Step| match &step {
        Step::Output(line) => job.say(shortened(&one_line(line), OUTPUT)),
        step => {
            if let Some(words) = progress::words(step) {
                job.say(words);
            }
        }
    };
    let orchestrator = &face.frontend.orchestrator;
    let added = Box::pin(orchestrator.add_until(&request, &tell, job.stopped())).await;
    let asks = |question: String, request: AddRequest| Outcome::Asks {
        question,
        request: Box::new(Mutex::new(Some(request))),
    };
    match added {
        Ok(added) => {
            let name = added.active.name.to_string();
            let tools = added.lists.map_or(0, |lists| lists.tools.len());
            Outcome::Done {
                text: format!("{name} is active, with {}.", counted(tools, "tool")),
                result: None,
                links: vec![(
                    address("server", &[("name", &name)]),
                    format!("Go to {name}"),
                )],
            }
        }
        Err(Error::NeedsConsent { what, how }) => asks(
            format!("This would {how}. Go on?"),
            AddRequest {
                consent: Consent::Seen(what),
                ..request
            },
        ),
        Err(error @ Error::KeptForAnother { .. }) => {
            let mut request = request;
            request.choices.reuse = true;
            asks(format!("{error}. Let the new one have them?"), request)
        }
        Err(error) => {
            let (message, hint) = told(error);
            Outcome::Failed { message, hint }
        }
    }
}

/// What a form asks for.
fn wanted(fields: &Fields) -> Result<AddRequest, String> {
    fn read<T: std::str::FromStr<Err: std::fmt::Display>>(
        fields: &Fields,
        name: &str,
    ) -> Result<Option<T>, String> {
        let value = fields.given(name).map(str::parse).transpose();
        value.map_err(|error| format!("{name}: {error}"))
    }
    let agreed = fields.given("launch_hash").map(|hash| Agreed {
        id: fields.get("agreed_id").to_owned(),
        launch_hash: hash.to_owned(),
    });
    Ok(AddRequest {
        reference: fields.get("id").to_owned(),
        name: read(fields, "name")?,
        choices: Choices {
            launch: read(fields, "launch")?,
            inputs: inputs::given(fields),
            secrets: inputs::secrets(fields),
            network: read(fields, "network")?,
            memory: read(fields, "memory")?,
            cpus: read(fields, "cpus")?,
            tasks: read(fields, "tasks")?,
            sessions: read(fields, "sessions")?,
            scripts: fields.has("scripts"),
            ..Choices::default()
        },
        probe: !fields.has("no_probe"),
        consent: Consent::Nothing,
        agreed,
    })
}

/// The form, with what was filled in and what is wrong with it; never with a secret.
fn shown(
    face: &Face,
    visitor: &Visitor,
    fields: &Fields,
    wrong: Option<&(String, Option<String>)>,
) -> Response {
    let request = match wanted(fields) {
        Ok(request) => request,
        Err(_) => AddRequest {
            reference: fields.get("id").to_owned(),
            name: None,
            choices: Choices {
                launch: fields.get("launch").parse().ok(),
                ..Choices::default()
            },
            probe: true,
            consent: Consent::Nothing,
            agreed: None,
        },
    };
    let outline = match face.frontend.orchestrator.outline(&request) {
        Ok(outline) => outline,
        Err(error) => return failed(error, "This cannot be added", Place::Search),
    };
    let agreed = outline.agreed();
    Document::new(&format!("Add {}", outline.id), Place::Search).with(&html! {
        @if let Some((message, hint)) = wrong { (failure(message, hint.as_deref())) }
        p {
            @if matches!(outline.launch.run, crate::catalog::Run::Remote(_)) {
                "It runs elsewhere, at " (outline.what) ": whatever agents send it leaves this host."
            } @else if outline.is_command() {
                "It runs " (outline.what) " on this host, in a sandbox but in no container."
            } @else {
                "It runs " (outline.what) " in a sandbox: with a read-only root, without capabilities, and with the network that is chosen below."
            }
        }
        form.fill method="post" action="add" {
            (form_key(visitor))
            input type="hidden" name="id" value=(request.reference);
            input type="hidden" name="agreed_id" value=(agreed.id);
            input type="hidden" name="launch_hash" value=(agreed.launch_hash);
            @if let Some(launch) = request.choices.launch { input type="hidden" name="launch" value=(launch); }
            (text_field("name", "Name", fields.get("name"), outline.own_name.as_str(), "Under which its tools appear: letters, digits and -."))
            @for input in &outline.launch.inputs { (inputs::Field::of(input, fields).shown()) }
            (network(&outline, fields))
            details {
                summary { "Limits of a session" }
                (text_field("memory", "Memory", fields.get("memory"), "1G", "Such as 512M."))
                (text_field("cpus", "Processors", fields.get("cpus"), "all", "Such as 0.5."))
                (text_field("tasks", "Threads and processes", fields.get("tasks"), "512", ""))
                (text_field("sessions", "Sessions at once", fields.get("sessions"), "16", ""))
                label.box {
                    input type="checkbox" name="no_probe" checked[fields.has("no_probe")];
                    " Do not try the server once"
                }
            }
            button { "Add" }
        }
    })
}

fn network(outline: &Outline, fields: &Fields) -> Markup {
    let chosen = fields.get("network");
    html! {
        div.field {
            label for="network" { "Network" }
            input #network name="network" value=(chosen) list="networks" placeholder="as declared" aria-describedby="network-about" autocomplete="off";
            datalist #networks { option value="none" {} option value="open" {} }
            p.about #network-about {
                "As declared: " (crate::catalog::words::launch(&outline.launch)) ". Or none, open, or what mcpod add --network takes."
            }
        }
    }
}

fn text_field(name: &str, label: &str, value: &str, placeholder: &str, about: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) placeholder=(placeholder) autocomplete="off" spellcheck="false"
                aria-describedby=[(!about.is_empty()).then(|| format!("{name}-about"))];
            @if !about.is_empty() { p.about id=(format!("{name}-about")) { (about) } }
        }
    }
}
