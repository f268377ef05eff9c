//! Repositories, over git's own protocol.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;

/// A repository that `git daemon` serves, until it is dropped.
pub(super) struct Repository {
    folder: tempfile::TempDir,
    is_gone: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
    pub(super) port: u16,
    pub(super) url: String,
}

impl Drop for Repository {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::SeqCst);
        // Whoever waits for a connection looks whether it is to go on waiting.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
        if let Some(listening) = self.listening.take() {
            listening.join().ok();
        }
    }
}

impl Repository {
    pub(super) fn serve(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("repo");
        fs::create_dir(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        let program = Path::new(&git(&work, &["--exec-path"])).join("git-daemon");
        let base = format!("--base-path={}", folder.path().display());
        // The port is ours from the beginning: one that a daemon is told to take may be somebody else's by then.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_gone = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&is_gone);
        let listening = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let input: OwnedFd = stream.try_clone().unwrap().into();
                let daemon = Command::new(&program)
                    .args(["--inetd", "--export-all", &base])
                    .stdin(input)
                    .stdout(OwnedFd::from(stream))
                    .stderr(Stdio::null())
                    .spawn();
                daemon.unwrap().wait().unwrap();
            }
        });
        let repository = Self {
            url: format!("git://127.0.0.1:{port}/repo"),
            listening: Some(listening),
            port,
            is_gone,
            folder,
        };
        repository.commit(files);
        repository
    }

    /// The work tree.
    pub(super) fn work(&self) -> std::path::PathBuf {
        self.folder.path().join("repo")
    }

    /// Commits these files and whatever else changed in the work tree.
    pub(super) fn commit(&self, files: &[(&str, &str)]) {
        let work = self.work();
        for (path, text) in files {
            fs::create_dir_all(work.join(path).parent().unwrap()).unwrap();
            fs::write(work.join(path), text).unwrap();
        }
        git(&work, &["add", "-A"]);
        git(
            &work,
            &[
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@t",
                "commit",
                "-qm",
                "x",
            ],
        );
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(super) fn yaml(name: &str) -> String {
    format!("name: {name}\ntype: server\nimage: mcp/{name}\n")
}

#[tokio::test]
async fn a_repository_is_mirrored_and_followed() {
    let cache = tempfile::tempdir().unwrap();
    let repository = Repository::serve(&[
        ("servers/one/server.yaml", &yaml("one")),
        ("servers/one/README.md", "# One"),
        ("servers/bad/server.yaml", "x: ["),
    ]);
    let refresh = refresh(
        cache.path(),
        &format!("docker = {{ url = '{}', enabled = true }}", repository.url),
    );
    let reports = run(&refresh, false).await;
    let docker = report(&reports, "docker");
    assert_eq!(
        (docker.entries, docker.refused.len(), &docker.last_error),
        (1, 1, &None)
    );
    assert_eq!(docker.refused[0].record.as_str(), "servers/bad/server.yaml");
    let Resolution::Found(one) = refresh.store.open().unwrap().find("docker:one").unwrap() else {
        panic!("docker:one")
    };
    assert!(one.entry.readme.is_some());

    // Nothing new: the index is left alone.
    let link = cache.path().join("mcpod/catalog/index/current");
    let before = fs::read_link(&link).unwrap();
    run(&refresh, true).await;
    assert_eq!(fs::read_link(&link).unwrap(), before);

    repository.commit(&[
        ("servers/two/server.yaml", &yaml("two")),
        ("servers/bad/server.yaml", &yaml("bad")),
    ]);
    let reports = run(&refresh, true).await;
    assert_eq!(
        (
            report(&reports, "docker").entries,
            report(&reports, "docker").refused.len()
        ),
        (3, 0)
    );
    assert_ne!(fs::read_link(&link).unwrap(), before);

    // The repository is gone: what it sent stays, and the report says what happened.
    drop(repository);
    let reports = run(&refresh, true).await;
    assert!(report(&reports, "docker").last_error.is_some());
    assert_eq!(names(&refresh.store, "docker"), ["bad", "one", "two"]);
}
