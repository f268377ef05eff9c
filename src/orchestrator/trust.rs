//! Trust in tools: which definitions the user accepted, and what of a server is held back because it has others by now.
//!
//! All that a server has when it is added is accepted: the user chose it as it was. What it shows later in another form, or
//! beside that, is held back until somebody accepts it. The rules, so that nobody cries wolf:
//! - a server is asked twice when it is added: as by a client that can nothing and by one that can all. What depends on the
//!   client is then accepted in both forms;
//! - what was accepted once stays so, whatever comes after: a server that goes back to it is not held back;
//! - what changes with the inputs, when these are changed, is accepted with them;
//! - a tool that is gone is no danger; nothing is held back for it;
//! - of a server whose tools change by design the user says so once (`mcpod accept NAME --always`).
//!
//! Accepted definitions lie in `$XDG_DATA_HOME/mcpod/tools`. Where the file is missing the record's hash still tells whether the
//! tools are those that were accepted last. What was held back in a session of an agent's lies in the cache.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout_at};

use super::{Active, Error, Orchestrator, socket_path};
use crate::activation::record::{State, Tools, with_record};
use crate::quadlet::name::ServerName;
use crate::session::definitions::{Change, Definitions, name_of};
use crate::session::lists::{self, List, Lists, tools_hash};
use crate::session::{Client, Incoming};
use crate::unit_dir::Lock;

/// How long after its first answer a server may say that it has more tools for a client that can more; it has said that it would say so.
const AFTERTHOUGHT: Duration = Duration::from_millis(300);

/// The tools of a server that may be used.
#[derive(Debug, Clone)]
pub enum Trusted {
    /// All that it has.
    All,
    /// Those that are defined in one of these ways.
    Only(Definitions),
}

/// What a server offers, as far as it is accepted.
#[derive(Debug, Clone)]
pub struct Offered {
    /// Its lists without what is held back.
    pub lists: Lists,
    /// The names of the tools that are held back.
    pub held: BTreeSet<String>,
}

impl Trusted {
    /// The tools in a list that are held back.
    pub fn held(&self, tools: &[Box<RawValue>]) -> Vec<Change> {
        match self {
            Self::All => Vec::new(),
            Self::Only(accepted) => accepted.differing(tools),
        }
    }

    /// Lists without what is held back; `seen` are tools that were seen elsewhere.
    pub fn offered(&self, mut lists: Lists, seen: &[Box<RawValue>]) -> Offered {
        let held = self.held(&lists.tools).into_iter().chain(self.held(seen));
        let held: BTreeSet<String> = held.map(|change| change.tool).collect();
        if !held.is_empty() {
            lists.tools.retain(|tool| !held.contains(&name_of(tool)));
        }
        Offered { lists, held }
    }
}

impl Orchestrator {
    /// Which tools of a server may be used.
    pub fn trusted(&self, active: &Active) -> Trusted {
        let record = &active.record;
        if record.tools == Tools::Any {
            return Trusted::All;
        }
        if let Some(accepted) = read(&self.accepted_path(&active.name)) {
            return Trusted::Only(accepted);
        }
        // It was never tried: what it shows first is what the user chose.
        let Some(hash) = &record.tools_hash else {
            return Trusted::All;
        };
        let known = self.known_lists(active).unwrap_or_default();
        if known.tools_hash() == *hash {
            Trusted::Only(Definitions::of(&known.tools))
        } else {
            Trusted::Only(Definitions::default())
        }
    }

    /// What of a server is held back, as far as it was seen.
    pub fn held(&self, active: &Active) -> Vec<Change> {
        let Trusted::Only(accepted) = self.trusted(active) else {
            return Vec::new();
        };
        let known = self.known_lists(active).unwrap_or_default();
        let mut seen: Definitions = read(&self.seen_path(&active.name)).unwrap_or_default();
        seen.add(&known.tools);
        let seen: Vec<Box<RawValue>> = seen.into();
        accepted.differing(&seen)
    }

