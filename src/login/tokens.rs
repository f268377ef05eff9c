//! Tokens: kept once for a server, used and refreshed by all its bridges.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use rmcp::transport::auth::{AuthError, CredentialRefreshGuard};
pub use rmcp::transport::auth::{CredentialStore as Store, StoredCredentials};
use tokio::sync::Mutex;

use super::{LoginError, manager};

/// The tokens of a server, as one bridge sees them. They are not looked for before the server wants one.
pub struct Tokens {
    url: Url,
    store: Arc<dyn Store>,
    /// The one that was used last.
    current: Mutex<Option<String>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// The tokens for a server in a store.
    pub fn new(url: Url, store: Arc<dyn Store>) -> Self {
        Self {
            url,
            store,
            current: Mutex::default(),
        }
    }

    /// The token that was taken last, if any was.
    pub async fn current(&self) -> Option<String> {
        self.current.lock().await.clone()
    }

    /// A token in place of one that the server refused: the one that another bridge got meanwhile, or a fresh one.
    ///
    /// Who refreshes has the store's guard, in this process and among all, and looks first whether somebody else was faster: a refresh
    /// token may be good for one use only.
    pub async fn renewed(&self, refused: Option<&str>) -> Result<String, LoginError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_deref()
            && Some(token) != refused
        {
            return Ok(token.to_owned());
        }
        let mut manager = manager(&self.url, Arc::clone(&self.store)).await?;
        let stored = |token: Result<String, AuthError>| match token {
            Ok(token) if Some(token.as_str()) != refused => Ok(Some(token)),
            Err(
                error @ (AuthError::AuthorizationRequired | AuthError::CredentialStoreError(_)),
            ) => Err(LoginError::from(error)),
            // It is refused, or known to be over.
            _ => Ok(None),
        };
        let token = if let Some(token) = stored(manager.get_access_token().await)? {
            token
        } else {
            let _guard = self.store.acquire_refresh_guard().await?;
            if let Some(token) = stored(manager.get_access_token().await)? {
                token
            } else {
                if !manager.initialize_from_store().await? {
                    return Err(LoginError::LoggedOut);
                }
                manager.refresh_token().await?;
                manager.get_access_token().await?
            }
        };
        *current = Some(token.clone());
        Ok(token)
    }
}

/// A store that several share, and whose guard is taken by whoever asks for a refresh.
#[expect(missing_debug_implementations, reason = "stores have none")]
pub struct Shared(pub Arc<dyn Store>);

#[async_trait]
impl Store for Shared {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        self.0.load().await
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        self.0.save(credentials).await
    }

    async fn clear(&self) -> Result<(), AuthError> {
        self.0.clear().await
    }

    async fn on_refresh_token_rejected(
        &self,
        credentials: &StoredCredentials,
    ) -> Result<(), AuthError> {
        self.0.on_refresh_token_rejected(credentials).await
    }

    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        // Whoever asks has it already.
        Ok(None)
    }
}
