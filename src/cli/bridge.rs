//! `mcpod bridge`: started by systemd for each connection to a server that is spoken to over HTTP.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::ExitCode;

use anyhow::Context as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustix::fs::{FileType, fstat};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use super::output::Failure;
use crate::activation::choices::assignment;
use crate::activation::endpoint;
use crate::bridge::{self, Target};
use crate::catalog::HttpProtocol;
use crate::host::Host;
use crate::orchestrator::Orchestrator;
use crate::quadlet::value::Assignment;
use crate::secret::Secret;

/// Join standard input and output to a server that speaks HTTP
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The server's address
    #[arg(long)]
    url: Option<String>,
    /// The secret, as Podman calls it, that the server's address is
    #[arg(
        long,
        value_name = "SECRET",
        conflicts_with = "url",
        required_unless_present = "url"
    )]
    secret_url: Option<String>,
    /// The server speaks as in 2024-11-05, with a stream of its own
    #[arg(long)]
    sse: bool,
    /// A header of each request
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = assignment)]
    headers: Vec<Assignment>,
    /// A header of each request whose value is a secret, as Podman calls it
    #[arg(long = "secret-header", value_name = "NAME=SECRET", value_parser = assignment)]
    secret_headers: Vec<Assignment>,
}

pub(super) async fn run(arguments: Arguments, host: Host) -> Result<ExitCode, Failure> {
    let target = target(arguments, host).await?;
    let mut terminate =
        signal(SignalKind::terminate()).context("cannot wait for the end of the session")?;
    let stop = async move {
        terminate.recv().await;
    };
    let input = io::stdin();
    let is_socket =
        fstat(&input).is_ok_and(|file| FileType::from_raw_mode(file.st_mode) == FileType::Socket);
    let served = if is_socket {
        // The connection is both.
        let stream = input
            .as_fd()
            .try_clone_to_owned()
            .map(StdUnixStream::from)
            .and_then(|stream| {
                stream.set_nonblocking(true)?;
                UnixStream::from_std(stream)
            })
            .context("cannot take over the connection")?;
        let (read, write) = stream.into_split();
        bridge::run(target, read, write, stop).await
    } else {
        bridge::run(target, tokio::io::stdin(), tokio::io::stdout(), stop).await
    };
    served.map_err(anyhow::Error::new)?;
    Ok(ExitCode::SUCCESS)
}

/// What is asked, with secrets as they are now.
async fn target(arguments: Arguments, host: Host) -> Result<Target, Failure> {
    let Arguments {
        url,
        secret_url,
        sse,
        headers,
        secret_headers,
    } = arguments;
    let mut all = HeaderMap::new();
    for Assignment { name, value } in &headers {
        let value = HeaderValue::from_str(value).context("a header has no legal value")?;
        all.insert(header(name)?, value);
    }
    let mut url = url.map(|url| Secret::from(url.as_str()));
    if secret_url.is_some() || !secret_headers.is_empty() {
        let orchestrator = Orchestrator::open(host).await?;
        if let Some(name) = secret_url {
            url = Some(orchestrator.kept_secret(&name).await?);
        }
        for Assignment { name, value } in &secret_headers {
            let secret = orchestrator.kept_secret(value).await?;
            let mut value = HeaderValue::from_str(secret.expose())
                .map_err(|_| anyhow::anyhow!("the secret {value} cannot stand in a header"))?;
            value.set_sensitive(true);
            all.insert(header(name)?, value);
        }
    }
    let url = url.unwrap_or_default();
    Ok(Target {
        url: endpoint::address(url.expose()).map_err(anyhow::Error::new)?,
        protocol: if sse {
            HttpProtocol::Sse
        } else {
            HttpProtocol::StreamableHttp
        },
        headers: all,
    })
}

fn header(name: &str) -> Result<HeaderName, Failure> {
    Ok(HeaderName::from_bytes(name.as_bytes()).context("a header has no legal name")?)
}
