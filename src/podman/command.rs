//! One command in a container of its own, for its answer: what a package manager knows of a package. Done by `podman run`, since its
//! standard output is what is wanted.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Podman, PodmanError};
use crate::image::ImageReference;
use crate::quadlet::value::Assignment;

/// How long the command may take. A registry that does not answer is given up by package managers before.
const PATIENCE: Duration = Duration::from_mins(2);

/// How much of an output is read, in bytes. A package with some thousand versions has them in 60 KB.
const OUTPUT_MAX: u64 = 1 << 20;

/// A command in a container that has the network and nothing of the host's, and is gone when it has ended.
#[derive(Debug)]
pub struct Question<'a> {
    /// The image, which must be here.
    pub image: &'a ImageReference,
    /// The program and its arguments.
    pub words: &'a [String],
    /// Variables that it finds.
    pub environment: &'a [Assignment],
    /// A file of the host that it may read, and where it finds it.
    pub file: Option<(&'a str, &'static str)>,
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

impl Podman {
    /// Runs a command and gives what it printed. When this is dropped the command ends in its own time.
    pub async fn ask_container(&self, question: &Question<'_>) -> Result<Output, PodmanError> {
        let Question {
            image,
            words,
            environment,
            file,
        } = question;
        let mut command = Command::new("podman");
        command
            .args(["--transient-store", "--events-backend=none", "run", "--rm"])
            .args(["--pull=never", "--cgroups=disabled", "--pids-limit=0"])
            .args(["--read-only", "--cap-drop=all", "--log-driver=none"])
            .args(["--security-opt=no-new-privileges", "--network=pasta"])
            .arg(format!("--timeout={}", PATIENCE.as_secs()))
            .arg("--env=HOME=/tmp");
        for Assignment { name, value } in *environment {
            command.arg(format!("--env={name}={value}"));
        }
        if let Some((host, inside)) = file {
            command.arg(format!("--volume={host}:{inside}:ro"));
        }
        command
            .arg("--entrypoint=")
            .arg(image.to_string())
            .args(*words);
        self.lead(&mut command);
        let request = "a command in a container";
        let failed = |source| PodmanError::Program { source };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async { tokio::try_join!(read(stdout), read(stderr), child.wait()) };
        match tokio::time::timeout(PATIENCE, ended).await {
            Ok(ended) => {
                let (stdout, stderr, status) = ended.map_err(failed)?;
                Ok(Output {
                    success: status.success(),
                    stdout,
                    stderr,
                })
            }
            Err(_) => Err(PodmanError::TimedOut {
                request,
                waited: PATIENCE,
            }),
        }
    }
}

impl Podman {
    /// Runs a command of units that removes what is left of a build.
    pub async fn clean_up(&self, words: &[&str; 3]) -> Result<(), PodmanError> {
        let [program, arguments @ ..] = words;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        self.lead(&mut command);
        let failed = |source| PodmanError::Program { source };
        let ended = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = ended
            .map_err(|_| PodmanError::TimedOut {
                request: "the removal of what is left of a build",
                waited: PATIENCE,
            })?
            .map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            tracing::warn!(
                "cleaning up after a build: {}",
                crate::text::one_line(&said)
            );
        }
        Ok(())
    }

    /// Runs a program where containers of this user are made, in a network namespace of its own that nothing is connected to, with this
    /// on its standard input.
    pub async fn in_new_network(
        &self,
        words: &[&OsStr],
        input: &str,
    ) -> Result<Output, PodmanError> {
        let mut command = Command::new("podman");
        command.args(["unshare", "unshare", "--net"]).args(words);
        self.lead(&mut command);
        let failed = |source| PodmanError::Program { source };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that reads no further says why.
            stdin.write_all(input.as_bytes()).await.ok();
        }
        let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = ended
            .map_err(|_| PodmanError::TimedOut {
                request: "a command in a network of its own",
                waited: PATIENCE,
            })?
            .map_err(failed)?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Sees to it that podman finds the user's runtime directory, also where our own environment is bare.
    fn lead(&self, command: &mut Command) {
        if let Some(runtime) = self.socket.parent().and_then(|folder| folder.parent()) {
            command.env("XDG_RUNTIME_DIR", runtime);
        }
    }
}

/// Reads a stream up to its end, and keeps the beginning.
pub(crate) async fn read(
    stream: Option<impl tokio::io::AsyncRead + Unpin>,
) -> std::io::Result<String> {
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
