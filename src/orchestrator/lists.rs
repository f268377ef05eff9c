//! What an active server offers, kept in the cache: its tools, prompts and resources as it listed them itself.
//!
//! The cache may be deleted at any time; what is missing is asked for again.

use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::connection::own;
use super::{Active, Error, Orchestrator};
use crate::activation::record::State;
use crate::quadlet::name::ServerName;
use crate::session::lists::Lists;
use crate::session::remember::Remembered;

/// A file of the cache.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<L> {
    /// The image or the address that offered it, as the record identifies it.
    digest: String,
    lists: L,
}

impl Orchestrator {
    /// What an active server offers: from the cache, or by asking it.
    pub async fn lists(&self, typed: &str) -> Result<Lists, Error> {
        let active = self.find(typed)?;
        match self.known_lists(&active) {
            Some(lists) => Ok(lists),
            // What it shows first is what the user chose.
            None if active.record.state == State::Unverified => {
                match self.verify(typed, || {}).await {
                    // Nothing can be written down of it.
                    Err(Error::Edited { .. }) => self.try_once(&active).await,
                    done => {
                        done?;
                        Ok(self.known_lists(&active).unwrap_or_default())
                    }
                }
            }
            None => self.try_once(&active).await,
        }
    }

    /// What the server offered when it was last asked; nothing where it never was, or runs another image now.
    pub fn known_lists(&self, active: &Active) -> Option<Lists> {
        let text = std::fs::read(self.lists_path(&active.name)).ok()?;
        let kept: Kept<Lists> = serde_json::from_slice(&text).ok()?;
        (kept.digest == active.record.identity()).then_some(kept.lists)
    }

    /// What the servers that have units here said of themselves, as far as that was kept, without a look at anything else: neither
    /// whether they listen, nor what else they offer.
    pub fn known_words(&self) -> Vec<Box<RawValue>> {
        #[derive(Deserialize)]
        struct Words {
            server: Option<Box<RawValue>>,
        }
        let read = |name: &ServerName| {
            let text = std::fs::read(self.lists_path(name)).ok()?;
            let kept: Kept<Words> = serde_json::from_slice(&text).ok()?;
            kept.lists.server
        };
        let names = self.names().unwrap_or_default();
        names.iter().filter_map(read).collect()
    }

    /// Asks an active server anew what it offers, since it says that this has changed. Where that is so, everybody who follows
    /// what is active is told.
    pub async fn relist(&self, name: &ServerName) -> Result<(), Error> {
        let active = self.find(name.as_str())?;
        // Where our own sessions are all that there may be, there is no further one to ask.
        let present = own(self.systemd.instances(name).await?).count();
        if u32::try_from(present).is_ok_and(|present| present >= active.record.most_sessions()) {
            return Ok(());
        }
        let before = self.known_lists(&active);
        let lists = self.try_once(&active).await?;
        if before != Some(lists) {
            // Nothing was written, but a reload is what they look at the cache for.
            self.systemd.reload().await?;
        }
        Ok(())
    }

    /// Keeps what a server offers. A cache that cannot be written costs time later, and nothing else.
    pub(super) fn keep_lists(&self, active: &Active, lists: &Lists) {
        let kept = Kept {
            digest: active.record.identity().to_owned(),
            lists,
        };
        if let Err(error) = self.write_lists(&active.name, &kept) {
            tracing::debug!("what {} offers is not kept: {error}", active.name);
        }
    }

    fn write_lists(&self, name: &ServerName, kept: &Kept<&Lists>) -> io::Result<()> {
        let path = self.lists_path(name);
        let folder = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(kept)?)?;
        file.persist(&path)?;
        Ok(())
    }

    /// Forgets what a server offered, and which era its image speaks unless another server runs it too.
    pub(super) fn forget(&self, name: &ServerName) {
        // A file that stays is passed over once another image has the name.
        drop(std::fs::remove_file(self.lists_path(name)));
        let digest_of = |name| Some(self.active(name).ok()??.record.identity().to_owned());
        let Some(digest) = digest_of(name.clone()) else {
            return;
        };
        let others = self.names().unwrap_or_default();
        let mut others = others.into_iter().filter(|other| other != name);
        if !others.any(|other| digest_of(other).as_ref() == Some(&digest)) {
            // It costs time that it is asked for again, and nothing else that it is kept.
            drop(self.eras().forget(&digest));
        }
    }

    /// Which eras images speak, as far as that is known.
    pub(super) fn eras(&self) -> Remembered {
        Remembered::new(self.dirs.cache.join("mcpod"))
    }

    fn lists_path(&self, name: &ServerName) -> PathBuf {
        self.dirs
            .cache
            .join("mcpod/lists")
            .join(format!("{name}.json"))
    }
}
