//! Repositories of git, looked at from afar: which commit a name means, and what files a folder of it has.
//!
//! git(1) is asked, which Podman needs for such builds as well. Nothing is checked out: of the one commit only the names of files are
//! fetched, where the server can do that.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::activation::build::Repository;
use crate::quadlet::value::Assignment;
use crate::text;

/// How long a repository may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// How much git may write, in bytes: the names of a hundred thousand files.
const OUTPUT_MAX: u64 = 16 << 20;

/// How much of git's words an error repeats, in characters.
const SHOWN_MAX: usize = 500;

/// A commit, and the names of the files in one of its folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The commit's id.
    pub commit: String,
    /// The files in it and in the folders in it, by their path from there; no links.
    pub files: Vec<String>,
}

/// Why a repository could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// There is no git on this host, or no place to work in.
    #[error("cannot run git")]
    Program(#[source] std::io::Error),
    /// git refused, or its server did.
    #[error("{url} cannot be read: {message}")]
    Refused {
        /// The repository.
        url: String,
        /// What git said.
        message: String,
    },
    /// It took too long.
    #[error("{url} did not send its files within {waited:?}")]
    TimedOut {
        /// The repository.
        url: String,
        /// How long was waited.
        waited: Duration,
    },
}

impl RepositoryError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Program(_) => Some("install git".to_owned()),
            Self::Refused { .. } => Some(
                "check address, commit, tag or branch, and folder; repositories that need a login cannot be built from"
                    .to_owned(),
            ),
            Self::TimedOut { .. } => None,
        }
    }
}

/// Looks at a repository with these variables in git's environment.
pub async fn look(
    repository: &Repository,
    variables: &[Assignment],
) -> Result<Look, RepositoryError> {
    let work = tempfile::tempdir().map_err(RepositoryError::Program)?;
    let git = Git {
        folder: work.path(),
        repository,
        variables,
    };
    let looked = async {
        git.run(&["init", "--quiet", "--bare"]).await?;
        let reference = repository.reference.as_deref().unwrap_or("HEAD");
        git.run(&[
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--filter=blob:none",
            "--",
            &repository.url,
            reference,
        ])
        .await?;
        let commit = git
            .run(&["rev-parse", "--verify", "FETCH_HEAD^{commit}"])
            .await?;
        let commit = commit.trim().to_owned();
        let folder = repository.folder.as_deref().unwrap_or_default();
        let tree = format!("{commit}:{folder}");
        let files = git.run(&["ls-tree", "-r", "-z", &tree]).await?;
        Ok(Look {
            commit,
            files: files.split('\0').filter_map(file).collect(),
        })
    };
    match tokio::time::timeout(PATIENCE, looked).await {
        Ok(looked) => looked,
        Err(_) => Err(RepositoryError::TimedOut {
            url: repository.url.clone(),
            waited: PATIENCE,
        }),
    }
}

/// The path in a line of git-ls-tree(1), `MODE TYPE OBJECT<tab>PATH`, if it is a file: what a link leads to may lie anywhere.
fn file(line: &str) -> Option<String> {
    let (about, path) = line.split_once('\t')?;
    about.starts_with("100").then(|| path.to_owned())
}

struct Git<'a> {
    folder: &'a std::path::Path,
    repository: &'a Repository,
    variables: &'a [Assignment],
}

impl Git<'_> {
    async fn run(&self, words: &[&str]) -> Result<String, RepositoryError> {
        let mut command = Command::new("git");
        // A hook of git's sets some of them, which would make this about the repository that the hook is of.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command
            .arg("-C")
            .arg(self.folder)
            .args(words)
            .envs(self.variables.iter().map(|set| (&set.name, &set.value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its helpers, which do the fetching, are ended with it.
            .process_group(0);
        let mut child = command.spawn().map_err(RepositoryError::Program)?;
        let group = Group::of(&child);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let read = tokio::try_join!(first_of(stdout), first_of(stderr));
            let (stdout, stderr) = read?;
            if stdout.len() as u64 > OUTPUT_MAX || stderr.len() as u64 > OUTPUT_MAX {
                return Ok(None);
            }
            Ok(Some((child.wait().await?, stdout, stderr)))
        };
        let ended: std::io::Result<_> = ended.await;
        drop(group);
        let Some((status, stdout, stderr)) = ended.map_err(RepositoryError::Program)? else {
            return Err(RepositoryError::Refused {
                url: self.repository.url.clone(),
                message: format!("it has more to say than {OUTPUT_MAX} bytes"),
            });
        };
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&stderr);
        Err(RepositoryError::Refused {
            url: self.repository.url.clone(),
            message: text::shortened(&text::one_line(&said), SHOWN_MAX),
        })
    }
}

/// Reads what a process writes, up to a byte more than is taken.
async fn first_of(output: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        output.take(OUTPUT_MAX + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// A process and all that it started, killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Those that have ended need no more.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Git as Named, Line};

    fn git(folder: &std::path::Path, words: &[&str]) {
        let done = std::process::Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(words)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null")])
            .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@b")])
            .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@b")])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    #[tokio::test]
    async fn a_branch_is_its_commit_and_a_folder_its_files() {
        let work = tempfile::tempdir().unwrap();
        let source = work.path().join("x.git");
        std::fs::create_dir_all(source.join("sub")).unwrap();
        std::fs::write(source.join("sub/package.json"), "{}").unwrap();
        std::fs::write(source.join("README"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", source.join("sub/Dockerfile")).unwrap();
        git(&source, &["init", "--quiet", "-b", "main"]);
        git(&source, &["add", "-A"]);
        git(&source, &["commit", "-qm", "one"]);
        let named = Named {
            url: Line::new("https://example.com/x"),
            reference: Some(Line::new("main")),
            folder: Some(Line::new("sub")),
            dockerfile: None,
        };
        let mut repository = Repository::of(&named).unwrap();
        // A path, which no user can give.
        repository.url = source.to_str().unwrap().to_owned();
        let variables = [Assignment::new("GIT_ALLOW_PROTOCOL", "file")];
        let seen = look(&repository, &variables).await.unwrap();
        assert_eq!(seen.commit.len(), 40);
        // Without the link beside it.
        assert_eq!(seen.files, ["package.json"]);
        repository.folder = Some("none".to_owned());
        let error = look(&repository, &variables).await.unwrap_err();
        assert!(matches!(error, RepositoryError::Refused { .. }), "{error}");
        repository.reference = Some("none".to_owned());
        let error = look(&repository, &variables).await.unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }
}
