//! Agents' own configuration files: mcpod is written into them, and taken out again.
//!
//! A file is edited in place: its comments, order and formatting stay, and what it says of anything but mcpod stays word for
//! word (`edit`). It is replaced whole, with one backup beside it (`file`). A file that cannot be read is left alone, and
//! whoever asked is told what to write into it.

mod agent;
mod edit;
mod entry;
mod error;
mod file;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

pub use agent::{AGENTS, Agent, Scope, Surroundings, TOKEN_VARIABLE, Verified};
pub use entry::Reach;
pub use error::ClientConfigError;

use agent::{NAME, Token};
use edit::EditError;
use entry::{Entry, Kin, kin};
use file::{ConfigFile, Readers};

/// How often a file is read again because its agent wrote it meanwhile.
const TRIES: usize = 5;

/// What stands where a token would, in what is shown.
const UNSAID: &str = "TOKEN";

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// mcpod was not in it, and now is.
    Added,
    /// mcpod was in it in another way.
    Updated,
    /// mcpod was in it, and now is not.
    Removed,
    /// It already was as it should be.
    None,
}

/// What was done to an agent's file, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The file.
    pub file: PathBuf,
    /// What became of it.
    pub change: Change,
    /// What stands in it for mcpod, as a file of its own would, without a token.
    pub shown: String,
    /// Whether the agent has to find the token in [`TOKEN_VARIABLE`].
    pub wants_variable: bool,
}

/// How an agent's file stands to mcpod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// mcpod is not in it, or there is no file.
    Absent,
    /// It leads to this mcpod, over standard input and output.
    Stdio,
    /// It leads to the HTTP face.
    Http,
    /// It leads to an mcpod whose program is not there any more.
    Stale,
    /// What stands in it under our name is not ours.
    Foreign,
    /// It cannot be read.
    Unreadable,
}

/// How to edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// Write over what stands under our name, whosever it is.
    pub force: bool,
    /// Change nothing.
    pub dry_run: bool,
}

impl Agent {
    /// Writes mcpod into the agent's configuration.
    pub fn connect(
        &self,
        scope: Scope,
        reach: &Reach,
        around: &Surroundings,
        manner: Manner,
    ) -> Result<Done, ClientConfigError> {
        let entry = self.entry(scope, reach, around)?;
        let shown = self.shown(reach, around)?;
        let readers = match (scope, self.token, reach) {
            (Scope::User, Token::Literal, Reach::Http { .. }) => Readers::User,
            (Scope::User, ..) => Readers::Same,
            (Scope::Project, ..) => Readers::Everybody,
        };
        self.edit(scope, around, manner, readers, |path, text| {
            let uneditable = |error: EditError| ClientConfigError::Uneditable {
                path: path.to_owned(),
                why: error.to_string(),
                snippet: Some(shown.clone()),
            };
            let text = text.unwrap_or_default();
            let present = self
                .format
                .find(text, self.servers, NAME)
                .map_err(uneditable)?;
            let change = match &present {
                None => Change::Added,
                Some(Value::Object(there)) if entry.over(there) == *there => Change::None,
                Some(there) if kin(there, &around.url) == Kin::Foreign && !manner.force => {
                    return Err(ClientConfigError::Foreign {
                        path: path.to_owned(),
                        there: described(there),
                    });
                }
                Some(_) => Change::Updated,
            };
            let edited = self
                .format
                .set(text, self.servers, NAME, &entry)
                .map_err(uneditable)?;
            Ok(Edit {
                change,
                text: Some(edited),
                shown: shown.clone(),
            })
        })
        .map(|done| Done {
            wants_variable: matches!(
                (self.token, reach),
                (Token::Expanded(_), Reach::Http { .. })
            ),
            ..done
        })
    }

    /// Takes mcpod out of the agent's configuration.
    pub fn disconnect(
        &self,
        scope: Scope,
        around: &Surroundings,
        manner: Manner,
    ) -> Result<Done, ClientConfigError> {
        self.edit(scope, around, manner, Readers::Same, |path, text| {
            let uneditable = |error: EditError| ClientConfigError::Uneditable {
                path: path.to_owned(),
                why: error.to_string(),
                snippet: None,
            };
            let text = text.unwrap_or_default();
            let Some(there) = self
                .format
                .find(text, self.servers, NAME)
                .map_err(uneditable)?
            else {
                return Ok(Edit::none());
            };
            if kin(&there, &around.url) == Kin::Foreign && !manner.force {
                return Err(ClientConfigError::Foreign {
                    path: path.to_owned(),
                    there: described(&there),
                });
            }
            let edited = self
                .format
                .remove(text, self.servers, NAME)
                .map_err(uneditable)?;
            // A file that says nothing any more goes too.
            let left = self.format.read(&edited).map_err(uneditable)?;
            let says_nothing = left.iter().all(|(key, value)| {
                key == self.servers && value.as_object().is_none_or(serde_json::Map::is_empty)
            });
            let has_comments =
                edited.contains("//") || edited.contains("/*") || edited.contains('#');
            Ok(Edit {
                change: Change::Removed,
                text: (!says_nothing || has_comments).then_some(edited),
                shown: String::new(),
            })
        })
    }

