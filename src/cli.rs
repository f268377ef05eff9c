//! What a user can type. One file a command; only `output` prints.

mod add;
mod arguments;
mod ask;
mod attach;
mod call;
mod config;
mod credential;
mod guard;
mod list;
mod log;
mod logs;
mod markdown;
mod output;
mod picker;
mod refresh;
mod remove;
mod search;
mod secret;
mod serve;
mod show;
mod sources;
mod status;
mod stop;
mod token;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::host::Host;
use crate::orchestrator::Orchestrator;
use output::{Failure, Output};
use picker::Picked;

/// Find MCP servers, run them in rootless Podman as systemd units, use their tools
#[derive(Debug, Parser)]
#[command(name = "mcpod", version, max_term_width = 100)]
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
    /// Print the token that agents show over HTTP
    Token(token::Arguments),
    /// Show what a server wrote to its standard error
    Logs(logs::Arguments),
    /// Show or change the inputs of an active server
    Config(config::Arguments),
    /// Store, list and remove the secrets of servers
    Secret(secret::Arguments),
    /// Keep secrets for Podman (started by Podman)
    #[command(hide = true)]
    Credential(credential::Arguments),
    /// Stop instances whose client is gone (started by systemd)
    #[command(hide = true)]
    Guard,
}

/// Reads what was typed, runs it, and says how it ended.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    // What we write is for its user alone, as the XDG Base Directory Specification asks for folders.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    log::start();
    let output = Output::new(cli.command.wants_json());
    // One thread: no command needs more, and `attach` and `guard` stay small.
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return output.failure(&Failure::from(
                anyhow::Error::new(error).context("cannot start"),
            ));
        }
    };
    let ended = runtime.block_on(dispatch(cli.command, &output));
    // A read of standard input cannot be cancelled: do not wait for its thread.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(failure) => output.failure(&failure),
    }
}

async fn dispatch(command: Command, output: &Output) -> Result<ExitCode, Failure> {
    let host = Host::of_process();
    match command {
        Command::Search(arguments) if arguments.is_interactive() => {
            match picker::pick(search::catalog(&host)?, arguments.filters())? {
                Picked::Nothing => Ok(ExitCode::SUCCESS),
                Picked::Show(id) => show::run(&show::Arguments::of(id), &host, output),
                Picked::Add(id) => {
                    let added = Cli::try_parse_from(["mcpod", "add", "--", &id]);
                    match added {
                        Ok(cli) => Box::pin(dispatch(cli.command, output)).await,
                        Err(error) => Ok(output::usage(&error)),
                    }
                }
            }
        }
        Command::Search(arguments) => search::run(&arguments, &host, output),
        Command::Show(arguments) => show::run(&arguments, &host, output),
        Command::Refresh(arguments) => refresh::run(&arguments, host, output).await,
        Command::Sources(arguments) => sources::run(&arguments, &host, output),
        Command::Add(arguments) => {
            add::run(arguments, &Orchestrator::open(host).await?, output).await
        }
        Command::Remove(arguments) => {
            remove::run(&arguments, &Orchestrator::open(host).await?, output).await
        }
        Command::List(_) => list::run(&Orchestrator::open(host).await?, output).await,
        Command::Status(arguments) => {
            status::run(&arguments, &Orchestrator::open(host).await?, output).await
        }
        Command::Tools(arguments) => {
            tools::run(&arguments, &Orchestrator::open(host).await?, output).await
        }
        Command::Call(arguments) => {
            call::run(&arguments, &Orchestrator::open(host).await?, output).await
        }
        Command::Attach(arguments) => attach::run(&arguments, host).await,
        Command::Serve(arguments) => {
            Box::pin(serve::run(
                &arguments,
                Orchestrator::open(host).await?,
                output,
            ))
            .await
        }
        Command::Token(arguments) => token::run(&arguments, &host, output).await,
        Command::Logs(arguments) => logs::run(&arguments, &Orchestrator::open(host).await?).await,
        Command::Config(arguments) => {
            config::run(arguments, &Orchestrator::open(host).await?, output).await
        }
        Command::Secret(arguments) => {
            secret::run(arguments, &Orchestrator::open(host).await?, output).await
        }
        Command::Credential(arguments) => credential::run(&arguments),
        Command::Guard => guard::run(host).await,
    }
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
            Self::Token(arguments) => arguments.json,
            Self::Config(arguments) => arguments.json,
            Self::Secret(arguments) => arguments.json,
            Self::Attach(_)
            | Self::Serve(_)
            | Self::Logs(_)
            | Self::Credential(_)
            | Self::Guard => false,
        }
    }
}
