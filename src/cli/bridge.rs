//! `mcpod bridge`: started by systemd for each connection to a server that is spoken to over HTTP.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use super::output::Failure;
use crate::activation::choices::assignment;
use crate::activation::endpoint;
use crate::activation::units::INSIDE;
use crate::bridge::{self, Target};
use crate::catalog::HttpProtocol;
use crate::host::{self, Host};
use crate::login::Tokens;
use crate::orchestrator::Orchestrator;
use crate::orchestrator::login::Keeper;
use crate::quadlet::name::ServerName;
use crate::quadlet::value::Assignment;
use crate::secret::Secret;

/// Join standard input and output to a server that speaks HTTP
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The server's address
    #[arg(long)]
    url: Option<String>,
    /// The active server whose tokens are sent, where some are wanted
    #[arg(long, value_name = "NAME")]
    login: Option<ServerName>,
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
    /// It runs in the container of this active server, and is spoken to there
    #[arg(long, value_name = "NAME")]
    container: Option<ServerName>,
    /// Return when it answers; fail when it does not within so many seconds
    #[arg(long = "await", value_name = "SECONDS")]
    wait: Option<u64>,
    /// End when this process ends
    #[arg(long, value_name = "PID")]
    process: Option<i32>,
    /// A header of each request
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = assignment)]
    headers: Vec<Assignment>,
    /// A header of each request whose value is a secret, as Podman calls it
    #[arg(long = "secret-header", value_name = "NAME=SECRET", value_parser = assignment)]
    secret_headers: Vec<Assignment>,
}

impl Arguments {
    /// The active server whose container has to be entered first.
    pub(super) fn container(&self) -> Option<&ServerName> {
        self.container.as_ref()
    }
}

/// Runs the same again in the network of a server's container, which is the only place where it is listened to.
///
/// A process enters a user namespace before it has threads; nsenter(1) does it, and becomes us again.
pub(super) fn enter(server: &ServerName, host: &Host) -> Result<ExitCode, Failure> {
    let unit = server.server_unit();
    let stem = unit.as_str().trim_end_matches(".service");
    let file = host.runtime.mcpod().join(format!("{stem}{INSIDE}"));
    let runs = || {
        let process = std::fs::read_to_string(&file).ok()?;
        let process: u32 = process.trim().parse().ok()?;
        // The number may be another process's by now.
        let cgroup = std::fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
        cgroup.contains(&format!("/{unit}/")).then_some(process)
    };
    let Some(process) = runs() else {
        return Err(anyhow::anyhow!(
            "the container of {server} does not run; what it said: mcpod logs {server}"
        )
        .into());
    };
    let program = host::program().map_err(crate::orchestrator::Error::from)?;
    let own = std::env::args_os().skip(1);
    let others = own.filter(|word| !word.to_string_lossy().starts_with("--container="));
    let error = Command::new("nsenter")
        .args(["--target", &process.to_string(), "--user"])
        .args(["--preserve-credentials", "--net", "--"])
        .arg(program)
        .args(others)
        .arg(format!("--process={process}"))
        .exec();
    Err(anyhow::Error::new(error)
        .context("cannot run nsenter, a command of util-linux")
        .into())
}

pub(super) async fn run(mut arguments: Arguments, host: Host) -> Result<ExitCode, Failure> {
    let process = arguments.process.take();
    let wait = arguments.wait.take();
    let target = target(arguments, host).await?;
    if let Some(seconds) = wait {
        bridge::await_answer(target, Duration::from_secs(seconds))
            .await
            .map_err(anyhow::Error::new)?;
        return Ok(ExitCode::SUCCESS);
    }
    let lives = process.map(watched).transpose()?;
    let is_dead = Cell::new(false);
    let mut terminate =
        signal(SignalKind::terminate()).context("cannot wait for the end of the session")?;
    let stop = async {
        let died = async {
            match &lives {
                Some(process) => drop(process.readable().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            () = died => is_dead.set(true),
        }
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
    if is_dead.get() {
        return Err(anyhow::anyhow!("the server's container has ended").into());
    }
    Ok(ExitCode::SUCCESS)
}

/// A process, to be told of its end.
fn watched(process: i32) -> Result<AsyncFd<OwnedFd>, Failure> {
    let open = || {
        let process = Pid::from_raw(process).ok_or(Errno::SRCH)?;
        pidfd_open(process, PidfdFlags::NONBLOCK)
    };
    let process = open().context("the server's container has ended")?;
    #[expect(
        deprecated,
        reason = "what takes its place is unsafe to call, and an owned descriptor keeps its number until it is dropped"
    )]
    let watched = AsyncFd::new(process).context("cannot watch the server's container")?;
    Ok(watched)
}

/// What is asked, with secrets as they are now.
async fn target(arguments: Arguments, host: Host) -> Result<Target, Failure> {
    let Arguments {
        url,
        login,
        secret_url,
        sse,
        headers,
        secret_headers,
        container: _,
        wait: _,
        process: _,
    } = arguments;
    let own = host.clone();
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
    let url = endpoint::address(url.expose()).map_err(anyhow::Error::new)?;
    let tokens = login.map(|server| {
        let keeper = Keeper::new(own, server, &url);
        Tokens::new(url.clone(), Arc::new(keeper))
    });
    Ok(Target {
        url,
        tokens,
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
