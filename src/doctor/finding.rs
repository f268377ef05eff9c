//! A finding: one thing that was looked at, how it is, what that means, and what mends it.

use serde::{Serialize, Serializer};

/// What was looked at. The words are stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Podman itself and its version.
    Podman,
    /// Podman's socket.
    PodmanSocket,
    /// What makes services of Quadlet files.
    Quadlet,
    /// What short names of images stand for.
    ShortNames,
    /// The user's systemd.
    UserManager,
    /// Whether servers outlive the last login.
    Linger,
    /// The subordinate ids of the user.
    Subids,
    /// User namespaces.
    Namespaces,
    /// The cgroup controllers of the user.
    Controllers,
    /// Whether the user can read what servers log.
    Journal,
    /// What connects containers with the network.
    Pasta,
    /// What limits which hosts a server reaches.
    Nftables,
    /// What Podman runs containers by.
    OciRuntime,
    /// What encrypts secrets.
    Credentials,
    /// Where the key of secrets is kept.
    Tpm,
    /// The secrets that are stored.
    Secrets,
    /// SELinux.
    Selinux,
    /// AppArmor.
    Apparmor,
    /// The kernel keys of the user.
    Keys,
    /// Space on disks.
    Space,
    /// An active server.
    Server,
    /// A server that waits for the network when it starts.
    NetworkOnline,
    /// mcpod's own units.
    Units,
    /// Completions of the shell.
    Completions,
    /// The settings.
    Settings,
    /// The catalog.
    Catalog,
    /// The timer that refreshes the catalog.
    RefreshTimer,
    /// The agents of the user.
    Agents,
}

impl Check {
    /// Whether it is of the host, and not of what was made on it.
    pub fn is_host(self) -> bool {
        !matches!(
            self,
            Self::Secrets
                | Self::Server
                | Self::NetworkOnline
                | Self::Units
                | Self::Completions
                | Self::Settings
                | Self::Catalog
                | Self::RefreshTimer
                | Self::Agents
        )
    }
}

/// How it is, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and could be more comfortable.
    Note,
    /// Something works less well than it could, or will not for long.
    Warning,
    /// Something does not work.
    Problem,
}

/// What mends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mend {
    /// Nothing needs to be, or can be, done.
    #[default]
    Nothing,
    /// A command that needs no root, as its words. `doctor --fix` runs it.
    Run(Vec<String>),
    /// A part of mcpod that `doctor --fix` itself installs.
    Install(Part),
    /// What the user is to do, since it needs root or a decision.
    Hand {
        /// The command, or what to do in words.
        what: String,
        /// Whether it needs root.
        root: bool,
    },
}

/// What `doctor --fix` installs for the user, where no package did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// mcpod's own units.
    Units,
    /// Completions of the shells.
    Completions,
    /// The link by which Podman finds mcpod, which keeps secrets for it.
    SecretLink,
}

impl Mend {
    /// A command that needs no root.
    pub fn run(words: &[&str]) -> Self {
        Self::Run(words.iter().map(|&word| word.to_owned()).collect())
    }

    /// What needs root.
    pub fn root(what: impl Into<String>) -> Self {
        Self::Hand {
            what: what.into(),
            root: true,
        }
    }

    /// What needs a decision of the user's.
    pub fn hand(what: impl Into<String>) -> Self {
        Self::Hand {
            what: what.into(),
            root: false,
        }
    }

    /// As it can be typed.
    pub fn command(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Run(words) => Some(words.join(" ")),
            Self::Install(_) => Some("mcpod doctor --fix".to_owned()),
            Self::Hand { what, .. } => Some(what.clone()),
        }
    }

    /// Whether `doctor --fix` does it.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Install(_))
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it is.
    pub state: State,
    /// How it is, in words.
    pub what: String,
    /// What that means for servers.
    pub means: Option<String>,
    /// What mends it. Serialised, it is two fields: the command, and whether it needs root.
    #[serde(flatten, serialize_with = "mend_fields")]
    pub mend: Mend,
    /// Whether `doctor --fix` has just mended it.
    pub fixed: bool,
    /// Why `doctor --fix` could not.
    pub error: Option<String>,
}

fn mend_fields<S: Serializer>(mend: &Mend, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap as _;
    let mut fields = serializer.serialize_map(Some(2))?;
    fields.serialize_entry("command", &mend.command())?;
    let needs_root = matches!(mend, Mend::Hand { root: true, .. });
    fields.serialize_entry("needs_root", &needs_root)?;
    fields.end()
}

impl Finding {
    fn new(check: Check, state: State, what: impl Into<String>) -> Self {
        Self {
            check,
            state,
            what: what.into(),
            means: None,
            mend: Mend::Nothing,
            fixed: false,
            error: None,
        }
    }

    /// Something that is as it should be.
    pub fn ok(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, State::Ok, what)
    }

    /// Something that could be more comfortable.
    pub fn note(check: Check, what: impl Into<String>, means: impl Into<String>) -> Self {
        Self::new(check, State::Note, what).meaning(means)
    }

    /// Something that works less well than it could.
    pub fn warning(check: Check, what: impl Into<String>, means: impl Into<String>) -> Self {
        Self::new(check, State::Warning, what).meaning(means)
    }

    /// Something that does not work.
    pub fn problem(check: Check, what: impl Into<String>, means: impl Into<String>) -> Self {
        Self::new(check, State::Problem, what).meaning(means)
    }

    fn meaning(self, means: impl Into<String>) -> Self {
        Self {
            means: Some(means.into()),
            ..self
        }
    }

    /// The same with what mends it.
    #[must_use]
    pub fn mend(self, mend: Mend) -> Self {
        Self { mend, ..self }
    }
}
