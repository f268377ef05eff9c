//! What is remembered of a source between refreshes.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::FetchError;
use crate::catalog::source::Refused;

/// The file in a source's folder.
const STATE: &str = "state.json";

/// The longest that a source can ask to be left alone (`Retry-After`): nobody means a month.
const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// What is remembered of a source.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// What all of this, and all that lies beside it, is about; see [`Source::origin`](super::Source).
    pub(super) origin: String,
    /// When a fetch that succeeded was begun.
    pub(super) fetched_at: Option<Timestamp>,
    /// When the last fetch ended. Whoever waited for it meanwhile need not fetch again.
    pub(super) done_at: Option<Timestamp>,
    /// Why the last fetch failed, if it did.
    pub(super) error: Option<String>,
    /// How often it failed since it last succeeded.
    failures: u32,
    /// It failed, and is not asked before then.
    again_at: Option<Timestamp>,
    /// It asked not to be asked before then.
    silent_until: Option<Timestamp>,
    /// What tells what was fetched from what was fetched before.
    pub(super) content: String,
    /// How far an API was followed.
    pub(super) api: Api,
    /// Whether its entries are in the index in use.
    pub(super) is_indexed: bool,
    /// How many entries it has.
    pub(super) entries: usize,
    /// The first of the records that were refused.
    pub(super) refused: Vec<Refused>,
    /// How many were refused.
    pub(super) refused_count: usize,
}

/// How far an API was followed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Api {
    /// When the last whole copy was begun.
    pub(super) full_at: Option<Timestamp>,
    /// The latest change that was seen.
    pub(super) until: Option<Timestamp>,
    /// A walk through its pages that has not been taken over.
    pub(super) walk: Option<Walk>,
    /// The number of the file of items in use; 0 before there is one.
    pub(super) items: u64,
}

/// A walk through the pages of an API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Walk {
    /// When it was begun.
    pub(super) begun_at: Timestamp,
    /// What changed since then is asked for; all, if there is none.
    pub(super) since: Option<Timestamp>,
    /// The next page; the first, if there is none.
    pub(super) cursor: Option<String>,
    /// How many bytes of the file of this walk count.
    pub(super) bytes: u64,
    /// Whether the last page was read.
    pub(super) is_complete: bool,
}

impl State {
    /// What is remembered in a folder of that origin; nothing of what comes from another.
    pub(super) fn load(folder: &Path, origin: &str) -> Self {
        let state: Self = read(&folder.join(STATE)).unwrap_or_default();
        if state.origin == origin {
            return state;
        }
        Self {
            origin: origin.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), FetchError> {
        write(&folder.join(STATE), self)
    }

    /// Whether it is time to ask the source. What a source asks for itself holds by force, too.
    pub(super) fn is_due(&self, now: Timestamp, interval: Duration, force: bool) -> bool {
        // A clock that was set back must not stop a source for ever: what lies further ahead than it can is passed over.
        let holds = |until: Option<Timestamp>, most: SignedDuration| {
            until.is_some_and(|until| until > now && until.duration_since(now) <= most)
        };
        let interval = signed(interval);
        let is_fresh = self
            .fetched_at
            .is_some_and(|at| at <= now && now.duration_since(at) < interval);
        !holds(self.silent_until, SILENCE_MAX)
            && (force || !(is_fresh || holds(self.again_at, interval)))
    }

    /// When it is asked again at the earliest, if it failed.
    pub(super) fn again_at(&self) -> Option<Timestamp> {
        self.again_at.max(self.silent_until)
    }

    /// Remembers that a fetch that was begun then succeeded.
    pub(super) fn succeeded(&mut self, asked: Timestamp) {
        self.fetched_at = Some(asked);
        self.done_at = Some(Timestamp::now());
        (self.error, self.failures) = (None, 0);
        (self.again_at, self.silent_until) = (None, None);
    }

    /// Remembers that a fetch failed: the source is left alone, each time for twice as long, up to its interval.
    pub(super) fn failed(&mut self, error: &FetchError, retry: Duration, interval: Duration) {
        let now = Timestamp::now();
        let wait = retry.saturating_mul(2_u32.saturating_pow(self.failures));
        let later = |wait: SignedDuration| now.checked_add(wait).ok();
        self.again_at = later(signed(wait.min(interval)));
        self.silent_until = error
            .retry_after()
            .and_then(|wait| later(signed(wait).min(SILENCE_MAX)));
        self.failures = self.failures.saturating_add(1);
        self.done_at = Some(now);
        self.error = Some(error.in_a_line());
    }
}

/// Removes what lies in a source's folder, unless it is of that origin: entries from another address are not in use.
pub(super) fn forget_others(folder: &Path, origin: &str) -> Result<(), FetchError> {
    let state: Option<State> = read(&folder.join(STATE));
    if state.is_some_and(|state| state.origin == origin) {
        return Ok(());
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FetchError::file(folder, error))
        }
        _ => Ok(()),
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// A file of JSON; nothing where it is not there or is no such JSON, which is as good as nothing to remember.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a file of JSON in one step.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), FetchError> {
    let json = serde_json::to_vec(value).map_err(|error| FetchError::file(path, error.into()))?;
    write_bytes(path, &[&json])
}

