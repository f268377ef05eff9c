//! `login` and `logout`: the tokens of a remote server, kept among its secrets.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Url;
use rmcp::transport::auth::{AuthError, CredentialRefreshGuard};
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::{Active, Error, Orchestrator};
use crate::activation::endpoint;
use crate::activation::invocation::StoredSecret;
use crate::bridge;
use crate::host::Host;
use crate::login::{Begun, Listener, LoginError, Store, StoredCredentials, Wanted};
use crate::quadlet::name::ServerName;

/// The key of the secret with a server's tokens. No input's begins with a dot.
const TOKENS: &str = ".login";

/// How often a lock that another process holds is tried again.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// What has to be told to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The address to visit.
    pub address: String,
    /// The port of this host's loopback that the visit leads to.
    pub port: u16,
}

/// Tokens, as they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The server that they are for: no other gets them, whatever has its name by now.
    url: String,
    credentials: StoredCredentials,
}

impl Orchestrator {
    /// Logs in to a remote server. The user visits the address of the invitation; the address that the visit leads to comes to this
    /// host's loopback, or by `pasted`, line by line. While it is exchanged for tokens, what `exchanging` gave is held.
    pub async fn login<Held>(
        &self,
        typed: &str,
        wanted: &Wanted,
        port: Option<u16>,
        invite: impl FnOnce(Invitation),
        exchanging: impl Fn() -> Held,
        mut pasted: tokio::sync::mpsc::Receiver<String>,
    ) -> Result<Active, Error> {
        let active = self.find(typed)?;
        let url = remote(&active)?;
        let keeper = Keeper::new(self.host.clone(), active.name.clone(), &url);
        let mut wanted = wanted.clone();
        if !wanted.scopes.is_empty()
            && let Some(kept) = keeper.read().await?
        {
            // More is asked for, not something else.
            let before = kept.granted_scopes.into_iter();
            let more = before.filter(|scope| !wanted.scopes.contains(scope));
            wanted.scopes = more.chain(wanted.scopes.iter().cloned()).collect();
        }
        if wanted.client.is_none() {
            let document = &self.settings().login.client_metadata_url;
            wanted.client.clone_from(document);
        }
        let store: Arc<dyn Store> = Arc::new(keeper);
        let listener = Listener::bind(port).await?;
        let challenge = bridge::challenge(&url).await;
        let redirect = listener.redirect();
        let begun = Begun::at(&url, store, challenge.as_deref(), &redirect, &wanted).await?;
        invite(Invitation {
            address: begun.address().to_owned(),
            port: listener.port(),
        });
        let mut can_paste = true;
        loop {
            let address = tokio::select! {
                visited = listener.visited() => visited?,
                line = pasted.recv(), if can_paste => match line {
                    Some(line) if line.trim().is_empty() => continue,
                    Some(line) => line,
                    None => {
                        can_paste = false;
                        continue;
                    }
                },
            };
            let held = exchanging();
            let finished = begun.finish(&address).await;
            drop(held);
            match finished {
                Ok(()) => return Ok(active),
                // Something else came by, or was pasted; the login can still end well.
                Err(error @ LoginError::BadCallback(_)) => tracing::warn!("{error}"),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether there are tokens of a server, good or not.
    pub(super) async fn is_logged_in(&self, active: &Active) -> Result<bool, Error> {
        let podman = self.podman().await?;
        let tokens = podman.secret(&active.name.secret(TOKENS)).await?;
        Ok(tokens.is_some())
    }

    /// Forgets the tokens of a server; whether there were any.
    pub async fn logout(&self, typed: &str) -> Result<bool, Error> {
        let active = self.find(typed)?;
        let podman = self.podman().await?;
        Ok(podman.remove_secret(&active.name.secret(TOKENS)).await?)
    }
}

/// The address of a remote server.
fn remote(active: &Active) -> Result<Url, Error> {
    let not_remote = || Error::NotRemote {
        name: active.name.clone(),
    };
    if !active.record.launch.ends_with(" remote") {
        return Err(not_remote());
    }
    endpoint::address(&active.record.image).map_err(|_| not_remote())
}

/// Keeps the tokens of a server. Everything it needs is looked for when they are, since most sessions never do.
#[derive(Debug, Clone)]
pub struct Keeper {
    host: Host,
    server: ServerName,
    url: String,
}

impl Keeper {
    /// The keeper of the tokens of a server at an address.
    pub fn new(host: Host, server: ServerName, url: &Url) -> Self {
        Self {
            host,
            server,
            url: url.to_string(),
        }
    }

    async fn read(&self) -> Result<Option<StoredCredentials>, Error> {
        let orchestrator = Orchestrator::open(self.host.clone()).await?;
        let podman = orchestrator.podman().await?;
        let Some(secret) = podman.secret(&self.server.secret(TOKENS)).await? else {
            return Ok(None);
        };
        // What cannot be read is as good as none: the user logs in again.
        let kept: Option<Kept> = serde_json::from_str(secret.value.expose()).ok();
        Ok(kept
            .filter(|kept| kept.url == self.url)
            .map(|kept| kept.credentials))
    }

    async fn write(&self, credentials: StoredCredentials) -> Result<(), Error> {
        let orchestrator = Orchestrator::open(self.host.clone()).await?;
        let podman = orchestrator.podman().await?;
        let entry = orchestrator
            .active(self.server.clone())?
            .map(|active| active.record.id);
        let kept = Kept {
            url: self.url.clone(),
            credentials,
        };
        let text = serde_json::to_string(&kept).unwrap_or_default();
        let secret = StoredSecret {
            given_as: None,
            name: self.server.secret(TOKENS),
            value: text.as_str().into(),
        };
        drop(zeroize::Zeroizing::new(text));
        orchestrator
            .store_secrets(&podman, &[secret], entry.as_deref(), &|| {})
            .await
    }

    async fn lock(&self) -> io::Result<File> {
        // The lock lies on the folder itself, so that nothing is left over. Servers wait for each other, which they seldom have to.
        let folder = self.host.runtime.mcpod();
        std::fs::create_dir_all(&folder)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let file = rustix::fs::open(&folder, flags, Mode::empty())?;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(File::from(file)),
                Err(rustix::io::Errno::WOULDBLOCK) => tokio::time::sleep(LOCK_POLL).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> AuthError {
    AuthError::CredentialStoreError(format!("{:#}", anyhow::Error::new(error)))
}

#[async_trait]
impl Store for Keeper {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        self.read().await.map_err(failed)
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        self.write(credentials).await.map_err(failed)
    }

    async fn clear(&self) -> Result<(), AuthError> {
        let forget = async {
            let orchestrator = Orchestrator::open(self.host.clone()).await?;
            let podman = orchestrator.podman().await?;
            Ok::<_, Error>(podman.remove_secret(&self.server.secret(TOKENS)).await?)
        };
        forget.await.map(drop).map_err(failed)
    }

    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        let lock = self.lock().await.map_err(failed)?;
        Ok(Some(CredentialRefreshGuard::new(lock)))
    }
}
