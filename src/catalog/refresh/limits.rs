//! How much a source may send, and how long it may take.

use std::time::Duration;

/// The bounds of a refresh. Tests use smaller ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one answer, after it was unpacked. The largest real one, a page of a hundred servers, has 300 KB.
    pub answer: u64,
    /// Bytes of everything that a source sends or a repository holds. The largest real one is a dump of 120 MB.
    pub source: u64,
    /// Bytes of one file of a repository.
    pub file: u64,
    /// Files read of a repository.
    pub files: usize,
    /// How long one request may take.
    pub request: Duration,
    /// How long a source may take in all.
    pub time: Duration,
    /// How often a request is made that fails for a reason that may pass.
    pub attempts: u32,
    /// How long to wait before the second attempt; twice as long before each further one.
    pub backoff: Duration,
    /// The longest wait that a server can ask for (`Retry-After`). One that asks for more is left alone until next time.
    pub patience: Duration,
    /// How long a source that failed is left alone; twice as long after each further failure, up to its interval.
    pub retry: Duration,
    /// How long to wait between two pages of a web site.
    pub pause: Duration,
    /// Pages of a web site in one refresh.
    pub pages: usize,
    /// How old a whole copy of an API may be before it is fetched anew, since its changes do not say everything; and how
    /// old a walk through its pages may be to be gone on with.
    pub full_pass: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: 32 << 20,
            source: 512 << 20,
            file: 4 << 20,
            files: 200_000,
            request: Duration::from_mins(1),
            time: Duration::from_mins(30),
            attempts: 4,
            backoff: Duration::from_secs(1),
            patience: Duration::from_mins(2),
            retry: Duration::from_mins(5),
            pause: Duration::from_secs(1),
            pages: 500,
            full_pass: Duration::from_hours(7 * 24),
        }
    }
}
