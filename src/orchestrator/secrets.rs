//! Secrets: Podman keeps their names, mcpod itself, as its `shell` driver, their values, encrypted by systemd.
//!
//! A secret is called `SERVER_KEY`, where KEY is an input of the server or a variable of its environment. What is made of several is
//! stored beside them and made anew when one changes. They outlive their server until somebody removes them.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::{Error, Orchestrator, near};
use crate::activation::invocation::StoredSecret;
use crate::credentials::{self, Credentials, Store};
use crate::host;
use crate::podman::{KeptSecret, Podman, SecretDriver};
use crate::quadlet::name::ServerName;
use crate::secret::Secret;

/// What all secrets of ours begin with in Podman.
const PREFIX: &str = "mcpod-";

/// A stored secret, without its value.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// `SERVER_KEY`.
    pub name: String,
    /// The server it is for, active or not.
    pub server: String,
    /// Whether it is encrypted where it is stored.
    pub encrypted: bool,
    /// When it was last set (RFC 3339), to the second.
    pub updated: String,
}

impl Orchestrator {
    /// Stores a secret in place of what has the name. Sessions that begin from now on get it.
    ///
    /// It is for the active server of that name; where there is none, for whatever is added as `entry`, or for whatever gets the name.
    pub async fn set_secret(
        &self,
        name: &str,
        value: Secret,
        entry: Option<&str>,
        on_wait: impl FnOnce(),
        on_unencrypted: &(dyn Fn() + Sync),
    ) -> Result<(), Error> {
        let (server, key) = parse(name)?;
        let podman = self.podman().await?;
        // Whoever has the lock may be adding the server with what is stored now, or putting back what was.
        let _lock = self.lock(on_wait).await?;
        let active = self.active(server.clone())?;
        let owner = active.as_ref().map(|active| active.record.id.clone());
        if let (Some(owner), Some(entry)) = (&owner, entry)
            && owner != entry
        {
            return Err(Error::NameTaken {
                name: server,
                id: owner.clone(),
            });
        }
        let entry = owner.or_else(|| entry.map(str::to_owned));
        let secrets = match active {
            Some(active)
                if active.record.secrets.contains(&key)
                    && self.has_made(&podman, &server).await? =>
            {
                // Whatever is made of it changes with it.
                let (candidate, number) = self.as_added(&active)?;
                let mut choices = super::config::choices(&active.record);
                choices.launch = Some(number);
                choices.secrets.insert(key, Some(value));
                let plan = self.plan_as(&candidate, server, choices).await?;
                plan.invocation.secrets
            }
            _ => vec![StoredSecret {
                name: server.secret(&key),
                given_as: Some(key),
                value,
            }],
        };
        self.store_secrets(&podman, &secrets, entry.as_deref(), on_unencrypted)
            .await
    }

    /// Whether some of a server's secrets are made of others.
    async fn has_made(&self, podman: &Podman, server: &ServerName) -> Result<bool, Error> {
        Ok(!podman.secrets(&server.secret(".")).await?.is_empty())
    }

    /// All secrets of servers, by name.
    pub async fn list_secrets(&self) -> Result<Vec<Listed>, Error> {
        let secrets = self.podman().await?.secrets(PREFIX).await?;
        let listed = secrets.into_iter().filter_map(|secret| {
            let (server, key) = parse(secret.name.strip_prefix(PREFIX)?).ok()?;
            Some(Listed {
                name: format!("{server}_{key}"),
                server: server.to_string(),
                encrypted: secret.driver == "shell",
                updated: to_the_second(secret.updated),
            })
        });
        Ok(listed.collect())
    }

    /// Forgets a secret that no server needs.
    pub async fn remove_secret(&self, name: &str, on_wait: impl FnOnce()) -> Result<(), Error> {
        let (server, key) = parse(name)?;
        let _lock = self.lock(on_wait).await?;
        if let Some(active) = self.active(server.clone())?
            && active.record.secrets.contains(&key)
        {
            return Err(Error::SecretInUse {
                name: name.to_owned(),
                server,
            });
        }
        let podman = self.podman().await?;
        if podman.remove_secret(&server.secret(&key)).await? {
            return Ok(());
        }
        let others = self.list_secrets().await?;
        Err(Error::NoSuchSecret {
            name: name.to_owned(),
            near: near(name, others.iter().map(|secret| secret.name.as_str())),
        })
    }

