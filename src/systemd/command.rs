//! Commands that systemd runs in units of their own: what its caller may not do itself, in a sandbox without namespaces, is done there.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::unix::pipe;
use zbus::{Fd, OwnedObjectPath, Variant};

use crate::quadlet::name::UnitName;

use super::job::{EndedJobs, in_time};
use super::manager::UnitProperties;
use super::state::JobResult;
use super::{Systemd, SystemdError, refusal_of};

/// A unit is not made where there is one of its name.
const FAIL: &str = "fail";

/// How much of an output is kept, in bytes. A package with some thousand versions has them in 60 KB.
const OUTPUT_MAX: u64 = 1 << 20;

/// How often a command is begun that has to succeed at last, and how long after a failure it is again.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_secs(10);

/// A command in a unit of its own, which is gone when the command has ended.
#[derive(Debug)]
pub struct UnitCommand<'a> {
    /// What the unit says of itself.
    pub description: &'a str,
    /// The slice that it runs in.
    pub slice: &'a str,
    /// The program, by its path, and its arguments, as they are: systemd puts nothing into them.
    pub words: &'a [&'a str],
    /// How long it may take; then it is ended.
    pub patience: Duration,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Whether it ended with 0.
    pub success: bool,
    /// Its standard output, the first of it.
    pub stdout: String,
    /// Its standard error, the first of it.
    pub stderr: String,
}

impl Systemd {
    /// Has a command run in the unit of this name until it succeeds, some times at most, and does not wait for it. Where that unit is
    /// there, somebody has begun it already.
    pub async fn begin_command(
        &self,
        unit: &UnitName,
        command: &UnitCommand<'_>,
    ) -> Result<(), SystemdError> {
        let mut properties = command.properties(command.patience);
        properties.extend([
            ("Restart", Variant::from("on-failure")),
            ("RestartUSec", microseconds(PAUSE)),
            // However long each takes: the unit is gone behind the last.
            ("StartLimitIntervalUSec", microseconds(Duration::MAX)),
            ("StartLimitBurst", Variant::from(TRIES)),
        ]);
        match self.begin_transient(unit, properties).await {
            Err(SystemdError::UnitExists { .. }) => Ok(()),
            begun => begun.map(drop),
        }
    }

    /// Has a command run, with this on its standard input, and returns what it printed when it has ended.
    pub async fn run_command(
        &self,
        command: &UnitCommand<'_>,
        input: &str,
    ) -> Result<Output, SystemdError> {
        static COMMANDS: AtomicU64 = AtomicU64::new(0);
        let number = COMMANDS.fetch_add(1, Ordering::Relaxed);
        // A name on the bus is nobody else's (D-Bus Specification, "Unique Connection Name"), unless the bus was started anew: then the
        // process tells two apart.
        let connection = &self.link().await?.connection;
        let caller = connection.unique_name().map(|name| name.as_str());
        let caller = caller.unwrap_or_default().trim_start_matches(':');
        let process = std::process::id();
        let name = format!("run-mcpod-{caller}-{process}-{number}.service");
        let unit = UnitName::from_systemd(name);
        let mut abandoned = Abandoned {
            systemd: self,
            unit: Some(unit.clone()),
        };
        let ran = in_time(&unit, command.patience, async {
            let mut jobs = self.ended_jobs().await?;
            let ((stdout, stdout_end), (stderr, stderr_end)) = (pipe_of_ours()?, pipe_of_ours()?);
            // Our patience ends before systemd's, whose job would only be one that failed.
            let mut properties = command.properties(command.patience + PAUSE);
            properties.extend([
                ("StandardInput", Variant::from("data")),
                ("StandardInputData", Variant::from(input.as_bytes())),
                ("StandardOutputFileDescriptor", descriptor(&stdout_end)),
                ("StandardErrorFileDescriptor", descriptor(&stderr_end)),
            ]);
            let job = self.begin_transient(&unit, properties).await?;
            // While we hold them, what is printed has no end.
            drop((stdout_end, stderr_end));
            let read = async {
                let read = tokio::try_join!(read(Some(stdout)), read(Some(stderr)));
                read.map_err(SystemdError::Pipe)
            };
            let (success, (stdout, stderr)) =
                tokio::try_join!(has_succeeded(&mut jobs, &unit, job), read)?;
            Ok(Output {
                success,
                stdout,
                stderr,
            })
        });
        let output = ran.await.map_err(|error| match error {
            SystemdError::TimedOut { waited, .. } => SystemdError::CommandTimedOut {
                description: command.description.to_owned(),
                waited,
            },
            error => error,
        })?;
        abandoned.unit = None;
        Ok(output)
    }

    async fn begin_transient(
        &self,
        unit: &UnitName,
        properties: UnitProperties<'_>,
    ) -> Result<OwnedObjectPath, SystemdError> {
        let manager = &self.link().await?.manager;
        let begun = manager.start_transient_unit(unit.as_str(), FAIL, properties, Vec::new());
        begun.await.map_err(refusal_of("StartTransientUnit", unit))
    }
}

impl UnitCommand<'_> {
    /// The properties that all such units have.
    fn properties(&self, limit: Duration) -> UnitProperties<'_> {
        let program = self.words.first().copied().unwrap_or_default();
        let as_it_is = vec!["no-env-expand"];
        vec![
            ("Description", Variant::from(self.description)),
            ("Slice", Variant::from(self.slice)),
            ("Type", Variant::from("oneshot")),
            ("TimeoutStartUSec", microseconds(limit)),
            ("CollectMode", Variant::from("inactive-or-failed")),
            (
                "ExecStartEx",
                Variant::from(vec![(program, self.words, as_it_is)]),
            ),
        ]
    }
}

/// Ends a command whose answer nobody waits for any more.
struct Abandoned<'a> {
    systemd: &'a Systemd,
    /// None when it has ended.
    unit: Option<UnitName>,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let (Some(unit), Ok(runtime)) = (self.unit.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let systemd = self.systemd.clone();
        // Where the program ends before this is done, the command does within its limit.
        runtime.spawn(async move { systemd.begin_stop(&unit).await.ok() });
    }
}

/// Waits for the end of a command and tells whether it was a success.
async fn has_succeeded(
    jobs: &mut EndedJobs,
    unit: &UnitName,
    job: OwnedObjectPath,
) -> Result<bool, SystemdError> {
    match jobs.success_of(unit, job).await {
        Ok(()) => Ok(true),
        Err(SystemdError::JobFailed {
            result: JobResult::Failed,
            ..
        }) => Ok(false),
        // It was not the command that failed: somebody ended it, say.
        Err(error) => Err(error),
    }
}

/// A pipe that we read, and the end of it that is given away.
fn pipe_of_ours() -> Result<(pipe::Receiver, std::os::fd::OwnedFd), SystemdError> {
    let made = pipe::pipe().and_then(|(end, ours)| Ok((ours, end.into_blocking_fd()?)));
    made.map_err(SystemdError::Pipe)
}

fn descriptor(of: &impl AsFd) -> Variant<'_> {
    Variant::from(Fd::from(of.as_fd()))
}

fn microseconds(duration: Duration) -> Variant<'static> {
    Variant::from(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

/// Reads a stream up to its end, and keeps the beginning.
pub(crate) async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let Some(mut stream) = stream else {
        return Ok(String::new());
    };
    let mut bytes = Vec::new();
    (&mut stream)
        .take(OUTPUT_MAX)
        .read_to_end(&mut bytes)
        .await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
