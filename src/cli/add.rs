//! `mcpod add`: a server is made active.

mod from;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use super::ask;
use super::output::{Failure, Outcome, Output};
use super::progress::Progress;
use crate::activation::choices::{self, Choices, Instances, Network};
use crate::activation::inputs::{InputError, MissingInput, names_localhost};
use crate::activation::invocation::Bind;
use crate::activation::limits::{Cpus, Lifetime, Memory};
use crate::activation::plan::PlanError;
use crate::orchestrator::add::{Added, BUILD_SEES, Consent, Request};
use crate::orchestrator::reference::COMMAND;
use crate::orchestrator::{Error, Orchestrator};
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::secret::Secret;
use crate::text::counted;

/// Make a server active
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod add time
  mcpod add builtin:fetch --name web --network open
  mcpod add builtin:fetch --network 'allow:*.wikipedia.org:443'
  mcpod add docker://docker.io/mcp/time --dry-run
  mcpod add npm:@modelcontextprotocol/server-memory
  mcpod add https://mcp.example.com/mcp --secret X-Api-Key
  mcpod add --from servers.json")]
pub(super) struct Arguments {
    /// A catalog id, a unique name in the catalog, docker://IMAGE, git+URL#REF:FOLDER, mcpb+URL#sha256:HEX, command:PROGRAM of this host, npm:PACKAGE@VERSION, or likewise pypi:, nuget: or cargo:, the newest without a version, or the https:// address of a remote server
    #[arg(value_name = "REF", required_unless_present = "from")]
    reference: Option<String>,
    /// Add the servers that `mcpod export` wrote into this file; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reference", "name", "set", "env", "secret", "launch", "network",
        "memory", "cpus", "tasks", "sessions", "lifetime", "instances", "entry", "scripts", "always_on", "reuse", "dry_run", "mount"])]
    from: Option<PathBuf>,
    /// The name it is to have
    #[arg(long, value_name = "NAME")]
    name: Option<ServerName>,
    /// Give one of its inputs
    #[arg(long, value_name = "KEY=VALUE", value_parser = choices::assignment)]
    set: Vec<Assignment>,
    /// Set an environment variable, or a header of a remote server; never for secrets
    #[arg(long, visible_alias = "header", value_name = "K=V", value_parser = choices::assignment)]
    env: Vec<Assignment>,
    /// Give one of its secrets, or put one into a variable or a header: NAME asks, NAME=@FILE and NAME=- read it
    #[arg(long, value_name = "NAME[=@FILE|=-]")]
    secret: Vec<String>,
    /// Let it see a file or folder of yours at the same place: PATH to read it, PATH:rw to change it
    #[arg(long, value_name = "PATH[:rw]")]
    mount: Vec<Bind>,
    /// Take its N-th launch option, as `mcpod show` numbers them
    #[arg(long, value_name = "N")]
    launch: Option<usize>,
    /// The network it sees: none, open, or `allow:HOST[:PORT],...` with names, *.NAME, addresses or *
    #[arg(long, value_name = "NETWORK")]
    network: Option<Network>,
    /// Memory of one session, such as 512M
    #[arg(long, value_name = "M")]
    memory: Option<Memory>,
    /// Processors of one session, such as 0.5
    #[arg(long, value_name = "N")]
    cpus: Option<Cpus>,
    /// Threads and processes of one session
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tasks: Option<u32>,
    /// Sessions at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sessions: Option<u32>,
    /// How long one session may last, such as 8h
    #[arg(long, value_name = "TIME")]
    lifetime: Option<Lifetime>,
    /// Whether sessions get instances of their own, or one at a time: private or single. Servers with a volume are single by
    /// themselves, since two instances would write over each other
    #[arg(long, value_name = "WHICH")]
    instances: Option<Instances>,
    /// Start this command of a package that has several
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// Let a package of npm run what it wants to when it is installed
    #[arg(long)]
    scripts: bool,
    /// Keep a server that listens in its container running without clients too
    #[arg(long)]
    always_on: bool,
    /// Build from a repository, or run a command of this host, without asking
    #[arg(long)]
    yes: bool,
    /// Let it have the secrets and volumes that are kept under its name for another entry
    #[arg(long)]
    reuse: bool,
    /// Do not try the server once
    #[arg(long)]
    no_probe: bool,
    /// Print every file that would be written, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the added server as JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        reference,
        from,
        name,
        set,
        env,
        secret,
        mount,
        launch,
        network,
        memory,
        cpus,
        tasks,
        sessions,
        lifetime,
        instances,
        entry,
        scripts,
        always_on,
        yes,
        reuse,
        no_probe,
        dry_run,
        json: _,
    } = arguments;
    let consent = if yes {
        Consent::Anything
    } else {
        Consent::Nothing
    };
    if let Some(file) = from {
        return from::run(&file, &consent, !no_probe, orchestrator, output).await;
    }
    let request = Request {
        // The parser sees to it that there is one.
        reference: reference.unwrap_or_default(),
        name,
        choices: Choices {
            launch,
            inputs: set,
            environment: env,
            mounts: mount,
            secrets: read_secrets(&secret)?,
            instances,
            network,
            memory,
            cpus,
            tasks,
            sessions,
            lifetime,
            entry,
            scripts,
            always_on,
            reuse,
        },
        probe: !no_probe,
        consent,
        agreed: None,
    };
    // Without a container it means what it says.
    if !request.reference.starts_with(COMMAND) {
        let values = request.choices.inputs.iter();
        note_localhost(values.chain(&request.choices.environment), output);
    }
    if dry_run {
        return preview(&request, orchestrator, output).await;
    }
    let added = add_asking(request, orchestrator, output).await?;
    if output.is_json() {
        output.json(&orchestrator.listed_one(&added.active).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = &added.active.name;
    let offers = match &added.lists {
        Some(lists) => [
            counted(lists.tools.len(), "tool"),
            counted(lists.prompts.len(), "prompt"),
            counted(lists.resources.len(), "resource"),
        ]
        .join(", "),
        None => "not tried yet".to_owned(),
    };
    output.text(&format!("{name} is active: {offers}"));
    output.note(&format!(
        "next: mcpod tools {name}; for an agent's configuration: mcpod attach {name}"
    ));
    Ok(ExitCode::SUCCESS)
}

/// Tells of values that name this host in a way that means the container where they are used.
pub(super) fn note_localhost<'a>(given: impl Iterator<Item = &'a Assignment>, output: &Output) {
    for given in given.filter(|given| names_localhost(&given.value)) {
        output.note(&format!(
            "note: {} names this host, but inside a container that is the container; this host is host.containers.internal there",
            given.name
        ));
    }
}

