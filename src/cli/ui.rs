//! `mcpod ui`: the link that opens the page.

use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::frontend::http::token::TokenFile;
use crate::frontend::http::{Address, page_at, page_link};
use crate::orchestrator::Orchestrator;

/// Print the link that opens the page of mcpod in a browser
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mcpod ui
  mcpod serve --http --enable-socket
  ssh -L 8931:127.0.0.1:8931 HOST mcpod ui
The page is served by `mcpod serve --http`; with --enable-socket systemd serves it whenever it is opened. The last line shows it on
another machine.")]
pub(super) struct Arguments {
    /// Where it is served, if not where the socket or the settings say
    #[arg(long, value_name = "ADDRESS")]
    http: Option<Address>,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: &Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let token = TokenFile::below(orchestrator.data()).read_or_make()?;
    let address = match &arguments.http {
        Some(address) => address.clone(),
        None => orchestrator.http_address()?,
    };
    let url = &orchestrator.settings().http.url;
    let base = match (url, &address) {
        (Some(url), _) => url.clone(),
        (None, Address::Tcp(tcp)) => page_at("http", *tcp, &token),
        (None, Address::Unix(path)) => {
            let message = format!(
                "the page is on the socket {}, which no browser opens",
                path.display()
            );
            let failure = Failure::from(anyhow::anyhow!(message));
            return Err(failure.with_hint(
                "show it through a reverse proxy, and say in config.toml where: [http] url = \"https://…/\"",
            ));
        }
    };
    if let Address::Tcp(tcp) = &address
        && tokio::net::TcpStream::connect(tcp).await.is_err()
    {
        let failure = Failure::from(anyhow::anyhow!("nobody serves the page at {tcp}"));
        return Err(failure.with_hint("mcpod serve --http --enable-socket has systemd serve it"));
    }
    let link = page_link(&token, &base)
        .ok_or_else(|| anyhow::anyhow!("no link can be made: this host has no random numbers"))?;
    if output.is_json() {
        output.json(&serde_json::json!({ "url": link }))?;
    } else {
        output.text(&link);
        output.note("it counts once, and for 5 minutes; the browser stays signed in");
    }
    Ok(ExitCode::SUCCESS)
}
