//! `mcpod serve`: what an agent's configuration starts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::output::{Failure, Output};
use crate::frontend::http::token::TokenFile;
use crate::frontend::http::{
    Address, BadAddress, Face, Limits, ListenError, Listener, Protection, Stay,
};
use crate::frontend::{Frontend, Shape, http, stdio};
use crate::orchestrator::Orchestrator;

/// Be the MCP server through which an agent finds, adds and uses all others
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  mcpod serve
  mcpod serve --server time
  mcpod serve --http
  mcpod serve --http --enable-socket

In an agent's configuration:
  {\"mcpServers\": {\"mcpod\": {\"command\": \"mcpod\", \"args\": [\"serve\"]}}}
or, with `mcpod serve --http` or its socket running and TOKEN from `mcpod token`:
  {\"mcpServers\": {\"mcpod\": {\"type\": \"http\", \"url\": \"http://127.0.0.1:8931/mcp\",
                            \"headers\": {\"Authorization\": \"Bearer TOKEN\"}}}}")]
pub(super) struct Arguments {
    /// Show one active server alone, under its own names
    #[arg(long, value_name = "NAME", conflicts_with = "lazy")]
    server: Option<String>,
    /// Show the registry tools alone, for agents that take few tools
    #[arg(long)]
    lazy: bool,
    /// Serve over HTTP, at /mcp and at /mcp/NAME for one server, on ADDRESS (127.0.0.1:8931) or unix:PATH
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "")]
    http: Option<Where>,
    /// Speak TLS with the certificate in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "http")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve other hosts without TLS: they can read along
    #[arg(long, requires = "http", conflicts_with = "tls_cert")]
    insecure: bool,
    /// Have systemd listen on the address from now on, and start this when somebody comes
    #[arg(long, requires = "http", conflicts_with_all = ["server", "lazy", "tls_cert", "insecure", "disable_socket"])]
    enable_socket: bool,
    /// Have systemd listen no more
    #[arg(long, requires = "http", conflicts_with_all = ["server", "lazy", "tls_cert", "insecure"])]
    disable_socket: bool,
}

impl Arguments {
    /// What `--http` with this address means, if it is one; the empty one is where the settings say.
    pub(super) fn over_http(address: &str) -> Option<Self> {
        Some(Self {
            http: Some(address.parse().ok()?),
            ..Self::default()
        })
    }
}

/// Where to serve over HTTP.
#[derive(Debug, Clone)]
enum Where {
    /// Where the settings say.
    AsSet,
    /// Here.
    At(Address),
}

impl FromStr for Where {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        match text {
            "" => Ok(Self::AsSet),
            address => address.parse().map(Self::At),
        }
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    orchestrator: Orchestrator,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let shape = match &arguments.server {
        Some(name) => Shape::Server(orchestrator.find(name)?.name),
        None if arguments.lazy => Shape::Lazy,
        None => Shape::All,
    };
    let Some(wanted) = &arguments.http else {
        let orchestrator = Arc::new(orchestrator);
        let stop = stop().map_err(failed)?;
        let (input, output) = stdio::standard::streams();
        let starting = Frontend::start(Arc::clone(&orchestrator), shape.clone());
        let served =
            stdio::serve_at_once(&orchestrator, &shape, starting, input, output, stop).await?;
        served.map_err(failed)?;
        return Ok(ExitCode::SUCCESS);
    };
    let address = match wanted {
        Where::At(address) => address.clone(),
        Where::AsSet => orchestrator.settings().http.address.clone(),
    };
    if arguments.enable_socket {
        if let Address::Tcp(tcp) = &address
            && !tcp.ip().to_canonical().is_loopback()
        {
            let failure = Failure::usage("the socket serves this host alone");
            return Err(failure.with_hint(
                "to serve others, listen here and give --tls-cert and --tls-key in drop-ins of mcpod.socket and \
                 mcpod.service",
            ));
        }
        let busy = output.busy("having systemd listen");
        orchestrator.enable_http(&address).await?;
        drop(busy);
        output.note(&format!("systemd listens on {address}"));
    } else if arguments.disable_socket {
        let _busy = output.busy("having systemd listen no more");
        orchestrator.disable_http().await?;
    } else {
        over_http(arguments, &address, orchestrator, shape, output).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves over HTTP, on the socket that systemd passed on if it did.
async fn over_http(
    arguments: &Arguments,
    address: &Address,
    orchestrator: Orchestrator,
    shape: Shape,
    output: &Output,
) -> Result<(), Failure> {
    let protection = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => Protection::Tls {
            certificate: certificate.clone(),
            key: key.clone(),
        },
        _ if arguments.insecure => Protection::Insecure,
        _ => Protection::Loopback,
    };
    let (listener, stay) = match Listener::inherited(&protection)? {
        Some(listener) => (listener, Stay::WhileNeeded),
        None => (Listener::bind(address, &protection).await?, Stay::Always),
    };
    let settings = orchestrator.settings().http.clone();
    let token = TokenFile::below(orchestrator.data());
    if stay == Stay::Always && listener.tcp().is_some() {
        // Who started this is there to mend it. What systemd started goes on without, and lets nobody in.
        token.read_or_make()?;
    }
    let limits = Limits {
        idle: settings.idle,
        ..Limits::default()
    };
    let frontend = Frontend::start(Arc::new(orchestrator), shape).await?;
    let face = Face::new(frontend, &listener, token, settings.hosts, limits)?;
    let stop = stop().map_err(failed)?;
    output.note(&format!("serving at {}", place(&listener, address)));
    let served = http::serve(&face, listener, stay, stop).await;
    served.map_err(failed)
}

/// Where agents find what is served.
fn place(listener: &Listener, address: &Address) -> String {
    match listener.tcp() {
        Some(tcp) if listener.has_tls() => format!("https://{tcp}/mcp"),
        Some(tcp) => format!("http://{tcp}/mcp"),
        None => format!("/mcp on {address}"),
    }
}

/// Resolves when the process is told to end.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        let hint = error.hint();
        let failure = Self::from(anyhow::Error::new(error));
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

fn failed(error: std::io::Error) -> Failure {
    anyhow::Error::new(error)
        .context("the agent cannot be served")
        .into()
}
