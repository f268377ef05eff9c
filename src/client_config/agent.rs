//! The agents that are known: where each keeps its MCP servers, and in which form.
//!
//! | agent | verified by |
//! | --- | --- |
//! | Codex, Amp, Copilot CLI | its own `mcp list`, run after `mcpod connect` |
//! | Claude Code, Gemini CLI, opencode, Qoder CLI | its own `mcp list`, run on the same entry written by hand; `tests/clients/agents` is to do so after `mcpod connect` |
//! | Cline, Kimi Code | the schema in its published package; what reads the file cannot be run without a terminal and an account |
//! | VS Code, VS Code Insiders, VS Code Server | documentation; the server's folder from the source |
//! | goose, Zed, Crush, Continue, LM Studio | documentation, and its source where that is published |
//! | Cursor, Windsurf, Kiro, Trae, Claude Desktop | documentation alone: the program is not published in a form that runs here |
//!
//! Each row says the same in [`Verified`], for `mcpod agents --json`.

mod table;

use std::path::PathBuf;

use serde::Serialize;

use super::edit::Format;
use crate::frontend::http::Address;
use crate::host::{Dirs, Environment, Host};
pub use table::AGENTS;

/// The name under which mcpod stands in every agent's configuration.
pub(super) const NAME: &str = "mcpod";

/// The variable from which agents that can read one take the token of the HTTP face.
pub const TOKEN_VARIABLE: &str = "MCPOD_TOKEN";

/// An agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// What is typed.
    pub id: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Where it keeps what holds for a user: the first that is there, else the first.
    user: &'static [Place],
    /// Where it keeps what holds for a project, below its root; nothing where it has no such file.
    project: &'static [&'static str],
    /// How those files are written.
    pub(super) format: Format,
    /// The key under which the servers stand by name.
    pub(super) servers: &'static str,
    /// The form of a server.
    pub(super) shape: Shape,
    /// How it comes by the token.
    pub(super) token: Token,
    /// By what it is noticed that it is installed.
    traces: &'static [Trace],
    /// How all this is known.
    pub verified: Verified,
}

/// Where a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    below: Base,
    rest: &'static str,
}

/// What a file lies below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    /// The user's home folder.
    Home,
    /// `$XDG_CONFIG_HOME`.
    Config,
    /// The folder that this variable names, else this one in the home folder.
    Moved(&'static str, &'static str),
}

/// What shows that an agent is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trace {
    /// A program that is found by name.
    Program(&'static str),
    /// A folder that it makes.
    Folder(Base, &'static str),
}

/// The form of a server in an agent's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `command` and `args`; `url` and `headers`.
    Plain,
    /// The same with a `type`, `stdio` or `http`.
    Typed,
    /// The same, where the tools to be used are listed too.
    Tools,
    /// `serverUrl` in place of `url`.
    ServerUrl,
    /// The `type` of a `url` is `streamableHttp`.
    Streamable,
    /// One list of words for the command; `type` is `local` or `remote`.
    Words,
    /// goose's extensions: `cmd`, `args`; `uri`, `headers`.
    Extension,
    /// `url` and the name of the variable with the token, under this key.
    Bearer(&'static str),
}

/// How an agent comes by the token of the HTTP face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// It puts the value of [`TOKEN_VARIABLE`] where this stands.
    Expanded(&'static str),
    /// It has to stand in the file.
    Literal,
    /// It cannot speak to a server over HTTP, or not with a token.
    NoHttp,
}

/// How it is known where and how an agent keeps its servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// The agent was run against the result.
    Run,
    /// By what it says in its source or in its published program.
    Source,
    /// By its documentation.
    Docs,
}

/// Which of an agent's files is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// What holds for the user wherever they work.
    User,
    /// What holds in one folder, for everybody who works in it.
    Project,
}

/// Where agents' files are looked for, and where the HTTP face is.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The user's home folder.
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`.
    pub config: PathBuf,
    /// The variables by which agents are told to keep their files elsewhere, and `PATH`.
    pub environment: Environment,
    /// The root of the project.
    pub project: PathBuf,
    /// The address of the HTTP face.
    pub url: String,
}

impl Surroundings {
    /// What surrounds a user who works on the project in this folder.
    pub fn of(host: &Host, dirs: &Dirs, project: PathBuf, address: &Address) -> Self {
        Self {
            home: dirs.home.clone(),
            config: dirs.config.clone(),
            environment: host.environment.clone(),
            project,
            url: address.url().unwrap_or_default(),
        }
    }
}

impl Agent {
    /// The agent that is typed so.
    pub fn find(id: &str) -> Option<&'static Self> {
        AGENTS.iter().find(|agent| agent.id == id)
    }

    /// Its file for this scope: the one that is there, else the one that it would make itself.
    pub fn file(&self, scope: Scope, around: &Surroundings) -> Option<PathBuf> {
        let paths: Vec<PathBuf> = match scope {
            Scope::User => self.user.iter().map(|place| place.path(around)).collect(),
            // In the home folder itself some agents' project would be the user.
            Scope::Project => {
                let files = self.project.iter();
                let users: Vec<PathBuf> =
                    self.user.iter().map(|place| place.path(around)).collect();
                files
                    .map(|file| around.project.join(file))
                    .filter(|file| !users.contains(file))
                    .collect()
            }
        };
        let there = |path: &&PathBuf| path.symlink_metadata().is_ok();
        paths.iter().find(there).or_else(|| paths.first()).cloned()
    }

    /// Whether there is a sign that it is installed.
    pub fn is_installed(&self, around: &Surroundings) -> bool {
        self.traces.iter().any(|trace| match trace {
            Trace::Program(name) => around.environment.program(name).is_some(),
            Trace::Folder(base, rest) => base.path(around).join(rest).is_dir(),
        })
    }
}

impl Place {
    fn path(self, around: &Surroundings) -> PathBuf {
        self.below.path(around).join(self.rest)
    }
}

impl Base {
    fn path(self, around: &Surroundings) -> PathBuf {
        match self {
            Self::Home => around.home.clone(),
            Self::Config => around.config.clone(),
            Self::Moved(variable, usual) => around
                .environment
                .directory(variable)
                .unwrap_or_else(|| around.home.join(usual)),
        }
    }
}
