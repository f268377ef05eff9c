//! Logins to remote servers: OAuth 2.1 as MCP profiles it (2026-07-28, Authorization).
//!
//! The protocol itself is rmcp's: metadata of the resource and of its authorization server, PKCE, metadata documents or registration of
//! clients, the check of `iss`, refreshes, and its refusal to be led to addresses of this host's network by what a server publishes.
//! Here is how a user comes to agree on a host without a browser, and how all bridges of a server share its tokens.

mod callback;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::Arc;

use reqwest::Url;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationRequest, AuthorizationSession,
};

use crate::tls;
pub use callback::Listener;
pub use tokens::{Shared, Store, StoredCredentials, Tokens};

/// What the user chose for a login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What is asked for; what the server names, where nothing is.
    pub scopes: Vec<String>,
    /// The client that mcpod is to the authorization server: one that was registered there, or the https:// address of a metadata
    /// document. Without it, it registers itself.
    pub client: Option<String>,
}

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Nobody has logged in, or what was granted is over.
    #[error("nobody is logged in")]
    LoggedOut,
    /// The user, or the authorization server, said no.
    #[error("the authorization server refused: {0}")]
    Refused(String),
    /// What came back is not what was begun.
    #[error("this is not the address that the login led to: {0}")]
    BadCallback(String),
    /// The loopback listener failed.
    #[error("cannot listen on this host's loopback for the end of the login")]
    Listen(#[source] std::io::Error),
    /// The protocol failed.
    #[error("the login failed: {0}")]
    Failed(String),
}

impl From<AuthError> for LoginError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::AuthorizationRequired | AuthError::TokenRefreshRejected(_) => {
                Self::LoggedOut
            }
            error => {
                // Servers' own words are in it.
                let mut text = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(deeper) = cause {
                    text = format!("{text}: {deeper}");
                    cause = deeper.source();
                }
                let text = crate::text::one_line(&text);
                Self::Failed(crate::text::shortened(&text, 500))
            }
        }
    }
}

/// A login that was begun: the user has to visit an address.
#[expect(missing_debug_implementations, reason = "it holds secrets")]
pub struct Begun {
    session: AuthorizationSession,
}

impl Begun {
    /// Finds out where the user has to log in, and makes mcpod known there.
    ///
    /// `challenge` is what the server said when it refused (`WWW-Authenticate`), `redirect` the address of the [`Listener`].
    pub async fn at(
        url: &Url,
        store: Arc<dyn Store>,
        challenge: Option<&str>,
        redirect: &str,
        wanted: &Wanted,
    ) -> Result<Self, LoginError> {
        let mut manager = manager(url, store).await?;
        let resolution = manager.resolve_metadata_from_challenge(challenge).await?;
        manager.set_metadata(resolution.metadata);
        let mut request = AuthorizationRequest::new(redirect).with_client_name("mcpod");
        request = if wanted.scopes.is_empty() {
            request.with_initial_scope_selection()
        } else {
            request.with_scopes(wanted.scopes.clone())
        };
        request = match &wanted.client {
            Some(client) if client.starts_with("https://") => {
                request.with_client_metadata_url(client)
            }
            Some(client) => request.with_preregistered_client(client),
            None => request,
        };
        let session = AuthorizationSession::new(manager, request).await;
        let session = session.map_err(|(_, error)| LoginError::from(error))?;
        Ok(Self { session })
    }

    /// The address that the user has to visit.
    pub fn address(&self) -> &str {
        self.session.get_authorization_url()
    }

    /// Takes the address that the user was led to in the end; the tokens are kept.
    pub async fn finish(&self, address: &str) -> Result<(), LoginError> {
        let address = address.trim();
        let bad = |why: &str| LoginError::BadCallback(why.to_owned());
        let url = Url::parse(address).map_err(|_| bad("it is no address"))?;
        let value = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs.find_map(|(key, value)| (key == name).then(|| crate::text::one_line(&value)))
        };
        if let Some(error) = value("error") {
            return Err(LoginError::Refused(match value("error_description") {
                Some(description) => format!("{error}: {description}"),
                None => error,
            }));
        }
        if value("code").is_none() || value("state").is_none() {
            return Err(bad("it has no code and state in it"));
        }
        self.session.handle_callback_url(address).await?;
        Ok(())
    }
}

/// What speaks the protocol for one server.
async fn manager(url: &Url, store: Arc<dyn Store>) -> Result<AuthorizationManager, LoginError> {
    // rmcp makes its HTTP client itself.
    tls::install();
    let mut manager = AuthorizationManager::new(url.as_str()).await?;
    manager.set_credential_store(Shared(store));
    Ok(manager)
}
