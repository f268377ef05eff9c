//! Fetching one source: when it is time, from all its addresses, within its time.

use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;

use super::address::Address;
use super::contents::{content, mirror_of};
use super::error::{FetchError, RefreshError};
use super::settings::{Kind, Source};
use super::state::State;
use super::web::Web;
use super::{Event, Refresh, api, kept, mirror, site};

impl Refresh {
    /// Fetches a source if it is time, and remembers how that ended.
    pub(super) async fn source(
        &self,
        source: &Source,
        begun: Timestamp,
        force: bool,
        web: &Web,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), RefreshError> {
        let folder = self.store.source(&source.name);
        let mut state = State::load(&folder, &source.origin());
        let was_done_meanwhile = state
            .done_at
            .is_some_and(|at| at > begun && at <= Timestamp::now());
        if was_done_meanwhile || !state.is_due(begun, source.interval, force) {
            return Ok(());
        }
        tell(Event::Fetching(&source.name));
        let asked = Timestamp::now();
        // Whatever comes to lie in the folder is said to be of this origin.
        state.save(&folder)?;
        let mut fetched = self.fetch(source, &folder, &mut state, web, tell).await;
        // What came before it failed counts, too.
        let mut is_new = false;
        match content(source, &folder, &state, &self.limits) {
            Ok(content) => {
                is_new = content != state.content;
                state.content = content;
            }
            Err(error) => fetched = fetched.and(Err(error)),
        }
        match fetched {
            Ok(()) => {
                tell(Event::Fetched(&source.name, is_new));
                state.succeeded(asked);
            }
            Err(error) => {
                tell(Event::Failed(&source.name, &error.in_a_line()));
                state.failed(&error, self.limits.retry, source.interval);
            }
        }
        Ok(state.save(&folder)?)
    }

    /// Fetches from all addresses of a source: one that fails holds up no other.
    async fn fetch(
        &self,
        source: &Source,
        folder: &Path,
        state: &mut State,
        web: &Web,
        tell: &mut impl FnMut(Event<'_>),
    ) -> Result<(), FetchError> {
        let deadline = Instant::now() + self.limits.time;
        let mut failed = Ok(());
        for (number, url) in (0..).zip(&source.urls) {
            let address = Address::of(url, source.kind)?;
            let fetched = match address {
                Address::Folder(_) => Ok(()),
                Address::Git => self.mirror(url, mirror_of(folder, number), deadline).await,
                Address::Web => {
                    let received = |count| tell(Event::Received(&source.name, count));
                    let work = async {
                        match source.kind {
                            Kind::Official => {
                                api::follow(url, folder, state, web, &self.limits, received).await
                            }
                            Kind::Site => {
                                let name = &source.name;
                                site::visit(url, name, folder, web, &self.limits, received).await
                            }
                            Kind::Docker | Kind::List | Kind::Toml => {
                                kept::get(url, folder, web).await.map(drop)
                            }
                        }
                    };
                    let fetched = tokio::time::timeout_at(deadline.into(), work).await;
                    fetched.unwrap_or_else(|_| {
                        Err(FetchError::TooSlow {
                            url: url.clone(),
                            limit: self.limits.time,
                        })
                    })
                }
            };
            failed = failed.and(fetched);
        }
        failed
    }

    /// Fetches a repository, which ends by itself at the deadline.
    async fn mirror(
        &self,
        url: &str,
        mirror: std::path::PathBuf,
        deadline: Instant,
    ) -> Result<(), FetchError> {
        let (own_url, place, limits) = (url.to_owned(), mirror.clone(), self.limits.clone());
        let update = move || mirror::update(&own_url, &place, &limits, deadline);
        tokio::task::spawn_blocking(update)
            .await
            .map_err(|error| FetchError::file(&mirror, error.into()))?
    }
}