    /// What a server offers, as far as that is known and accepted. What was held back in any session is held back in all.
    pub fn offered(&self, active: &Active) -> Option<Offered> {
        let lists = self.known_lists(active)?;
        let trusted = self.trusted(active);
        let seen: Definitions = read(&self.seen_path(&active.name)).unwrap_or_default();
        Some(trusted.offered(lists, &Vec::from(seen)))
    }

    /// Notes what was held back in a session, so that `status` can show it and `accept` accept it.
    pub fn note_held(&self, name: &ServerName, held: &[Change]) {
        let path = self.seen_path(name);
        let mut seen: Definitions = read(&path).unwrap_or_default();
        let after = held.iter().filter_map(|change| change.after.clone());
        if seen.add(&after.collect::<Vec<_>>())
            && let Err(error) = write(&path, &seen)
        {
            tracing::debug!("what is held back of {name} is not noted: {error}");
        }
    }

    /// Accepts tools of an active server as they are defined here, and from then on those alone or any, as `tools` says; the
    /// server's sessions go on.
    pub async fn accept(
        &self,
        typed: &str,
        accepted: &[Change],
        tools: Tools,
        on_wait: impl FnOnce(),
    ) -> Result<(), Error> {
        self.find(typed)?;
        let lock = self.lock(on_wait).await?;
        // Found again: whoever had the lock may have removed it.
        let active = self.find(typed)?;
        if !active.record.state.is_complete() {
            return Err(Error::HalfThere { name: active.name });
        }
        let after = accepted.iter().filter_map(|change| change.after.clone());
        self.accept_as(&lock, active, after.collect(), tools).await
    }

    /// Accepts further definitions, and writes that down.
    async fn accept_as(
        &self,
        lock: &Lock,
        mut active: Active,
        further: Vec<Box<RawValue>>,
        tools: Tools,
    ) -> Result<(), Error> {
        let name = active.name.clone();
        self.check_unedited(&name)?;
        let mut accepted = match self.trusted(&active) {
            Trusted::Only(accepted) => accepted,
            Trusted::All => Definitions::of(&self.known_lists(&active).unwrap_or_default().tools),
        };
        accepted.add(&further);
        self.write_accepted(&name, &accepted)?;
        if let Some(lists) = self.known_lists(&active)
            && accepted.differing(&lists.tools).is_empty()
        {
            active.record.tools_hash = Some(lists.tools_hash());
            if active.record.state == State::Unverified {
                active.record.state = State::Verified;
            }
        }
        active.record.tools = tools;
        self.rewrite_record(lock, &active)?;
        drop(std::fs::remove_file(self.seen_path(&name)));
        // It is what everybody looks anew at.
        self.systemd.reload().await?;
        Ok(())
    }

    /// Writes the record of a server whose other files stay as they are.
    fn rewrite_record(&self, lock: &Lock, active: &Active) -> Result<(), Error> {
        let name = &active.name;
        let mut others = Vec::new();
        for path in self.files(name)? {
            others.extend(self.units.read(&path)?);
        }
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        let socket = self.units.read(&socket_path(name))?.unwrap_or_default();
        let socket = with_record(&socket, &active.record, &others)?;
        Ok(self.units.write(lock, &socket_path(name), &socket)?)
    }

    /// Asks an active server anew what it offers, as after a change of its inputs, and accepts it. Says what is other than what
    /// was accepted before; everybody who follows what is active is told.
    pub async fn verify(&self, typed: &str, on_wait: impl FnOnce()) -> Result<Vec<Change>, Error> {
        let active = self.find(typed)?;
        let tried = self.try_whole(&active).await?;
        let lock = self.lock(on_wait).await?;
        let active = self.find(typed)?;
        let changes = match self.trusted(&active) {
            Trusted::Only(accepted) => accepted.differing(&tried.all),
            Trusted::All => Vec::new(),
        };
        let tools = active.record.tools;
        self.accept_as(&lock, active, tried.all, tools).await?;
        Ok(changes)
    }

