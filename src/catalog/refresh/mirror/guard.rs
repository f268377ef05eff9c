//! Watches a fetch, which cannot be bounded from inside: too much or too long, and it is stopped.

use std::fs;
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::catalog::refresh::error::FetchError;
use crate::catalog::refresh::limits::Limits;

/// How often the size of what comes in is looked at.
const WATCH: Duration = Duration::from_millis(100);

/// What stops a fetch, wherever it is.
#[derive(Debug, Default)]
pub(super) struct Stop {
    flag: AtomicBool,
    /// The connection that it may be waiting for.
    stream: Mutex<Option<TcpStream>>,
}

/// A thread that watches a fetch.
pub(super) struct Guard {
    pub(super) stop: Arc<Stop>,
    done: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<Option<Excess>>,
}

enum Excess {
    Size(u64),
    Time(Duration),
}

impl Stop {
    /// What a fetch looks at between two steps.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Whoever reads from this connection is woken up, too.
    pub(super) fn watch(&self, stream: TcpStream) {
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
    }

    fn now(&self) {
        self.flag.store(true, Ordering::Relaxed);
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = stream.as_ref() {
            // It may be closed already.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Guard {
    pub(super) fn start(folder: &Path, limits: &Limits, deadline: Instant) -> Self {
        let stop = Arc::new(Stop::default());
        let (done, ended) = mpsc::channel();
        let (folder, limits, stopping) = (folder.to_owned(), limits.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(WATCH) {
                let excess = if size(&folder) > limits.source {
                    Excess::Size(limits.source)
                } else if Instant::now() >= deadline {
                    Excess::Time(limits.time)
                } else {
                    continue;
                };
                stopping.now();
                return Some(excess);
            }
            None
        });
        Self { stop, done, thread }
    }

    /// Ends the watch. It fails if the fetch was stopped.
    pub(super) fn end(self, url: &str) -> Result<(), FetchError> {
        // The thread may have ended before.
        self.done.send(()).ok();
        let url = url.to_owned();
        match self.thread.join() {
            Ok(Some(Excess::Size(limit))) => Err(FetchError::TooLarge { url, limit }),
            Ok(Some(Excess::Time(limit))) => Err(FetchError::TooSlow { url, limit }),
            Ok(None) => Ok(()),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let items = fs::read_dir(folder).into_iter().flatten().flatten();
    items
        .map(|item| match item.file_type() {
            Ok(kind) if kind.is_dir() => size(&item.path()),
            _ => item.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}