/// Writes a file in one step.
pub(super) fn write_bytes(path: &Path, pieces: &[&[u8]]) -> Result<(), FetchError> {
    let failed = |source| FetchError::file(path, source);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    for piece in pieces {
        file.write_all(piece).map_err(failed)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const RETRY: Duration = Duration::from_mins(5);

    fn after(state: &State, time: Duration, force: bool) -> bool {
        let now = Timestamp::now().checked_add(signed(time)).unwrap();
        state.is_due(now, DAY, force)
    }

    fn busy(retry_after: Option<Duration>) -> FetchError {
        FetchError::Status {
            url: "x".to_owned(),
            status: 429,
            retry_after,
        }
    }

    #[test]
    fn a_source_is_left_alone_for_a_day_and_after_failures() {
        let mut state = State::default();
        assert!(after(&state, Duration::ZERO, false));
        state.succeeded(Timestamp::now());
        assert!(!after(&state, DAY / 2, false) && after(&state, DAY / 2, true));
        assert!(after(&state, 2 * DAY, false));

        // One failure after the other, each time at the first moment: ever longer, and a day at last.
        let mut state = State::default();
        let mut wait = RETRY;
        for _ in 0..12 {
            state.failed(&busy(None), RETRY, DAY);
            assert!(
                !after(&state, wait.saturating_sub(Duration::from_secs(9)), false),
                "{wait:?}"
            );
            assert!(
                after(&state, wait + Duration::from_secs(9), false),
                "{wait:?}"
            );
            assert!(after(&state, Duration::ZERO, true));
            wait = (2 * wait).min(DAY);
        }
        state.succeeded(Timestamp::now());
        assert_eq!(
            (state.again_at(), &state.error, state.failures),
            (None, &None, 0)
        );
    }

    #[test]
    fn what_a_server_asks_for_holds_by_force_too_within_reason() {
        let mut state = State::default();
        state.failed(&busy(Some(Duration::from_hours(3))), RETRY, DAY);
        assert!(!after(&state, Duration::from_hours(2), true));
        assert!(after(&state, Duration::from_hours(4), false));
        state.failed(&busy(Some(Duration::from_hours(24 * 365))), RETRY, DAY);
        assert!(!after(&state, Duration::from_hours(23), true));
        assert!(after(&state, Duration::from_hours(25), true));
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let now = Timestamp::now();
        let ahead = now
            .checked_add(SignedDuration::from_hours(24 * 400))
            .unwrap();
        let state = State {
            fetched_at: Some(ahead),
            again_at: Some(ahead),
            silent_until: Some(ahead),
            ..State::default()
        };
        assert!(state.is_due(now, DAY, false));
    }
}
