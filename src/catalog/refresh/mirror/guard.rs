//! Watches a fetch, which cannot be bounded from inside: too much or too long, and it is stopped.

use std::fs;
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::catalog::refresh::error::FetchError;
use crate::catalog::refresh::limits::Limits;

/// How often the size of what comes in is looked at.
const WATCH: Duration = Duration::from_millis(100);

/// What stops a fetch, wherever it is.
#[derive(Debug)]
pub(super) struct Stop {
    flag: AtomicBool,
    excess: OnceLock<Excess>,
    /// The connection that it may be waiting for.
    stream: Mutex<Option<TcpStream>>,
    /// The most bytes that may come.
    most: u64,
}

/// What there was too much of.
#[derive(Debug, Clone, Copy)]
enum Excess {
    Size(u64),
    Time(Duration),
}

/// A thread that watches a fetch.
pub(super) struct Guard {
    pub(super) stop: Arc<Stop>,
    done: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
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

    /// Looks at how many bytes there are.
    pub(super) fn weigh(&self, bytes: u64) {
        if bytes > self.most {
            self.now(Excess::Size(self.most));
        }
    }

    fn now(&self, excess: Excess) {
        // The first one is what it is stopped for.
        self.excess.set(excess).ok();
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
        let stop = Arc::new(Stop {
            flag: AtomicBool::new(false),
            excess: OnceLock::new(),
            stream: Mutex::new(None),
            most: limits.source,
        });
        let (done, ended) = mpsc::channel();
        let (folder, time, stopping) = (folder.to_owned(), limits.time, Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(WATCH) {
                stopping.weigh(size(&folder));
                if Instant::now() >= deadline {
                    stopping.now(Excess::Time(time));
                }
            }
        });
        Self { stop, done, thread }
    }

    /// Ends the watch. It fails if the fetch was stopped.
    pub(super) fn end(self, url: &str) -> Result<(), FetchError> {
        // The thread waits for this, unless it panicked.
        self.done.send(()).ok();
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
        let url = url.to_owned();
        match self.stop.excess.get() {
            Some(Excess::Size(limit)) => Err(FetchError::TooLarge { url, limit: *limit }),
            Some(Excess::Time(limit)) => Err(FetchError::TooSlow { url, limit: *limit }),
            None => Ok(()),
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