    /// Stores secrets for an entry; one that is so already is left alone.
    pub(super) async fn store_secrets(
        &self,
        podman: &Podman,
        secrets: &[StoredSecret],
        entry: Option<&str>,
        on_unencrypted: &(dyn Fn() + Sync),
    ) -> Result<(), Error> {
        if secrets.is_empty() {
            return Ok(());
        }
        let driver = self.secret_driver()?;
        for StoredSecret {
            given_as: _,
            name,
            value,
        } in secrets
        {
            let secret = KeptSecret {
                value: value.clone(),
                entry: entry.map(str::to_owned),
            };
            if podman.secret(name).await?.as_ref() == Some(&secret) {
                continue;
            }
            if driver == SecretDriver::File {
                // Told with the first one.
                let others = podman.secrets(PREFIX).await?;
                if !others.iter().any(|other| other.driver == "file") {
                    on_unencrypted();
                }
            }
            podman.store_secret(name, &secret, &driver).await?;
        }
        Ok(())
    }

    /// Who is to keep secrets here: mcpod itself where systemd encrypts for it, Podman where it does not.
    fn secret_driver(&self) -> Result<SecretDriver, Error> {
        if !Credentials::at(credentials::SERVICE).is_there() {
            return Ok(SecretDriver::File);
        }
        let link = self.link()?;
        let folder = self.dirs.data.join("mcpod/secrets");
        let command = |what: &str| {
            format!(
                "{} credential {what} --folder {}",
                quoted(Path::new(&link)),
                quoted(&folder)
            )
        };
        Ok(SecretDriver::Shell {
            store: command("store"),
            lookup: command("lookup"),
            delete: command("delete"),
            list: command("list"),
        })
    }

    /// A stored secret, by the name that Podman has for it.
    pub async fn kept_secret(&self, name: &str) -> Result<Secret, Error> {
        let kept = self.podman().await?.secret(name).await?;
        kept.map(|kept| kept.value)
            .ok_or_else(|| Error::NoSuchSecret {
                name: name.strip_prefix(PREFIX).unwrap_or(name).to_owned(),
                near: Vec::new(),
            })
    }

    /// The link to this program that Podman's records name, and the store of what was encrypted.
    pub fn secret_store(&self) -> (PathBuf, Store) {
        let service = Credentials::at(credentials::SERVICE);
        let folder = self.dirs.data.join("mcpod/secrets");
        (self.link_path().into(), Store::new(service, folder))
    }

    /// Where the link to this program is that units and Podman's records name: the program may move, as from one package to another,
    /// and a name without a path would be looked for where somebody else says.
    pub(super) fn link_path(&self) -> String {
        let path = self.dirs.data.join("mcpod/mcpod");
        path.to_string_lossy().into_owned()
    }

    /// That link, made if it does not lead here.
    pub fn link(&self) -> Result<String, Error> {
        let text = self.link_path();
        let link = Path::new(&text);
        let program = PathBuf::from(host::program()?);
        if std::fs::read_link(link).is_ok_and(|target| target == program) {
            return Ok(text);
        }
        let made = || -> io::Result<()> {
            let folder = link.parent().unwrap_or(link);
            std::fs::create_dir_all(folder)?;
            // Beside it and renamed, so that there is always one.
            let fresh = folder.join(format!(".mcpod-{}", std::process::id()));
            match std::fs::remove_file(&fresh) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::os::unix::fs::symlink(&program, &fresh)?;
            std::fs::rename(&fresh, link)
        };
        made().map_err(|source| Error::Link {
            path: link.to_owned(),
            source,
        })?;
        Ok(text)
    }
}

/// The server and the key that a secret's name is made of.
fn parse(name: &str) -> Result<(ServerName, String), Error> {
    let parts = || {
        let (server, key) = name.split_once('_')?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        // One that begins with a dot is made of others, and nobody's to change.
        let is_key = key.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && key.chars().all(legal);
        Some((server.parse().ok()?, is_key.then(|| key.to_owned())?))
    };
    parts().ok_or_else(|| Error::BadSecretName {
        name: name.to_owned(),
    })
}

/// A path as one word of sh.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// A time of Podman's, which has billionths of a second, as times stand everywhere else.
fn to_the_second(time: String) -> String {
    match time.parse::<Timestamp>() {
        Ok(at) => format!("{at:.0}"),
        Err(_) => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_to_the_second_and_what_is_none_stays() {
        for (podmans, shown) in [
            ("2026-11-27T06:49:31.105642953Z", "2026-11-27T06:49:31Z"),
            ("2026-11-27T07:49:31.1+01:00", "2026-11-27T06:49:31Z"),
            ("", ""),
        ] {
            assert_eq!(to_the_second(podmans.to_owned()), shown);
        }
    }

    #[test]
    fn a_name_is_a_server_and_a_key() {
        let (server, key) = parse("github_MY_TOKEN").unwrap();
        assert_eq!((server.as_str(), key.as_str()), ("github", "MY_TOKEN"));
        for name in [
            "",
            "github",
            "github_",
            "_x",
            "github_.X",
            "github_a/b",
            "G_x",
            "github_a b",
            "g_a=b",
        ] {
            assert!(parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(quoted(Path::new("/a b/$(x)'y")), r"'/a b/$(x)'\''y'");
    }
}