/// Adds a server, and asks for what is missing or wants an answer, where there is somebody to be asked.
async fn add_asking(
    mut request: Request,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<Added, Failure> {
    loop {
        let progress = Progress::new();
        let added = orchestrator
            .add(&request, &|step| progress.show(&step, output))
            .await;
        drop(progress);
        match added {
            Ok(added) => return Ok(added),
            Err(Error::Plan(PlanError::Input(InputError::Missing { inputs, .. })))
                if ask::can_ask() =>
            {
                ask_for(&inputs, &mut request.choices)?;
            }
            Err(Error::NeedsConsent { what, how }) if ask::can_ask() => {
                if !ask::yes(&format!("{how}?"))? {
                    return Err(Error::NeedsConsent { what, how }.into());
                }
                request.consent = Consent::Seen(what);
            }
            Err(error @ Error::KeptForAnother { .. }) if ask::can_ask() => {
                if !ask::yes(&format!("{error}; let the new one have them?"))? {
                    return Err(error.into());
                }
                request.choices.reuse = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads the secrets that were named.
fn read_secrets(words: &[String]) -> Result<BTreeMap<String, Option<Secret>>, Failure> {
    let mut secrets = BTreeMap::new();
    for word in words {
        let (name, source) = match word.split_once('=') {
            Some((name, source)) => (name, Some(source)),
            None => (word.as_str(), None),
        };
        let value = match source {
            Some("-") => Some(ask::secret_from_input()?),
            Some(source) => {
                let file = source.strip_prefix('@').ok_or_else(|| {
                    Failure::from(Error::Plan(PlanError::Input(InputError::SecretInClear {
                        name: name.to_owned(),
                    })))
                })?;
                Some(ask::secret_from_file(file.as_ref())?)
            }
            None if ask::can_ask() => Some(ask::secret(name)?),
            // The one that is stored.
            None => None,
        };
        secrets.insert(name.to_owned(), value);
    }
    Ok(secrets)
}

/// Asks for inputs that are missing.
fn ask_for(inputs: &[MissingInput], choices: &mut Choices) -> Result<(), Failure> {
    for input in inputs {
        let about = input.description.as_deref().unwrap_or_default();
        let mut question = format!("{input}: {about}");
        if !input.choices.is_empty() {
            question = format!("{question} One of {}.", input.choices.join(", "));
        } else if let Some(example) = input.example.as_ref().filter(|_| !input.secret) {
            question = format!("{question} For example {example}");
        }
        if let Some(pattern) = &input.pattern {
            question = format!("{question} It matches {pattern}.");
        }
        let path = &input.path;
        if input.secret {
            let value = ask::secret(&question)?;
            choices.secrets.insert(path.clone(), Some(value));
            continue;
        }
        choices.inputs.retain(|given| given.name != *path);
        let mut value = ask::line(&question)?;
        while !value.is_empty() {
            choices.inputs.push(Assignment::new(path, value));
            value = if input.many {
                ask::line("another, or nothing")?
            } else {
                String::new()
            };
        }
        if choices.inputs.iter().all(|given| given.name != *path) {
            return Err(Failure {
                outcome: Outcome::InputsMissing,
                code: "inputs_missing",
                message: format!("it cannot run without {path}"),
                hint: None,
            });
        }
    }
    Ok(())
}

async fn preview(
    request: &Request,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let busy = output.busy("looking");
    let files = orchestrator.preview(request).await?;
    drop(busy);
    let is_build = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "build");
    if files.iter().any(|(path, _)| is_build(path)) {
        output.note(&format!("note: {BUILD_SEES}"));
    }
    if output.is_json() {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| serde_json::json!({"path": path, "text": text}))
            .collect();
        output.json(&files)?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Vec<String> = files
        .iter()
        .map(|(path, text)| format!("# {}\n{text}", path.display()))
        .collect();
    output.text(&shown.join("\n"));
    Ok(ExitCode::SUCCESS)
}