    /// Writes down which definitions are accepted.
    pub(super) fn write_accepted(
        &self,
        name: &ServerName,
        accepted: &Definitions,
    ) -> Result<(), Error> {
        let path = self.accepted_path(name);
        write(&path, accepted).map_err(|source| Error::Kept {
            action: "write",
            path,
            source,
        })
    }

    /// Forgets what was accepted of a server, and what was held back.
    pub(super) fn forget_accepted(&self, name: &ServerName) -> Result<(), Error> {
        drop(std::fs::remove_file(self.seen_path(name)));
        let path = self.accepted_path(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Kept {
                action: "remove",
                path,
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Asks an active server what it offers, as a client that can nothing and as one that can all.
    pub(super) async fn try_whole(&self, active: &Active) -> Result<Tried, Error> {
        let first = || Box::pin(self.try_once(active));
        let able = || Box::pin(self.tools_for_the_able(active));
        let (lists, able) = if active.record.most_sessions() > 1 {
            match tokio::join!(first(), able()) {
                // There may be room for one of them at a time, since others have the rest.
                (Err(_), Ok(tools)) => (first().await?, Ok(tools)),
                (Ok(lists), Err(_)) => (lists, able().await),
                (lists, able) => (lists?, able),
            }
        } else {
            (first().await?, able().await)
        };
        let mut all = Definitions::of(&lists.tools);
        match able {
            Ok(more) => {
                all.add(&more);
            }
            // It may not bear such a client. What it has for one is then held back until it is accepted.
            Err(error) => tracing::debug!("{} for a client that can all: {error}", active.name),
        }
        Ok(Tried {
            lists,
            all: all.into(),
        })
    }

    /// The tools that a server has for a client that can all that a client can.
    async fn tools_for_the_able(&self, active: &Active) -> Result<Vec<Box<RawValue>>, Error> {
        let (incoming, mut heard) = mpsc::channel(1);
        let more = std::sync::Arc::new(Notify::new());
        let told = std::sync::Arc::clone(&more);
        // What it asks is answered by an error as it is dropped here.
        tokio::spawn(async move {
            while let Some(said) = heard.recv().await {
                if let Incoming::Notification(frame) = said
                    && frame.method() == "notifications/tools/list_changed"
                {
                    told.notify_one();
                }
            }
        });
        let connection = self
            .connect_for(active, Client::able(), Some(incoming))
            .await?;
        let time = self.settings.sessions.call_timeout;
        let collect = || lists::list(&connection.session, List::Tools, time);
        let mut tools = collect().await;
        let tells = connection.session.tells_of_tools();
        let until = Instant::now() + AFTERTHOUGHT;
        // One that says so without end has the time that any has.
        while tells
            && tools.is_ok()
            && Instant::now() < until
            && timeout_at(until, more.notified()).await.is_ok()
        {
            tools = collect().await;
        }
        let tools = match tools {
            Ok(tools) => Ok(tools),
            Err(cause) => Err(connection.explain(active, cause).await),
        };
        connection.close(true).await?;
        Ok(tools?)
    }

    fn accepted_path(&self, name: &ServerName) -> PathBuf {
        self.data().join("mcpod/tools").join(format!("{name}.json"))
    }

    fn seen_path(&self, name: &ServerName) -> PathBuf {
        self.dirs
            .cache
            .join("mcpod/held")
            .join(format!("{name}.json"))
    }
}

/// What a server showed when it was tried.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    /// What it offers to a client that can nothing.
    pub(super) lists: Lists,
    /// All its tools, those for clients that can more included, each definition once.
    pub(super) all: Vec<Box<RawValue>>,
}

impl Tried {
    /// The hash of the definitions in its common list.
    pub(super) fn tools_hash(&self) -> String {
        tools_hash(&self.lists.tools)
    }
}

/// Reads a file of definitions; nothing where there is none that can be read.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Writes a file whole, in place of what is there.
fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
