//! `mcpod login` and `mcpod logout`: tokens for a remote server.

use std::cell::RefCell;
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use tokio::sync::mpsc;

use super::output::{Failure, Output};
use crate::login::Wanted;
use crate::orchestrator::Orchestrator;
use crate::orchestrator::login::Invitation;

/// Log in to a remote server (OAuth)
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The address to visit is printed. Where the browser runs on another machine, it ends at an address that
it cannot open: paste that address here, or let the port through, as with ssh -L PORT:127.0.0.1:PORT.

Examples:
  mcpod add https://mcp.example.com/mcp --no-probe
  mcpod login example"
)]
pub(super) struct Arguments {
    /// The server's name
    name: String,
    /// Ask for this; what the server names, if nothing is given
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Be this client: one that was registered there, or the https:// address of a metadata document
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// The port of this host's loopback that the browser is sent to; any that is free, if none is given
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

/// Forget the tokens of a remote server
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod logout example")]
pub(super) struct LogoutArguments {
    /// The server's name
    name: String,
}

pub(super) async fn run(
    arguments: Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let Arguments {
        name,
        scopes,
        client,
        port,
    } = arguments;
    let wanted = Wanted { scopes, client };
    let (say, pasted) = mpsc::channel(1);
    // A read of standard input cannot be cancelled; nobody waits for its thread.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if say.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let paste = if std::io::stdin().is_terminal() {
        ", or paste here the address that it ends at"
    } else {
        ""
    };
    let busy = RefCell::new(Some(output.busy(format!("asking {name} how to log in"))));
    let invite = |Invitation { address, port }| {
        drop(busy.take());
        output.note(&format!(
            "visit this address to log in; it ends at port {port} of this host{paste}:"
        ));
        output.note(&address);
    };
    let exchanging = || output.busy(format!("waiting for the tokens of {name}"));
    let active = orchestrator
        .login(&name, &wanted, port, invite, exchanging, pasted)
        .await?;
    output.note(&format!("logged in to {}", active.name));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn logout(
    arguments: LogoutArguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let LogoutArguments { name } = arguments;
    let busy = output.busy(format!("logging out of {name}"));
    let was_logged_in = orchestrator.logout(&name).await?;
    drop(busy);
    if was_logged_in {
        output.note(&format!("logged out of {name}"));
    } else {
        output.note(&format!("nobody was logged in to {name}"));
    }
    Ok(ExitCode::SUCCESS)
}
