//! What a user can type. One file a command; only `output` prints.

mod accept;
mod add;
mod agents;
mod ask;
mod attach;
mod bridge;
mod call;
mod completions;
mod config;
mod connect;
mod credential;
mod dirs;
mod doctor;
mod egress;
mod export;
mod guard;
mod list;
mod log;
mod login;
mod logs;
mod manual;
mod output;
mod picker;
mod progress;
mod refresh;
mod remove;
mod search;
mod secret;
mod serve;
mod shortcut;
mod show;
mod sources;
mod status;
mod stop;
mod token;
mod tools;
mod tools_of;
mod top;
mod ui;
mod upgrade;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::host::Host;
use crate::orchestrator::Orchestrator;
use output::{Failure, Output};
use picker::Picked;
use shortcut::quick;

/// Find MCP servers, run them in rootless Podman as systemd units, use their tools
#[derive(Debug, Parser)]
#[command(
    name = "mcpod",
    version,
    max_term_width = 100,
    after_help = "Examples:
  mcpod search query a postgres database
  mcpod add time
  mcpod call time get_current_time timezone=UTC
  mcpod doctor

`mcpod help COMMAND` explains a command, with examples."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Search the catalog for servers
    Search(search::Arguments),
    /// Show what a server of the catalog is, needs and would run
    Show(show::Arguments),
    /// Fetch what the sources of the catalog publish
    Refresh(refresh::Arguments),
    /// Show the sources of the catalog
    Sources(sources::Arguments),
    /// Make a server active: pull its image, write its units, try it once
    Add(add::Arguments),
    /// Take an active server away again
    Remove(remove::Arguments),
    /// List the active servers
    List(list::Arguments),
    /// Show how an active server does: its socket, its sessions, its last words
    Status(status::Arguments),
    /// List the tools of an active server
    Tools(tools::Arguments),
    /// Call a tool of an active server
    Call(call::Arguments),
    /// Join standard input and output to a server's socket, for any MCP client
    Attach(attach::Arguments),
    /// Be the MCP server through which an agent finds, adds and uses all others
    Serve(serve::Arguments),
    /// Write mcpod into an agent's own configuration
    Connect(connect::Arguments),
    /// Take mcpod out of an agent's own configuration
    Disconnect(connect::DisconnectArguments),
    /// List the agents that are known, and which of them are connected
    Agents(agents::Arguments),
    /// Write active servers as files for elsewhere: JSON, Quadlet, Kubernetes
    Export(export::Arguments),
    /// Watch the sessions of active servers
    Top(top::Arguments),
    /// Print the token that agents show over HTTP
    Token(token::Arguments),
    /// Print the link that opens the page of mcpod in a browser
    Ui(ui::Arguments),
    /// Show what a server wrote to its standard error
    Logs(logs::Arguments),
    /// Show or change the inputs of an active server
    Config(config::Arguments),
    /// Log in to a remote server (OAuth)
    Login(login::Arguments),
    /// Forget the tokens of a remote server
    Logout(login::LogoutArguments),
    /// Bring active servers to what their registries have now, showing what changes
    Upgrade(upgrade::Arguments),
    /// Go back to what a server was before its last upgrade
    Rollback(upgrade::RollbackArguments),
    /// Take tools of a server that are held back because they changed
    Accept(accept::Arguments),
    /// Store, list and remove the secrets of servers
    Secret(secret::Arguments),
    /// Say what this host lacks for mcpod, what that means, and what mends it
    Doctor(doctor::Arguments),
    /// Print what a shell reads to complete commands of mcpod
    Completions(completions::Arguments),
    /// Write the manual pages (for packages)
    #[command(hide = true)]
    Manual(manual::Arguments),
    /// Keep secrets for Podman (started by Podman)
    #[command(hide = true)]
    Credential(credential::Arguments),
    /// Serve tools that are containers (started by systemd)
    #[command(hide = true)]
    ToolsOf(tools_of::Arguments),
    /// Close the network of a container but for some hosts (started by its OCI runtime)
    #[command(hide = true)]
    Egress(egress::Arguments),
    /// Join standard input and output to a server that speaks HTTP (started by systemd)
    #[command(hide = true)]
    Bridge(bridge::Arguments),
    /// Stop instances whose client is gone (started by systemd)
    #[command(hide = true)]
    Guard(guard::Arguments),
}

/// Reads what was typed, runs it, and says how it ended.
pub fn run() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let cli = match quick(&words).map_or_else(Cli::try_parse, Ok) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    // What we write is for its user alone, as the XDG Base Directory Specification asks for folders.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    // The log of `attach` begins when it has something to say: most of its life it only passes on bytes.
    if !matches!(cli.command, Command::Attach(_)) {
        log::start();
    }
    let output = Output::new(cli.command.wants_json());
    match dispatch(cli.command, &output) {
        Ok(code) => code,
        Err(failure) => output.failure(&failure),
    }
}