    /// How the agent's file stands to mcpod; nothing where it has no such file at all.
    pub fn state(&self, scope: Scope, around: &Surroundings) -> Option<(PathBuf, State)> {
        let path = self.file(scope, around)?;
        let within = within(scope, around);
        let state = || -> Result<State, ()> {
            let file = ConfigFile::read(&path, within).map_err(drop)?;
            let text = file.text.unwrap_or_default();
            let found = self.format.find(&text, self.servers, NAME).map_err(drop)?;
            Ok(match found {
                None => State::Absent,
                Some(there) => match kin(&there, &around.url) {
                    Kin::Foreign => State::Foreign,
                    Kin::Http => State::Http,
                    Kin::Stdio if starts(&there, around) => State::Stdio,
                    Kin::Stdio => State::Stale,
                },
            })
        };
        let state = state().unwrap_or(State::Unreadable);
        Some((path, state))
    }

    /// What is written for mcpod, if it may be.
    fn entry(
        &self,
        scope: Scope,
        reach: &Reach,
        around: &Surroundings,
    ) -> Result<Entry, ClientConfigError> {
        if scope == Scope::Project
            && self.token == Token::Literal
            && matches!(reach, Reach::Http { .. })
        {
            return Err(ClientConfigError::TokenInProject(self.title));
        }
        Entry::of(self, reach, &around.url).ok_or(ClientConfigError::NoHttp(self.title))
    }

    /// What is written for mcpod, as a file of its own, without the token.
    fn shown(&self, reach: &Reach, around: &Surroundings) -> Result<String, ClientConfigError> {
        let reach = match reach {
            Reach::Http { .. } => Reach::Http {
                token: UNSAID.to_owned(),
            },
            stdio @ Reach::Stdio { .. } => stdio.clone(),
        };
        let entry =
            Entry::of(self, &reach, &around.url).ok_or(ClientConfigError::NoHttp(self.title))?;
        Ok(self
            .format
            .set("", self.servers, NAME, &entry)
            .unwrap_or_default())
    }

    /// Edits the agent's file, again if it was changed meanwhile.
    fn edit(
        &self,
        scope: Scope,
        around: &Surroundings,
        manner: Manner,
        readers: Readers,
        edit: impl Fn(&Path, Option<&str>) -> Result<Edit, ClientConfigError>,
    ) -> Result<Done, ClientConfigError> {
        let path = self
            .file(scope, around)
            .ok_or(ClientConfigError::NoProject(self.title))?;
        for _ in 0..TRIES {
            let file = ConfigFile::read(&path, within(scope, around))?;
            let Edit {
                change,
                text,
                shown,
            } = edit(&path, file.text.as_deref())?;
            let is_done = match (change, &text) {
                _ if manner.dry_run => true,
                (Change::Removed, None) => file.remove()?,
                (Change::None, _) | (_, None) => true,
                (_, Some(text)) => file.replace(text, readers)?,
            };
            if !is_done {
                continue;
            }
            if change == Change::Removed && !manner.dry_run {
                file.remove_backup_of(text.as_deref().unwrap_or_default())?;
            }
            return Ok(Done {
                file: path,
                change,
                shown,
                wants_variable: false,
            });
        }
        Err(ClientConfigError::Busy { path })
    }
}

/// What is to become of a file.
struct Edit {
    change: Change,
    /// What it is to say; nothing if it is to go.
    text: Option<String>,
    shown: String,
}

impl Edit {
    fn none() -> Self {
        Self {
            change: Change::None,
            text: None,
            shown: String::new(),
        }
    }
}

/// The folder that a file must not lead out of.
fn within(scope: Scope, around: &Surroundings) -> Option<&Path> {
    (scope == Scope::Project).then_some(around.project.as_path())
}

/// Whether the program that an entry starts is there.
fn starts(entry: &Value, around: &Surroundings) -> bool {
    entry::program(entry).is_some_and(|program| {
        if program.contains('/') {
            Path::new(&program).is_file()
        } else {
            around.environment.program(&program).is_some()
        }
    })
}

/// What leads elsewhere, in a few words. It may hold secrets, so that only the command or the address is said.
fn described(entry: &Value) -> String {
    let told = entry::program(entry).or_else(|| entry::address(entry).map(str::to_owned));
    let told = told.unwrap_or_else(|| "neither a command nor an address".to_owned());
    crate::text::shortened(&crate::text::one_line(&told), 200)
}

#[cfg(test)]
mod tests;