fn dispatch(command: Command, output: &Output) -> Result<ExitCode, Failure> {
    let host = Host::of_process();
    match command {
        Command::Search(arguments) if arguments.is_interactive() => {
            arguments.check_sources(&host)?;
            match picker::pick(search::catalog(&host)?, arguments.filters())? {
                Picked::Nothing => Ok(ExitCode::SUCCESS),
                Picked::Show(id) => show::run(&show::Arguments::of(id), &host, output),
                Picked::Add(id) => {
                    let added = Cli::try_parse_from(["mcpod", "add", "--", &id]);
                    match added {
                        Ok(cli) => dispatch(cli.command, output),
                        Err(error) => Ok(output::usage(&error)),
                    }
                }
            }
        }
        Command::Search(arguments) => search::run(&arguments, &host, output),
        Command::Show(arguments) => show::run(&arguments, &host, output),
        Command::Sources(arguments) => sources::run(&arguments, &host, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
        Command::Manual(arguments) => manual::run(&arguments, output),
        Command::Credential(arguments) => credential::run(&arguments),
        Command::Egress(arguments) => egress::run(&arguments, &host),
        Command::Doctor(arguments) => in_runtime(doctor::run(&arguments, host, output)),
        Command::Refresh(arguments) => in_runtime(refresh::run(&arguments, host, output)),
        Command::Token(arguments) => in_runtime(token::run(&arguments, &host, output)),
        Command::Connect(arguments) => in_runtime(connect::run(&arguments, &host, output)),
        Command::Disconnect(arguments) => {
            in_runtime(connect::disconnect(&arguments, &host, output))
        }
        Command::Agents(arguments) => in_runtime(agents::run(&arguments, &host, output)),
        Command::Guard(arguments) => in_runtime(guard::run(&arguments, host)),
        Command::ToolsOf(arguments) => in_runtime(tools_of::run(arguments)),
        Command::Bridge(arguments) => match arguments.container() {
            Some(server) => bridge::enter(server, &host),
            None => in_runtime(bridge::run(arguments, host)),
        },
        Command::Add(arguments) => {
            with(host, async |here| add::run(arguments, &here, output).await)
        }
        Command::Remove(arguments) => with(host, async |here| {
            remove::run(&arguments, &here, output).await
        }),
        Command::List(_) => with(host, async |here| list::run(&here, output).await),
        Command::Status(arguments) => with(host, async |here| {
            status::run(&arguments, &here, output).await
        }),
        Command::Tools(arguments) => with(host, async |here| {
            tools::run(&arguments, &here, output).await
        }),
        Command::Ui(arguments) => with(host, async |here| ui::run(&arguments, &here, output).await),
        Command::Call(arguments) => with(host, async |here| {
            call::run(&arguments, &here, output).await
        }),
        Command::Export(arguments) => with(host, async |here| {
            export::run(&arguments, &here, output).await
        }),
        Command::Top(arguments) => {
            with(host, async |here| top::run(&arguments, &here, output).await)
        }
        Command::Serve(arguments) => with(host, async |here| {
            serve::run(&arguments, here, output).await
        }),
        Command::Logs(arguments) => with(host, async |here| logs::run(&arguments, &here).await),
        Command::Config(arguments) => with(host, async |here| {
            config::run(arguments, &here, output).await
        }),
        Command::Login(arguments) => with(host, async |here| {
            login::run(arguments, &here, output).await
        }),
        Command::Logout(arguments) => with(host, async |here| {
            login::logout(arguments, &here, output).await
        }),
        Command::Upgrade(arguments) => with(host, async |here| {
            Box::pin(upgrade::run(&arguments, &here, output)).await
        }),
        Command::Rollback(arguments) => with(host, async |here| {
            upgrade::rollback(&arguments, &here, output).await
        }),
        Command::Accept(arguments) => with(host, async |here| {
            accept::run(&arguments, &here, output).await
        }),
        Command::Secret(arguments) => with(host, async |here| {
            secret::run(arguments, &here, output).await
        }),
        Command::Attach(arguments) => attach::run(&arguments, host),
    }
}

/// Runs what needs the user's systemd, or the servers.
fn with(
    host: Host,
    work: impl AsyncFnOnce(Orchestrator) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    in_runtime(async { work(Orchestrator::open(host).await?).await })
}

/// Runs what waits for others. One thread: no command needs more.
fn in_runtime<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| anyhow::Error::new(error).context("cannot start"))?;
    let ended = runtime.block_on(Box::pin(work));
    // A read of standard input cannot be cancelled: do not wait for its thread.
    runtime.shutdown_background();
    ended
}

impl Command {
    /// Whether standard output is to be one JSON document, errors included.
    fn wants_json(&self) -> bool {
        match self {
            Self::Search(arguments) => arguments.json,
            Self::Show(arguments) => arguments.json,
            Self::Refresh(arguments) => arguments.json,
            Self::Sources(arguments) => arguments.json,
            Self::Add(arguments) => arguments.json,
            Self::Remove(arguments) => arguments.json,
            Self::List(arguments) => arguments.json,
            Self::Status(arguments) => arguments.json,
            Self::Tools(arguments) => arguments.json,
            Self::Call(arguments) => arguments.json,
            Self::Connect(arguments) => arguments.json,
            Self::Disconnect(arguments) => arguments.json,
            Self::Agents(arguments) => arguments.json,
            Self::Token(arguments) => arguments.json,
            Self::Top(arguments) => arguments.json,
            Self::Ui(arguments) => arguments.json,
            Self::Config(arguments) => arguments.json,
            Self::Upgrade(arguments) => arguments.json,
            Self::Rollback(arguments) => arguments.json,
            Self::Accept(arguments) => arguments.json,
            Self::Secret(arguments) => arguments.json,
            Self::Doctor(arguments) => arguments.json,
            Self::Attach(_)
            | Self::Serve(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::Logs(_)
            | Self::Export(_)
            | Self::Completions(_)
            | Self::Manual(_)
            | Self::Credential(_)
            | Self::ToolsOf(_)
            | Self::Egress(_)
            | Self::Bridge(_)
            | Self::Guard(_) => false,
        }
    }
}
